# SPDX-License-Identifier: Apache-2.0
"""One process with sockets in many network namespaces."""
import ctypes
import os

CLONE_NEWNET = 0x40000000  # linux/sched.h


def in_namespace(namespace: str, make):
    """What make() returns inside the namespace of that name; the caller is back outside afterwards."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"enter {namespace}")
        return make()
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(there)
        os.close(home)
