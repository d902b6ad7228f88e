#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a function that one file keeps to itself has the name of one that its folder's headers declare.

Files are compiled in batches (MESH_UNITY): in a batch such a function hides the declared one from the files that come
after it, and a call there may silently become a call of the wrong one.
"""
import collections
import pathlib
import re
import subprocess
import sys

FUNCTION = re.compile(r"^(?:\[\[nodiscard\]\] |inline |constexpr |template <[^>]*> |static )*[A-Za-z_][\w:<>,&* ]*?[ &*>](\w+)\(")


def hidden_functions(lines: list[str]):
    """Line numbers and names of functions in unnamed namespaces."""
    inside = False
    for number, line in enumerate(lines, 1):
        if line.startswith("namespace {"):
            inside = True
        elif line.rstrip() == "}  // namespace":
            inside = False
        elif inside and (match := FUNCTION.match(line)):
            yield number, match.group(1)


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.h", "*.cc"],
                           cwd=root, capture_output=True, text=True, check=True).stdout.split()
    declared = collections.defaultdict(set)
    for name in files:
        if name.endswith(".h"):
            for line in (root / name).read_text().splitlines():
                if match := FUNCTION.match(line):
                    declared[match.group(1)].add(name)
    faults = 0
    for name in files:
        if not name.endswith(".cc"):
            continue
        folders = (str(pathlib.PurePath(name).parent), "controller/base")
        for number, function in hidden_functions((root / name).read_text().splitlines()):
            for header in sorted(declared[function]):
                if str(pathlib.PurePath(header).parent) in folders:
                    print(f"{name}:{number}: {function} has the name of one in {header}")
                    faults += 1
    print(f"names: {len(files)} files, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
