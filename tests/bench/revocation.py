#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One end of a stream of datagrams for tests/bench/revocation.sh.

revocation.py send ADDRESS PORT          one datagram a millisecond, until it is ended; refusals are not minded
revocation.py receive ADDRESS PORT FILE  after each datagram the time (s, CLOCK_REALTIME) stands in FILE, 8 bytes
"""
import mmap
import os
import socket
import struct
import sys
import time


def send(address: str, port: int) -> None:
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.connect((address, port))
    due = time.monotonic()
    while True:
        try:
            out.send(b"x")
        except OSError:
            pass  # the refusal of the last one
        due = max(due + 0.001, time.monotonic() - 0.01)
        time.sleep(max(0.0, due - time.monotonic()))


def receive(address: str, port: int, name: str) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, port))
    with open(name, "w+b") as file:
        os.ftruncate(file.fileno(), 8)
        last = mmap.mmap(file.fileno(), 8)
        while True:
            sock.recv(16)
            last[:] = struct.pack("<d", time.time())


if __name__ == "__main__":
    {"send": lambda a: send(a[0], int(a[1])), "receive": lambda a: receive(a[0], int(a[1]), a[2])}[sys.argv[1]](sys.argv[2:])
