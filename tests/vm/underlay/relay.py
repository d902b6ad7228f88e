# SPDX-License-Identifier: Apache-2.0
"""The plainest relay: two bound channels, in user space, so that the kernel verifies every checksum that arrives and fills
every one that leaves. relay.py ADDRESS PORT: channel 0xa1 is the first client's, 0xb1 the second's; each is bound to the
first source that uses it."""
import socket, struct, sys

family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
bound = {}
other = {0xA1: 0xB1, 0xB1: 0xA1}
print("ready", flush=True)
while True:
    data, source = s.recvfrom(65535)
    if len(data) < 8:
        continue
    magic, channel = struct.unpack(">HI", data[:6])
    if magic != 0xD101 or channel not in other:
        continue
    bound.setdefault(channel, source)
    if other[channel] in bound:
        s.sendto(struct.pack(">HI", magic, other[channel]) + data[6:], bound[other[channel]])
