#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Datagrams for tests/vm/mesh/flood.sh.

flood.py send ADDRESS PORT RATE        RATE datagrams a second, as far as the machine makes them; refusals are not minded
flood.py count ADDRESS FOLDER PORT...  how many came to each port stands in FOLDER/arrived-PORT, at least twice a second
"""
import os
import select
import socket
import sys
import time


def send(address: str, port: int, rate: int) -> None:
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    due = time.monotonic()
    while True:
        try:
            out.sendto(b"flood", (address, port))
        except OSError:
            pass
        due = max(due + 1 / rate, time.monotonic() - 0.05)
        time.sleep(max(0.0, due - time.monotonic()))


def count(address: str, folder: str, ports: list[str]) -> None:
    sockets, counts = {}, {}
    for port in ports:
        sockets[port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sockets[port].bind((address, int(port)))
        counts[port] = 0
    due = 0.0
    while True:
        ready, _, _ = select.select(list(sockets.values()), [], [], 0.2)
        for port, sock in sockets.items():
            if sock in ready:
                sock.recv(64)
                counts[port] += 1
        if time.monotonic() < due:
            continue
        due = time.monotonic() + 0.1
        for port in ports:
            name = os.path.join(folder, f"arrived-{port}")
            with open(name + ".new", "w") as file:
                file.write(str(counts[port]))
            os.rename(name + ".new", name)


if __name__ == "__main__":
    verb, address, *rest = sys.argv[1:]
    if verb == "send":
        send(address, int(rest[0]), int(rest[1]))
    count(address, rest[0], rest[1:])
