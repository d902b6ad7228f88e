# SPDX-License-Identifier: Apache-2.0
"""Stands in for WireGuard in its private namespace, where the kernel has none: UDP that has WireGuard's shape.
  stand_in.py receive PORT COUNT SECONDS       prints "N whole from ADDRESS:PORT ...", waits for COUNT messages at most
  stand_in.py send PORT ADDRESS PORT TYPE COUNT [INDEX]
A message is type, index, number and bytes that follow from the number, so that the receiver sees whether it is whole."""
import socket, struct, sys, time

SIZES = {1: 148, 2: 92, 3: 64, 4: 96}


def message(kind, index, number):
    head = struct.pack("<IIQ", kind, index, number)
    return head + bytes((number + i) & 255 for i in range(SIZES[kind] - len(head)))


def receive(port, count, seconds):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", port))
    whole, sources, end = 0, set(), time.monotonic() + seconds
    while whole < count and (left := end - time.monotonic()) > 0:
        s.settimeout(left)
        try:
            data, source = s.recvfrom(65535)
        except TimeoutError:
            break
        kind, index, number = struct.unpack("<IIQ", data[:16])
        whole += data == message(kind, index, number)
        sources.add("%s:%d" % source)
    print(whole, "whole from", *sorted(sources))


def send(port, address, to_port, kind, count, index=7):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", port))
    for number in range(count):
        s.sendto(message(kind, index, number), (address, to_port))


verb, *rest = sys.argv[1:]
numbers = [w if "." in w or ":" in w else int(w) for w in rest]
{"receive": receive, "send": send}[verb](*numbers)
