#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a metric that a program exports is missing in docs/metrics.md, or one that stands there is exported by none.

In a row of the table `…_end` is a name that begins as the row's first one does.
"""
import pathlib
import re
import subprocess
import sys

NAME = re.compile(r'"(kernmesh_(?:agent|server|relay)_[a-z_]+)"')
WORD = re.compile(r"`(kernmesh_[a-z_]+|…_[a-z_]+)`")


def spelt_out(row: list[str], exported: set[str]):
    """The full names of a row; a short one that fits nothing comes as it is."""
    for word in row:
        if not word.startswith("…"):
            yield word
            continue
        parts = row[0].split("_")
        ends = ("_".join(parts[:n]) + word[1:] for n in range(len(parts) - 1, 1, -1))
        yield next((name for name in ends if name in exported), word)


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "controller/*.cc"], cwd=root,
                           capture_output=True, text=True, check=True).stdout.split()
    exported = {name for file in files if (root / file).exists() for name in NAME.findall((root / file).read_text())}
    told = set()
    for line in (root / "docs/metrics.md").read_text().splitlines():
        if line.startswith("| `") and (row := WORD.findall(line.split("|")[1])):
            told.update(spelt_out(row, exported))
    missing, unknown = sorted(exported - told), sorted(told - exported)
    for name in missing:
        print(f"docs/metrics.md does not tell of {name}")
    for name in unknown:
        print(f"docs/metrics.md: {name} is exported by no program")
    programs = {name.split("_")[1] for name in exported}
    if programs != {"agent", "server", "relay"}:
        print(f"metrics of {' '.join(sorted(programs)) or 'no program'} alone were found")
        return 1
    print(f"metrics: {len(exported)} names, {len(missing) + len(unknown)} faults")
    return 1 if missing or unknown else 0


if __name__ == "__main__":
    sys.exit(main())
