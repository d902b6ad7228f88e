# SPDX-License-Identifier: Apache-2.0
"""C7: what a stranger and a node can do to the gRPC port of a mesh-server with HTTP/2 itself, and that others are served meanwhile.

usage: floods.py MESH_SERVER DIRECTORY [CHECK...]; run by floods.sh, which makes the messages' classes. Each flood has a server of its
own, so that its peak is this flood's.
"""
import itertools
import multiprocessing
import os
import socket
import sys
import time

from http2 import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, Connection,
                   call_head, field, frame, message, prefix_int, unary)
from mesh.v1 import coordination_pb2
from network import CHALLENGE, REPORT, WATCH, Node, Server, user_with_key

CANCEL = b"\0\0\0\x08"
BATCH = 500
# As many calls as one connection may have (kMaxCallsPerConnection in grpc_server.h), each with its headers of 16 KiB, the
# largest message of 64 KiB (kMaxRequestBytes) and the 20 KiB that a call costs gRPC, are 10 MiB; a connection's window
# and buffers are under 4 (flood_test.cc). The rest is what gRPC makes of the frames that it has read at one go: 64 MiB of
# the 100,000 pings, 102 MiB once of 30 MiB of header fields on a busy machine, most of it before it has hung up.
MOST_MIB = 200
# kConnectionCallsAtOnce and kConnectionCallsPerSecond of connection_calls.h.
CALLS_AT_ONCE, CALLS_A_SECOND = 100, 10
# GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS of grpc_server.cc; the server's ping at 30 s, which its sender does not answer within 10. And room
# for a busy machine.
UNHEARD_SECONDS = 40 + 15


def serve_watch(server: Server, stop, worst) -> None:
    """Another client, in a process of its own: connects anew and calls, again and again. worst: seconds; 99 for no answer.

    gRPC 1.51 may work off the flood's frames before it turns to another connection, so that this one waits for as long as the flood
    takes, which on a busy machine is many seconds.
    """
    while True:
        began = time.monotonic()
        try:
            connection = server.connect()
            answered = unary(connection, 1, "/mesh.v1.Admin/GetCaller", server.token, b"", 60) is not None
            connection.close()
        except OSError:
            answered = False
        worst.value = max(worst.value, time.monotonic() - began if answered else 99)
        if stop.wait(0.2):
            return


def settle(connection: Connection) -> None:
    """Takes the server's SETTINGS, so that its bounds hold, and says so."""
    connection.wait(5)
    connection.send(frame(SETTINGS, ACK, 0))


def in_batches(pieces: int, batch_from):
    def send(connection: Connection, deaf: bool) -> None:
        for first in range(0, pieces, BATCH):
            if not connection.send(batch_from(first), deaf):
                return
    return send


def streams(count: int, path: str, tail: bytes = b"", token: str = ""):
    head = call_head(path, token)

    def batch_from(first: int) -> bytes:
        ids = range(1 + 2 * first, 1 + 2 * (first + BATCH), 2)
        return b"".join(frame(HEADERS, END_HEADERS, n, head) + (frame(RST_STREAM, 0, n, tail) if tail else b"") for n in ids)
    return in_batches(count, batch_from)


def heard(flood):
    def after_settings(connection: Connection, deaf: bool) -> None:
        settle(connection)
        flood(connection, deaf)
    return after_settings


def header_block(first: bytes, piece: bytes, count: int, last: bytes | None = None):
    """A block in so many more pieces; without `last` it has no end."""
    def send(connection: Connection, deaf: bool) -> None:
        settle(connection)
        connection.send(frame(HEADERS, END_STREAM, 1, first), deaf)
        for _ in range(count):
            if not connection.send(frame(CONTINUATION, 0, 1, piece), deaf):
                return
        if last is not None:
            connection.send(frame(CONTINUATION, END_HEADERS, 1, last), deaf)
    return send


HEAD = call_head(CHALLENGE)
MIB = 1 << 20
LARGE = field(b"x-large", b"a" * MIB)
# Name, the flood, what ends the connection, at the latest with the next frame: "" where gRPC 1.51 only works it off.
FLOODS = (
    ("c7_rapid_reset_of_a_strangers_call", heard(streams(50_000, CHALLENGE, CANCEL)), ""),
    ("c7_rapid_reset_of_a_call_that_wants_a_token", heard(streams(50_000, WATCH, CANCEL)), ""),
    ("c7_streams_by_the_thousand", heard(streams(20_000, CHALLENGE)), "ends"),
    ("c7_streams_by_the_thousand_before_the_settings_are_acknowledged", streams(20_000, CHALLENGE), ""),
    ("c7_pings", in_batches(100_000, lambda _: frame(PING, 0, 0, b"12345678") * BATCH), "ends"),
    ("c7_settings", in_batches(100_000, lambda _: frame(SETTINGS, 0, 0) * BATCH), ""),
    ("c7_header_of_one_mebibyte", header_block(HEAD + LARGE[:1000], LARGE[1000:17000], MIB // 16000, LARGE[-1000:]), "ends"),
    ("c7_header_fields_without_end", header_block(HEAD, field(b"x", b"a" * 100) * 140, 2000), "ends"),
    ("c7_indexed_fields_without_end", header_block(HEAD, b"\x82" * 16000, 500), "ends"),
    ("c7_empty_continuations", header_block(HEAD, b"", 100_000), ""),
    ("c7_one_string_of_a_gibibyte", header_block(HEAD + b"\x00\x01x" + prefix_int(1 << 30, 7), b"a" * 16384, 4 * MIB // 16384), ""),
)


def check_flood(server: Server, name: str, flood, end: str, deaf: bool) -> bool:
    """deaf: its sender does not read what the server answers."""
    before, stop, worst = server.memory_mib("VmRSS"), multiprocessing.Event(), multiprocessing.Value("d", 0)
    other = multiprocessing.Process(target=serve_watch, args=(server, stop, worst))
    other.start()
    connection = server.connect()
    began, spent = time.monotonic(), server.processor_seconds()
    flood(connection, deaf)
    sent = time.monotonic() - began
    said = connection.wait_for_end(2 if end else 0)
    if end and not said:
        # What is wrong with a block gRPC may see with the next frame only.
        connection.send(frame(PING, 0, 0, b"12345678"))
        said = connection.wait_for_end(10)
    server.wait_until_idle(stop)
    spent = server.processor_seconds() - spent
    stop.set()
    other.join()
    connection.close()
    more = server.memory_mib("VmHWM") - before
    faults = [f"{more:.0f} MiB more memory than before"] * (more > MOST_MIB) + ["others are not served"] * (worst.value >= 99)
    faults += [f"the connection goes on ({said!r})"] * (bool(end) and not said)
    print(f"{'FAIL ' if faults else 'ok   '} {name}{', who does not read' if deaf else ''}{': ' * bool(faults)}{'; '.join(faults)}\n"
          f"      sent in {sent:.1f} s, peak +{more:.0f} MiB, {spent:.1f} s of processors, others within {worst.value:.2f} s, {said or 'goes on'}",
          flush=True)
    return not faults


def check_silent(server: Server) -> int:
    """Connections that say nothing; counts those that failed."""
    plain = [socket.create_connection(server.address) for _ in range(200)]
    handshake = [server.connect(hello=b"") for _ in range(50)]
    silent = [server.connect(hello=PREFACE + frame(SETTINGS, 0, 0)) for _ in range(50)]
    for one in plain:
        one.setblocking(False)
    kinds = (("c7_connections_without_a_word", plain), ("c7_tls_and_then_silence", handshake), ("c7_preface_and_then_silence", silent))
    began, open_ones, took, failed = time.monotonic(), {name: list(all_of) for name, all_of in kinds}, {}, 0
    served = server.connect()
    ok = unary(served, 1, "/mesh.v1.Admin/GetCaller", server.token, b"") is not None
    print(f"{'ok   ' if ok else 'FAIL '} c7_others_are_served_beside_300_silent_connections", flush=True)
    failed += not ok
    while len(took) < len(kinds) and time.monotonic() - began < UNHEARD_SECONDS:
        for name, _ in kinds:
            open_ones[name] = [one for one in open_ones[name] if not has_ended(one)]
            if not open_ones[name]:
                took.setdefault(name, time.monotonic() - began)
        served.wait(0.2)
    for name, all_of in kinds:
        ok = name in took
        failed += not ok
        print(f"{'ok   ' if ok else 'FAIL '} {name}: " + (f"{len(all_of)} ended within {took[name]:.0f} s" if name in took else
              f"{len(open_ones[name])} of {len(all_of)} go on after {UNHEARD_SECONDS} s"), flush=True)
    return failed


def check_own_calls(server: Server) -> int:
    """What one connection may ask without a token is its own: others have theirs. Counts what failed."""
    def asks(connection: Connection, stream: int) -> bool:
        request = coordination_pb2.ChallengeRequest(machine_key=os.urandom(32))
        return unary(connection, stream, CHALLENGE, "", request.SerializeToString()) is not None
    greedy, others = server.connect(), [server.connect() for _ in range(20)]
    began = time.monotonic()
    answered = sum(asks(greedy, stream) for stream in range(1, 601, 2))
    most = CALLS_AT_ONCE + (time.monotonic() - began) * CALLS_A_SECOND + 1
    ok = CALLS_AT_ONCE <= answered <= most < 300
    print(f"{'ok   ' if ok else 'FAIL '} c7_a_connection_has_so_many_calls_without_a_token\n"
          f"      {answered} of 300 answered, at most {most:.0f}", flush=True)
    failed = not ok
    # Two may share one place by chance, once in 4,096.
    served = sum(asks(other, 1) and asks(other, 3) for other in others)
    ok = served >= len(others) - 1
    print(f"{'ok   ' if ok else 'FAIL '} c7_beside_it_other_connections_have_theirs\n      {served} of {len(others)} answered", flush=True)
    failed += not ok
    ok = unary(greedy, 601, "/mesh.v1.Admin/GetCaller", server.token, b"") is not None
    print(f"{'ok   ' if ok else 'FAIL '} c7_its_calls_with_a_token_go_on", flush=True)
    return failed + (not ok)


def has_ended(one) -> bool:
    if isinstance(one, Connection):
        one.take()
        return bool(one.ended)
    try:
        return not one.recv(4096)
    except BlockingIOError:
        return False
    except OSError:
        return True


def node_token(server: Server) -> str:
    node, connection = Node(), server.connect()
    node.register(connection, 1, server.fingerprint(), user_with_key(server, "ada"), "n1")
    connection.close()
    return node.token


def main() -> None:
    binary, directory, wanted = sys.argv[1], sys.argv[2], sys.argv[3:]
    numbers = itertools.count()
    count = failed = 0

    def started() -> Server:
        return Server(binary, f"{directory}/{next(numbers)}")

    def run_silent(result) -> None:
        with Server(binary, f"{directory}/silent") as server:
            result.value = check_silent(server)
    # Nearly all of it is waiting.
    silent_failed, silent = multiprocessing.Value("i", 4), None
    if not wanted or "silent" in wanted:
        silent = multiprocessing.Process(target=run_silent, args=(silent_failed,))
        silent.start()
    for name, flood, end in FLOODS:
        for deaf in (False, True) if not wanted or name in wanted else ():
            with started() as server:
                failed += not check_flood(server, name, flood, end, deaf)
                count += 1
    if not wanted or "nodes" in wanted:
        for deaf in (False, True):
            with started() as server:
                flood = heard(streams(50_000, REPORT, CANCEL, node_token(server)))
                failed += not check_flood(server, "c7_rapid_reset_of_a_nodes_call", flood, "", deaf)
                count += 1
    if not wanted or "own" in wanted:
        with started() as server:
            failed += check_own_calls(server)
            count += 3
    if silent:
        silent.join()
        failed += silent_failed.value
        count += 4
    print(f"{count - failed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
