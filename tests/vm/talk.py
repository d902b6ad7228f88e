#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two ends of a TCP conversation for the demo and the VM suites.

talk.py serve ADDRESS PORT...   echoes on these ports until it is ended
talk.py ask ADDRESS PORT        one word there and back; says what happened and how long it took
talk.py talk ADDRESS PORT       a word every 20 ms until the connection ends; says why it ended
"""
import selectors
import socket
import sys
import time


def serve(address: str, ports: list[str]) -> None:
    ready = selectors.DefaultSelector()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for port in ports:
        listener = socket.create_server((address, int(port)), family=family)
        ready.register(listener, selectors.EVENT_READ, True)
    while True:
        for key, _ in ready.select():
            if key.data:
                ready.register(key.fileobj.accept()[0], selectors.EVENT_READ, False)
                continue
            try:
                word = key.fileobj.recv(4096)
                if word:
                    key.fileobj.sendall(word)
                    continue
            except OSError:
                pass
            ready.unregister(key.fileobj)
            key.fileobj.close()


def ask(address: str, port: int) -> int:
    began = time.monotonic()
    try:
        with socket.create_connection((address, port), timeout=10) as there:
            there.sendall(b"hello")
            answer = there.recv(16)
        outcome = "answered" if answer == b"hello" else "closed without an answer"
    except OSError as error:
        outcome = error.strerror or str(error)
    print(f"{address} port {port}: {outcome} after {(time.monotonic() - began) * 1000:.0f} ms")
    return 0 if outcome == "answered" else 1


def talk(address: str, port: int) -> int:
    words = 0
    with socket.create_connection((address, port), timeout=10) as there:
        print("connected", flush=True)
        try:
            while True:
                there.sendall(b"hello")
                if not there.recv(16):
                    raise OSError(0, "closed by the other side")
                words += 1
                time.sleep(0.02)
        except OSError as error:
            print(f"ended after {words} words: {error.strerror or error}, at {time.time():.3f}")
    return 0


if __name__ == "__main__":
    verb, address, *ports = sys.argv[1:]
    if verb == "serve":
        serve(address, ports)
    sys.exit({"ask": ask, "talk": talk}[verb](address, int(ports[0])))
