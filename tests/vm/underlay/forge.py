# SPDX-License-Identifier: Apache-2.0
"""Sends wrong packets. forge.py SOURCE DESTINATION PORT...: every WireGuard type in right and wrong lengths, headers that
lie, fragments, from SOURCE (may be anybody's) and several source ports, to each port. Needs CAP_NET_RAW; IPv4 or IPv6."""
import ipaddress, socket, struct, sys

source, destination = map(ipaddress.ip_address, sys.argv[1:3])
ports = map(int, sys.argv[3:])
family = socket.AF_INET6 if destination.version == 6 else socket.AF_INET
raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
sent = 0


def transmit(packet):
    global sent
    try:
        raw.sendto(packet, (str(destination), 0))
        sent += 1
    except OSError:
        pass  # the local kernel refuses some of these; the others are what counts


def udp(payload, sport, dport, length=None):
    return struct.pack(">HHHH", sport, dport, 8 + len(payload) if length is None else length, 0) + payload


def ipv4(body, ihl=5, frag=0, ident=1):
    body = b"\x01" * (4 * (ihl - 5)) + body
    transmit(struct.pack(">BBHHHBBH4s4s", 0x40 | ihl, 0, 20 + len(body), ident, frag, 64, 17, 0,
                         source.packed, destination.packed) + body)


# extensions: (number, header without its first byte), outermost first.
def ipv6(body, extensions=(), length=None):
    numbers = [number for number, _ in extensions] + [17]
    chain = b"".join(bytes([follows]) + rest for follows, (_, rest) in zip(numbers[1:], extensions))
    transmit(struct.pack(">IHBB16s16s", 6 << 28, len(chain + body) if length is None else length, numbers[0], 64,
                         source.packed, destination.packed) + chain + body)


def fragment(offset, more, ident=99):
    return (44, struct.pack(">BHI", 0, offset << 3 | more, ident))


def crooked_ipv4(good, whole):
    for change in (dict(ihl=6), dict(ihl=15), dict(frag=0x2000), dict(frag=0x2001), dict(frag=1), dict(frag=0x1FFF), dict(frag=0x8000)):
        ipv4(good, **change)
    # A whole initiation in two fragments, in both orders: it must end at the host, never at WireGuard.
    for order in ((0, 1), (1, 0)):
        for part in order:
            ipv4(whole[:80] if part == 0 else whole[80:], frag=0x2000 if part == 0 else 10, ident=99)


def crooked_ipv6(good, whole):
    options = b"\x00" + b"\x01\x04" + bytes(4)  # eight bytes: length 0, then padding
    for extensions in ([(0, options)], [(60, options)], [(0, options), (60, options)], [(43, b"\x00\x00\x00" + bytes(4))],
                       [(51, b"\x04" + bytes(22))], [(60, b"\xff" + bytes(6))], [fragment(0, 0)], [(60, options), fragment(0, 0)]):
        ipv6(good, extensions)
    for length in (0, 7, 8, 65535):
        ipv6(good, length=length)
    for order in ((0, 1), (1, 0)):
        for part in order:
            ipv6(whole[:80] if part == 0 else whole[80:], [fragment(0, 1) if part == 0 else fragment(10, 0)])


send, crooked = (ipv6, crooked_ipv6) if destination.version == 6 else (ipv4, crooked_ipv4)
lengths = {1: 148, 2: 92, 3: 64, 4: 32}
for port in ports:
    for sport in (port, 1, 51820, 65535):
        for kind in range(0, 6):
            for length in {0, 1, 3, 4, 11, 12, 31, 32, 33, 64, 92, 147, 148, 149, lengths.get(kind, 200)}:
                send(udp(struct.pack("<I", kind)[:length].ljust(length, b"\x5a"), sport, port))
        good = struct.pack("<I", 4).ljust(64, b"\x5a")
        for length in (0, 7, 9, 65535):
            send(udp(good, sport, port, length))
        crooked(udp(good, sport, port), udp(struct.pack("<I", 1).ljust(148, b"\x5a"), sport, port))
        # Relay headers of channels nobody bound.
        send(udp(struct.pack(">HIH", 0xD101, 7, 0) + good, sport, port))
        send(udp(struct.pack(">HIH", 0xD101, 0, 0) + good, sport, port))
print(sent)
