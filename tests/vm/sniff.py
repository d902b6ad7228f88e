#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sniff.py INTERFACE FILE WORD: counts frames that carry the word in the clear; "FRAMES WITH_WORD" stands in FILE."""
import socket
import sys

interface, name, word = sys.argv[1], sys.argv[2], sys.argv[3].encode()
ETH_P_ALL = 3
sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
sniffer.bind((interface, 0))
frames = clear = 0
while True:
    frame = sniffer.recv(65536)
    frames += 1
    clear += word in frame
    with open(name, "w") as file:
        file.write(f"{frames} {clear}\n")
