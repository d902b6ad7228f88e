#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""replay.py record INTERFACE FILE PORT SECONDS    keeps the UDP frames that leave by the interface for that port
replay.py again INTERFACE FILE TIMES            sends all of them again so many times, 1,000 a second

Prints how many. Frames are kept with whole checksums, since a sender may have left them to a device.
"""
import pickle
import socket
import struct
import sys
import time

ETH_P_ALL, UDP = 3, 17
ETHERNET_BYTES = 14
PER_SECOND = 1000


def words_sum(data: bytes) -> int:
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def udp_begins(frame: bytes) -> int | None:
    kind = struct.unpack(">H", frame[12:14])[0]
    if kind == 0x0800 and frame[23] == UDP:
        return ETHERNET_BYTES + 4 * (frame[14] & 15)
    return ETHERNET_BYTES + 40 if kind == 0x86dd and frame[20] == UDP else None


def with_checksum(frame: bytes, udp: int) -> bytes:
    ends = frame[26:34] if frame[14] >> 4 == 4 else frame[22:54]
    datagram = frame[udp:udp + 6] + b"\0\0" + frame[udp + 8:udp + struct.unpack(">H", frame[udp + 4:udp + 6])[0]]
    value = 0xffff ^ words_sum(ends + struct.pack(">HH", UDP, len(datagram)) + datagram)
    return frame[:udp + 6] + struct.pack(">H", value or 0xffff) + frame[udp + 8:]


def record(sock: socket.socket, name: str, port: int, seconds: float) -> int:
    frames, end = [], time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            frame, address = sock.recvfrom(65536)
        except TimeoutError:
            break
        udp = udp_begins(frame)
        if address[2] == socket.PACKET_OUTGOING and udp is not None and struct.unpack(">H", frame[udp + 2:udp + 4])[0] == port:
            frames.append(with_checksum(frame, udp))
    with open(name, "wb") as file:
        pickle.dump(frames, file)
    return len(frames)


def again(sock: socket.socket, name: str, times: int) -> int:
    with open(name, "rb") as file:
        frames = pickle.load(file) * times
    began = time.monotonic()
    for number, frame in enumerate(frames):
        while time.monotonic() < began + number / PER_SECOND:
            pass
        sock.send(frame)
    return len(frames)


def main() -> None:
    verb, interface, name, *rest = sys.argv[1:]
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((interface, 0))
    print(record(sock, name, int(rest[0]), float(rest[1])) if verb == "record" else again(sock, name, int(rest[0])))


main()
