#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether what meshadm --json printed has the shape that docs/json.md shows: the same names, values of the same types.

json_shape.py DOC HEADING [--block N] [--each NAME] < OUTPUT

HEADING is the text behind the #s, N the block of json below it (from 1). A block may hold one object, or several on lines
of their own that `type` tells apart; so may the output. With --each the output is one object with the list NAME, and
every member of it is compared. null stands for any type. Ends with 1 and a line for each difference.
"""
import argparse
import json
import re
import sys


def blocks_under(text: str, heading: str) -> list[str]:
    sections = re.split(r"^#+ +(.*)$", text, flags=re.M)
    for title, body in zip(sections[1::2], sections[2::2]):
        if title.strip() == heading:
            return re.findall(r"^```json\n(.*?)^```", body, flags=re.M | re.S)
    sys.exit(f"no heading {heading!r}")


def objects_in(text: str) -> list[dict]:
    decoder, found, at = json.JSONDecoder(), [], 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


def kind(value) -> str:
    if isinstance(value, bool):
        return "true or false"
    return {dict: "an object", list: "a list", str: "text", int: "a number", float: "a number"}[type(value)]


def differences(path: str, shown, seen):
    if shown is None or seen is None:
        return
    if kind(shown) != kind(seen):
        yield f"{path}: {kind(shown)} in the document, {kind(seen)} in the output"
    elif isinstance(shown, dict):
        for name in shown.keys() - seen.keys():
            yield f"{path}.{name}: not in the output"
        for name in seen.keys() - shown.keys():
            yield f"{path}.{name}: not in the document"
        for name in shown.keys() & seen.keys():
            yield from differences(f"{path}.{name}", shown[name], seen[name])
    elif isinstance(shown, list) and shown:
        for member in seen:
            yield from differences(f"{path}[]", shown[0], member)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("doc")
    parser.add_argument("heading")
    parser.add_argument("--block", type=int, default=1)
    parser.add_argument("--each")
    arguments = parser.parse_args()
    with open(arguments.doc, encoding="utf-8") as file:
        shown = objects_in(blocks_under(file.read(), arguments.heading)[arguments.block - 1])
    seen = objects_in(sys.stdin.read())
    if arguments.each:
        if [list(one) for one in seen] != [[arguments.each]]:
            sys.exit(f"not one object with {arguments.each} alone: {seen}")
        seen = seen[0][arguments.each]
    if not seen:
        sys.exit("nothing to compare: the output is empty")
    found = []
    for one in seen:
        like = [model for model in shown if len(shown) == 1 or model.get("type") == one.get("type")]
        found += differences("", like[0], one) if like else [f"no object of type {one.get('type')!r} in the document"]
    for line in sorted(set(found)):
        print(line)
    sys.exit(1 if found else 0)


main()
