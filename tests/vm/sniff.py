#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sniff.py INTERFACE FILE WORD: counts frames, those with the word in the clear, and what the frames are.

FILE holds "FRAMES WITH_WORD SORT=COUNT..."; a frame that is nothing known is of sort "other", and the first few of them stand
in FILE.other, in hexadecimal. The sorts are what a relay may see: sealed (WireGuard's messages and path discovery behind the relay's
header), direct (the same without it), control, stun, tls (TCP 443), server (TCP 8443), neighbour (ARP, ND, MLD), error (ICMP's
word that one of these could not be delivered).
"""
import collections
import select
import signal
import socket
import struct
import sys
import time

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6, ETH_P_ARP = 3, 0x0800, 0x86DD, 0x0806
ICMP, TCP, UDP, ICMPV6, HOP_BY_HOP = 1, 6, 17, 58, 0
ERRORS = {ICMP: (3, 11), ICMPV6: (1, 2, 3, 4)}  # unreachable, too big, time exceeded, bad parameter
DISCO, CONTROL, RELAYED, STUN = b"\xd4\x60\x0d\x15", b"\xd4\x60\x0d\x16", b"\xd1\x01", b"\x21\x12\xa4\x42"
WIREGUARD_BYTES = {1: 148, 2: 92, 3: 64}  # its paper, section 5.4; data (4) is padded to 16 bytes behind a header of 16 and a tag of 16
TCP_PORTS = {443: "tls", 8443: "server"}
NEIGHBOUR = range(130, 138)  # ICMPv6: MLD, ND; MLDv2's report is 143
MLD2_REPORT = 143
WRITE_EVERY_S, SHOWN = 0.05, 5


def is_wireguard(message: bytes) -> bool:
    if len(message) < 4 or message[1:4] != bytes(3):
        return False
    kind = message[0]
    return len(message) == WIREGUARD_BYTES.get(kind, -1) or (kind == 4 and len(message) >= 32 and len(message) % 16 == 0)


def is_sealed(message: bytes) -> bool:
    return is_wireguard(message) or message.startswith(DISCO)


def udp_sort(payload: bytes) -> str:
    if payload.startswith(RELAYED) and payload[2:6] != bytes(4) and is_sealed(payload[8:]):
        return "sealed"
    if payload.startswith(CONTROL):
        return "control"
    if payload[4:8] == STUN and payload[0] in (0, 1) and len(payload) == 20 + struct.unpack("!H", payload[2:4])[0]:
        return "stun"
    return "direct" if is_sealed(payload) else "other"


def transport_sort(protocol: int, body: bytes) -> str:
    if protocol == UDP and len(body) >= 8:
        return udp_sort(body[8 : struct.unpack("!H", body[4:6])[0]])
    if protocol == TCP and len(body) >= 20:
        sorts = [TCP_PORTS[port] for port in struct.unpack("!HH", body[:4]) if port in TCP_PORTS]
        return sorts[0] if sorts else "other"
    if protocol == HOP_BY_HOP and len(body) > 8:
        return "neighbour" if body[0] == ICMPV6 and body[8] in (*NEIGHBOUR, MLD2_REPORT) else "other"
    if body and body[0] in ERRORS.get(protocol, ()):
        return "error"
    return "neighbour" if protocol == ICMPV6 and body and body[0] in NEIGHBOUR else "other"


def sort_of(frame: bytes) -> str:
    kind, packet = struct.unpack("!H", frame[12:14])[0], frame[14:]
    if kind == ETH_P_ARP:
        return "neighbour"
    if kind == ETH_P_IP and len(packet) >= 20 and packet[0] == 0x45 and not struct.unpack("!H", packet[6:8])[0] & 0x3FFF:
        return transport_sort(packet[9], packet[20 : struct.unpack("!H", packet[2:4])[0]])
    if kind == ETH_P_IPV6 and len(packet) >= 40:
        return transport_sort(packet[6], packet[40 : 40 + struct.unpack("!H", packet[4:6])[0]])
    return "other"


def main() -> None:
    interface, name, word = sys.argv[1], sys.argv[2], sys.argv[3].encode()
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(ETH_P_ALL))
    sniffer.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
    sniffer.bind((interface, 0))
    frames, clear, written, sorts, unknown = 0, 0, 0.0, collections.Counter(), []
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    while True:
        try:
            frame = sniffer.recv(65536)
        except BlockingIOError:
            frame = b""
            select.select([sniffer], [], [], WRITE_EVERY_S)
        if frame:
            frames += 1
            clear += word in frame
            sort = sort_of(frame)
            sorts[sort] += 1
            if sort == "other" and len(unknown) < SHOWN:
                unknown.append(frame[:80].hex())
        if frames and (ended or time.monotonic() - written >= WRITE_EVERY_S):
            written = time.monotonic()
            counts = " ".join(f"{sort}={count}" for sort, count in sorted(sorts.items()))
            for path, lines in ((name, [f"{frames} {clear} {counts}"]), (name + ".other", unknown)):
                with open(path, "w", encoding="ascii") as file:
                    file.write("".join(line + "\n" for line in lines))
        if ended and not frame:
            return


if __name__ == "__main__":
    main()
