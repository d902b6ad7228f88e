#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes BPF programs off interfaces as root might, with tc or with the bpf system call, for tests/vm/mesh/hooks.sh.

hooks.py list INTERFACE SIDE                          "NAME ID" of each program there, first to run first; SIDE is
                                                      ingress or egress
hooks.py take-off INTERFACE SIDE PROGRAM              takes PROGRAM off, which has to be there
hooks.py repair INTERFACE SIDE PROGRAM MILLISECONDS   the same, waits for it to be back and says after how long; fails
                                                      when that is longer. Off a kernel without tcx goes all that tc has
                                                      on that side
"""
import ctypes
import errno
import os
import re
import socket
import struct
import subprocess
import sys
import time

SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
# linux/bpf.h
PROG_DETACH, PROG_GET_FD_BY_ID, OBJ_GET_INFO_BY_FD, PROG_QUERY = 9, 13, 15, 16
TCX = {"ingress": 46, "egress": 47}
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command: int, attributes: ctypes.Array) -> int:
    got = libc.syscall(SYS_BPF, command, attributes, len(attributes))
    if got < 0:
        raise OSError(ctypes.get_errno(), f"bpf({command}): {os.strerror(ctypes.get_errno())}")
    return got


def open_program(number: int) -> int:
    return bpf(PROG_GET_FD_BY_ID, ctypes.create_string_buffer(struct.pack("=III", number, 0, 0), 12))


def name_of(number: int) -> str:
    fd = open_program(number)
    info = ctypes.create_string_buffer(80)
    try:
        bpf(OBJ_GET_INFO_BY_FD, ctypes.create_string_buffer(struct.pack("=IIQ", fd, 80, ctypes.addressof(info)), 16))
    finally:
        os.close(fd)
    return info.raw[64:].split(b"\0")[0].decode()


def tcx_programs(interface: str, side: str) -> list[tuple[str, int]] | None:
    """None: this kernel has no tcx."""
    ids = ctypes.create_string_buffer(4 * 64)
    query = ctypes.create_string_buffer(
        struct.pack("=IIIIQIIQQQQ", socket.if_nametoindex(interface), TCX[side], 0, 0, ctypes.addressof(ids), 64, 0, 0, 0, 0, 0), 64)
    try:
        bpf(PROG_QUERY, query)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return None
        raise
    count = struct.unpack_from("=I", query, 24)[0]
    return [(name_of(number), number) for number in struct.unpack_from(f"={count}I", ids)]


def programs(interface: str, side: str) -> list[tuple[str, int]]:
    found = tcx_programs(interface, side)
    if found is not None:
        return found
    shown = subprocess.run(["tc", "filter", "show", "dev", interface, side], capture_output=True, text=True, check=False).stdout
    return [(name, int(number)) for name, number in re.findall(r" handle 0x\w+ (\w+)\S* .*\bid (\d+)", shown)]


def take_off(interface: str, side: str, program: str) -> None:
    number = dict(programs(interface, side))[program]
    if tcx_programs(interface, side) is None:
        subprocess.run(["tc", "filter", "del", "dev", interface, side], check=True)
        return
    fd = open_program(number)
    bpf(PROG_DETACH, ctypes.create_string_buffer(struct.pack("=IIIIIIQ", socket.if_nametoindex(interface), fd, TCX[side], 0, 0, 0, 0), 32))


def repair(interface: str, side: str, program: str, limit_ms: int) -> int:
    take_off(interface, side, program)
    began = time.monotonic()
    while program not in dict(programs(interface, side)):
        if time.monotonic() - began > 10:
            print(f"{program} is not back on {interface} {side} after 10 s")
            return 1
        time.sleep(0.01)
    took = (time.monotonic() - began) * 1000
    print(f"after {took:.0f} ms")
    return 0 if took <= limit_ms else 1


if __name__ == "__main__":
    verb, device, at, *rest = sys.argv[1:]
    if verb == "list":
        for line in programs(device, at):
            print(*line)
    elif verb == "take-off":
        take_off(device, at, rest[0])
    else:
        sys.exit(repair(device, at, rest[0], int(rest[1])))
