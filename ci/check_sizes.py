#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a file or a function outgrows its kind, has no SPDX line, or has a name that says nothing.

Limits are those of the style guide; a file that meets its limit wants to be split by concept.
"""
import pathlib
import re
import subprocess
import sys

LIMITS = [(re.compile(p), n) for p, n in [
    (r"^tests/.*\.(cc|h)$", 500), (r"\.bpf\.c$", 350), (r"\.cc$", 400), (r"\.h$", 150), (r"\.c$", 400),
]]
LICENCES = [(re.compile(p), text) for p, text in [
    (r"^bpf/abi/", "GPL-2.0-only OR Apache-2.0"), (r"^(bpf|kmod)/.*\.[ch]$|\.bpf\.c$", "GPL-2.0-only"), (r"", "Apache-2.0"),
]]
EMPTY_NAMES = re.compile(r"(^|/)(util|utils|helper|helpers|manager|common|misc)(\.|/|_)")
# Of what is formatted by clang-format: a function's body stands between these, at the margin or inside a class. A main is a
# list of options and wiring, and a test a story; both are held to the size of their file alone.
MOST_FUNCTION_LINES = 50
BODY = re.compile(r"^(?P<margin>|  )(?!namespace|extern|using)\w[^{};\[\n]*(\n[^{};\[\n]+){0,5}?\)( const| noexcept| override)*"
                  r"( -> [\w:<>, *&]+)? \{$(?P<lines>(\n(?!(?P=margin)\}$).*)*)\n(?P=margin)\}$", re.MULTILINE)
# Files that carry no comment, or are others' texts.
WITHOUT_SPDX = re.compile(r"(^LICENSE|^LICENSES/|\.json$|\.md$|(^|/)go\.sum$|^\.gitignore$|\.golden$|\.txt$|^tests/golden/|^tests/fuzz/corpus/)")


def faults_of(root: pathlib.Path, name: str) -> list[str]:
    faults = []
    try:
        lines = (root / name).read_text().splitlines()
    except UnicodeDecodeError:
        return faults
    for pattern, limit in LIMITS:
        if pattern.search(name):
            if len(lines) > limit:
                faults.append(f"{len(lines)} lines, at most {limit}")
            break
    if not WITHOUT_SPDX.search(name):
        wanted = next(text for pattern, text in LICENCES if pattern.search(name))
        if not any(f"SPDX-License-Identifier: {wanted}" in line for line in lines[:3]):
            faults.append(f"no \"SPDX-License-Identifier: {wanted}\" in its first lines")
    if name.endswith((".cc", ".h", ".c")) and not name.startswith("tests/"):
        text = "\n".join(lines)
        for body in BODY.finditer(text):
            length = body["lines"].count("\n")
            if length > MOST_FUNCTION_LINES and not body[0].startswith("int main("):
                start = text.count("\n", 0, body.start()) + 1
                faults.append(f"the function at line {start} has {length} lines, at most {MOST_FUNCTION_LINES}")
    if EMPTY_NAMES.search(name):
        faults.append("its name says nothing about what is in it")
    return faults


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=root,
                           capture_output=True, text=True, check=True).stdout.split("\n")
    files = [f for f in files if f and (root / f).is_file()]
    total = 0
    for name in files:
        for fault in faults_of(root, name):
            print(f"{name}: {fault}")
            total += 1
    print(f"sizes: {len(files)} files, {total} faults")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
