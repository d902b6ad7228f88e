# SPDX-License-Identifier: Apache-2.0
"""Sends wrong packets. forge.py SOURCE DESTINATION PORT...: every WireGuard type in right and wrong lengths, headers that
lie, fragments, from SOURCE (may be anybody's) and several source ports, to each port. Needs CAP_NET_RAW; IPv4."""
import socket, struct, sys

source, destination, *ports = sys.argv[1:]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
sent = 0


def send(payload, sport, dport, frag=0, ihl=5, udp_len=None, tot_len=None, ident=1, header=True):
    global sent
    udp = struct.pack(">HHHH", sport, dport, udp_len if udp_len is not None else 8 + len(payload), 0) if header else b""
    body = b"\x01" * (4 * (ihl - 5)) + udp + payload
    total = 20 + len(body) if tot_len is None else tot_len
    ip = struct.pack(">BBHHHBBH4s4s", 0x40 | ihl, 0, total, ident, frag, 64, 17, 0,
                     socket.inet_aton(source), socket.inet_aton(destination))
    try:
        raw.sendto(ip + body, (destination, 0))
        sent += 1
    except OSError:
        pass  # the local kernel refuses some of these; the others are what counts


lengths = {1: 148, 2: 92, 3: 64, 4: 32}
for port in map(int, ports):
    for sport in (port, 1, 51820, 65535):
        for kind in range(0, 6):
            for length in {0, 1, 3, 4, 11, 12, 31, 32, 33, 64, 92, 147, 148, 149, lengths.get(kind, 200)}:
                send(struct.pack("<I", kind)[:length].ljust(length, b"\x5a"), sport, port)
        good = struct.pack("<I", 4).ljust(64, b"\x5a")
        for bad in (dict(udp_len=0), dict(udp_len=7), dict(udp_len=9), dict(udp_len=65535), dict(ihl=6), dict(ihl=15),
                    dict(frag=0x2000), dict(frag=0x2001), dict(frag=1), dict(frag=0x1fff), dict(frag=0x8000)):
            send(good, sport, port, **bad)
        # A whole initiation in two fragments, in both orders: it must end at the host, never at WireGuard.
        whole = struct.pack(">HHHH", sport, port, 156, 0) + struct.pack("<I", 1).ljust(148, b"\x5a")
        for order in ((0, 1), (1, 0)):
            for part in order:
                send(whole[:80] if part == 0 else whole[80:], 0, 0, frag=0x2000 if part == 0 else 10, ident=99, header=False)
        # Relay headers of channels nobody bound.
        send(struct.pack(">HIH", 0xD101, 7, 0) + good, sport, port)
        send(struct.pack(">HIH", 0xD101, 0, 0) + good, sport, port)
print(sent)
