#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads every #include of our own and fails when an edge of the layers is forbidden.

    L4 mains, tools/meshadm -> L3 server | agent | relay -> L2 host | portmap | oidc | netlink | bpf | rpc | store -> L1 core -> L0 base
    leaves that anybody may include: bpf/abi, generated code (mesh/v1, *.skel.h)
"""
import pathlib
import re
import subprocess
import sys

LAYER = {"base": 0, "core": 1, "host": 2, "portmap": 2, "oidc": 2, "netlink": 2, "bpf": 2, "rpc": 2, "store": 2, "server": 3, "agent": 3, "relay": 3}
# What core may include of the outside world: nothing that asks the system or the clock, logs, or locks.
IMPURE = re.compile(r"<(sys/|unistd|fcntl|thread>|mutex>|condition_variable>|fstream>|iostream>|spdlog|grpc|sqlite|bpf/|libmnl|netlink/|curl/|httplib)")
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|(<[^>]+>))')


def room_of(path: str) -> str:
    """The room a file or include path belongs to: base, core, ..., main, tools, tests, leaf or outside."""
    parts = path.split("/")
    if path.startswith(("bpf/abi/", "mesh/v1/")) or path.endswith(".skel.h"):
        return "leaf"
    if parts[0] == "controller":
        return parts[1] if len(parts) > 2 else "main"
    if parts[0] in ("tools", "tests"):
        return parts[0]
    if parts[0] == "bpf":
        return "programs"
    return "outside"


def complaint(source: str, target: str) -> str | None:
    """Why a file of room `source` may not include one of room `target`; None when it may."""
    if target in ("leaf", "outside") or source == target:
        return None
    if source == "tests":
        return None
    if source == "programs":
        return "BPF programs include bpf/abi and bpf/lib only"
    if target == "tests":
        return "nothing depends on the tests"
    if source in ("main", "tools"):
        if source == "tools" and target in ("server", "agent", "relay"):
            return "meshadm talks to the daemons by their API, not by their code"
        return None if target in LAYER else "mains include the layers below only"
    if source not in LAYER or target not in LAYER:
        return f"{source} does not know {target}"
    if LAYER[target] == LAYER[source]:
        return f"{source} and {target} are siblings"
    if LAYER[target] > LAYER[source]:
        return f"{source} (L{LAYER[source]}) is below {target} (L{LAYER[target]})"
    return None


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.h", "*.cc", "*.c"],
                           cwd=root, capture_output=True, text=True, check=True).stdout.split()
    faults = 0
    for name in files:
        room = room_of(name)
        seen = set()
        for number, line in enumerate((root / name).read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            own, system = found.groups()
            reason = None
            if name.endswith(".cc") and line in seen:
                reason = "included twice"
            elif own:
                reason = complaint(room, room_of(own))
            elif room in ("base", "core") and IMPURE.match(system) and not (room == "base" and "unistd" in system):
                reason = f"{room} is pure: no system call, clock, thread or log"
            seen.add(line)
            if reason:
                print(f"{name}:{number}: {line.strip()}: {reason}")
                faults += 1
    print(f"layers: {len(files)} files, {faults} forbidden includes")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
