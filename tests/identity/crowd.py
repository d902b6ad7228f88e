# SPDX-License-Identifier: Apache-2.0
"""C8 and C9: many watchers of one mesh-server, over real connections on loopback: some that never drain, all that come back at once,
and one that flaps.

usage: crowd.py MESH_SERVER STATE_DIRECTORY NODES ROUNDS; run by crowd.sh, which makes the messages' classes. All nodes see one,
the hub, and not each other, so that a change of the hub concerns everybody.
"""
import collections
import math
import random
import resource
import select
import socket
import ssl
import struct
import sys
import time

from http2 import (ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, PING, PREFACE, RST_STREAM, SETTINGS, call_head,
                   frame, message, setting, unary, window)
from mesh.v1 import admin_pb2, coordination_pb2
from network import PATIENCE, REPORT, WATCH, Node, Server, user_with_key

POLICY = '{"acls": [{"action": "accept", "src": ["crowd@"], "dst": ["hub@:22"]}]}'
# Two calls each of the 100 that a connection may make at once, and shares with those in its place, which can be three of these
# (connection_calls.h). All stay open until the end, since a connection that comes in the place of one that has just gone has what
# that left.
REGISTRATIONS_A_CONNECTION = 10
STALLED_PART = 10           # one of so many
MAX_STALL_SECONDS = 60      # kMaxStall of housekeeper.h
FLUSH_SECONDS = 2           # kFlushInterval of housekeeper.h: how often presence is written
MOST_KIB_A_STALLED = 128    # as much again as a connection that reads: those cost 120 KiB
MOST_MIB_OF_CHANGES = 16    # what malloc's arenas keep of the changes themselves
CHANGES = 20
FLAPS = 50


class Stream:
    """A node's connection with its one watch; a reader or one that never takes a byte of the answer."""

    def __init__(self, crowd, node: Node, reads: bool):
        self.crowd, self.node, self.reads = crowd, node, reads
        raw = socket.socket()
        # Gone without a word and without a port that is kept, as when a network is cut.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.bind((f"127.0.0.{2 + raw.fileno() % 50}", 0))
        raw.setblocking(False)
        raw.connect_ex(crowd.server.address)
        self.raw, self.tls, self.fd = raw, None, raw.fileno()
        self.ready, self.buffer, self.answer = False, bytearray(), bytearray()
        self.updates, self.bytes, self.port, self.read_at, self.ended = 0, 0, 0, 0.0, ""
        self.opened_at, self.ended_at = 0.0, 0.0
        crowd.streams[self.fd] = self
        crowd.poll.register(self.fd, select.EPOLLIN | select.EPOLLOUT)

    def close(self) -> None:
        if self.crowd.streams.get(self.fd) is self:
            del self.crowd.streams[self.fd]
            self.crowd.poll.unregister(self.fd)
            (self.tls or self.raw).close()

    def step(self) -> None:
        try:
            if self.tls is None:
                self.tls = self.crowd.server.context.wrap_socket(self.raw, server_hostname="kernmesh", do_handshake_on_connect=False)
            if not self.ready:
                self.tls.do_handshake()
                self.begin()
            while more := self.tls.recv(65536):
                self.buffer += more
                self.take_frames()
            self.end("closed")
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            self.end(type(error).__name__)
        self.close()

    def end(self, why: str) -> None:
        """By the server. A reader comes back, as agents do."""
        if self.ended:
            return
        self.ended, self.ended_at = why, time.monotonic()
        if self.reads:
            # As gRPC's clients with the times of channel.cc.
            self.node.tries += 1
            self.crowd.lost.append((self.ended_at + min(10, 0.5 * 1.6 ** (self.node.tries - 1)) * random.uniform(0.8, 1.2), self))
            self.crowd.losses[why.split()[0]] += 1

    def begin(self) -> None:
        self.ready, self.opened_at = True, time.monotonic()
        self.crowd.poll.modify(self.fd, select.EPOLLIN)
        hello = PREFACE + (frame(SETTINGS, 0, 0) if self.reads else setting(INITIAL_WINDOW_SIZE, 0))
        self.tls.send(hello + frame(HEADERS, END_HEADERS, 1, call_head(WATCH, self.node.token)) + frame(DATA, END_STREAM, 1, message()))

    def take_frames(self) -> None:
        at = 0
        while len(self.buffer) - at >= 9:
            length = int.from_bytes(self.buffer[at:at + 3], "big")
            if len(self.buffer) - at < 9 + length:
                break
            kind, flags, of = self.buffer[at + 3], self.buffer[at + 4], self.buffer[at + 8]
            payload = bytes(self.buffer[at + 9:at + 9 + length])
            at += 9 + length
            if kind == SETTINGS and not flags & ACK:
                self.tls.send(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                self.tls.send(frame(PING, ACK, 0, payload))
            elif kind == DATA:
                self.take_data(payload)
            elif kind == GOAWAY or (of == 1 and (kind == RST_STREAM or flags & END_STREAM)):
                self.end(f"frame {kind} {payload!r}")
        del self.buffer[:at]

    def take_data(self, payload: bytes) -> None:
        self.answer += payload
        self.bytes += len(payload)
        self.tls.send(window(0, len(payload)) + window(1, len(payload)))
        while len(self.answer) >= 5 and len(self.answer) >= 5 + (length := int.from_bytes(self.answer[1:5], "big")):
            update = coordination_pb2.NetmapUpdate.FromString(bytes(self.answer[5:5 + length]))
            del self.answer[:5 + length]
            if update.HasField("keepalive"):
                continue
            self.updates, self.node.tries = self.updates + 1, 0
            for peer in update.snapshot.peers if update.HasField("snapshot") else update.delta.upserted_peers:
                if peer.name == "hub" and peer.endpoints:
                    self.port, self.read_at = peer.endpoints[0].port, time.monotonic()


class Crowd:
    def __init__(self, server: Server, count: int):
        self.server, self.poll, self.streams, self.port = server, select.epoll(), {}, 1000
        self.lost, self.losses = [], collections.Counter()
        self.hub, self.nodes = Node(), [Node() for _ in range(count)]

    def enroll(self) -> None:
        keys = {name: user_with_key(self.server, name) for name in ("crowd", "hub")}
        connection = self.server.connect()
        self.server.ask(connection, 1, "SetPolicy", admin_pb2.SetPolicyRequest(text=POLICY, text_bytes=len(POLICY)))
        fingerprint, open_ones = self.server.fingerprint(), []
        for index, node in enumerate([self.hub, *self.nodes]):
            if index % REGISTRATIONS_A_CONNECTION == 0:
                connection, calls = self.server.connect(), iter(range(1, 1 << 30, 4))
                open_ones.append(connection)
            name, user = ("hub", "hub") if node is self.hub else (f"n{index}", "crowd")
            node.register(connection, next(calls), fingerprint, keys[user], name)
        for connection in open_ones:
            connection.close()

    def watch(self, nodes, reads: bool = True) -> None:
        for node in nodes:
            if node.stream is not None:
                node.stream.close()
            node.stream = Stream(self, node, reads)

    def run_until(self, done, seconds: float = PATIENCE) -> bool:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() >= deadline:
                return False
            for fd, _ in self.poll.poll(0.05):
                if fd in self.streams:
                    self.streams[fd].step()
            self.bring_back()
        return True

    def bring_back(self) -> None:
        now, lost = time.monotonic(), self.lost
        self.lost = [(due, stream) for due, stream in lost if due > now]
        self.watch([stream.node for due, stream in lost if due <= now and stream.node.stream is stream])

    def run_for(self, seconds: float) -> None:
        """Others' messages are read for so long; what is counted is what comes in this time."""
        self.run_until(lambda: False, seconds)

    def change(self) -> float:
        """The hub moves; when it said so."""
        self.port += 1
        report = coordination_pb2.ReportRequest()
        report.endpoints.endpoints.add(address=bytes([198, 51, 100, 7]), port=self.port)
        connection = self.server.connect()
        said = time.monotonic()
        answer = unary(connection, 1, REPORT, self.hub.token, report.SerializeToString(), PATIENCE)
        assert answer is not None, (connection.ended, connection.refusal)
        connection.close()
        return said

    def all_told(self, nodes, seconds: float = PATIENCE) -> bool:
        left = set(nodes)

        def done() -> bool:
            left.difference_update([node for node in left if node.stream.port == self.port])
            return not left
        return self.run_until(done, seconds)

    def changes(self, nodes) -> list:
        """Of each change, seconds from the hub's word to each node's having read it, sorted; empty when somebody was never told."""
        took = []
        for _ in range(CHANGES):
            said = self.change()
            if not self.all_told(nodes):
                return []
            took.append(sorted(node.stream.read_at - said for node in nodes))
        return took


def part(values: list, share: float) -> float:
    return values[min(len(values) - 1, math.ceil(len(values) * share) - 1)]


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name: str, ok: bool, says: str) -> None:
        self.passed, self.failed = self.passed + bool(ok), self.failed + (not ok)
        print(f"{'ok   ' if ok else 'FAIL '} {name}\n      {says}", flush=True)


def in_words(changes: list) -> str:
    if not changes:
        return "somebody was never told"
    everything = sorted(seconds for change in changes for seconds in change)
    return f"{1000 * part(everything, 0.5):.0f} ms, {1000 * usual_p99(changes):.0f} ms, {1000 * part(everything, 0.99):.0f} ms"


def usual_p99(changes: list) -> float:
    """Of the changes' own; that of all of them is the slowest change's, and on a busy machine nothing but that."""
    return part(sorted(part(change, 0.99) for change in changes), 0.5)


def check_stalled(crowd: Crowd, checks: Checks, lazy: list, others: list) -> None:
    crowd.losses.clear()
    before = crowd.changes(others)
    memory = crowd.server.memory_mib("VmRSS")
    crowd.watch(lazy, reads=False)
    crowd.run_until(lambda: all(node.stream.ready for node in lazy))
    during = crowd.changes(others)
    more = crowd.server.memory_mib("VmRSS") - memory
    checks.check(f"c8_{len(lazy)}_that_never_drain_at_most_double_the_p99_of_{len(others)}_others",
                 before and during and usual_p99(during) <= 2 * usual_p99(before),
                 f"{CHANGES} changes, median, a change's p99, p99 of all: without them {in_words(before)}; with them {in_words(during)}")
    checks.check("c8_a_stalled_reader_costs_no_more_than_another_connection", more <= MOST_KIB_A_STALLED * len(lazy) / 1024 + MOST_MIB_OF_CHANGES,
                 f"{more:+.0f} MiB after {CHANGES} changes, {crowd.server.memory_mib('VmRSS'):.0f} MiB with {len(crowd.nodes)} watchers")


def check_dropped(crowd: Crowd, checks: Checks, lazy: list, others: list) -> None:
    gone = crowd.run_until(lambda: all(node.stream.ended for node in lazy), MAX_STALL_SECONDS + 30)
    lives = sorted(node.stream.ended_at - node.stream.opened_at for node in lazy if node.stream.ended)
    checks.check("c8_the_stalled_are_dropped_after_kMaxStall", gone and lives[0] >= MAX_STALL_SECONDS - 1,
                 f"{len(lives)} of {len(lazy)}" + (f", {lives[0]:.0f} s to {lives[-1]:.0f} s after they came" if lives else "") +
                 f"; the first says {lazy[0].stream.ended}")
    checks.check("c8_nobody_else_is", not crowd.losses, f"others that went: {dict(crowd.losses)}")
    crowd.change()
    crowd.watch(lazy)
    checks.check("c8_they_resynchronise_when_they_come_back", crowd.all_told(crowd.nodes), "all have the hub's newest address")


def check_returns(crowd: Crowd, checks: Checks, nodes: list, rounds: int) -> None:
    hub, server, costs, times, sent = crowd.hub, crowd.server, [], [], []
    memory = [server.memory_mib("VmRSS")]
    crowd.losses.clear()
    for _ in range(rounds):
        hub.stream.updates, spent, began = 0, server.processor_seconds(), time.monotonic()
        crowd.watch(nodes)
        if not crowd.all_told(nodes):
            break
        times.append(time.monotonic() - began)
        crowd.run_for(2 * FLUSH_SECONDS)
        costs.append((server.processor_seconds() - spent) / len(nodes))
        memory.append(server.memory_mib("VmRSS"))
        sent.append((hub.stream.updates, 2 + (times[-1] + 2 * FLUSH_SECONDS) / FLUSH_SECONDS))
    checks.check(f"c9_{len(nodes)}_reconnect_at_once_{rounds}_times", len(times) == rounds,
                 f"seconds until the last has the newest state: {' '.join(f'{took:.1f}' for took in times)}; "
                 f"{1000 * sum(costs) / max(1, len(costs)):.2f} ms of processors each; MiB: {' '.join(f'{mib:.0f}' for mib in memory)}; "
                 f"tried again: {sum(crowd.losses.values())} {dict(crowd.losses)}")
    checks.check("c9_who_sees_them_all_is_told_at_most_once_a_flush", sent and all(updates <= most for updates, most in sent),
                 f"updates a round: {' '.join(str(updates) for updates, _ in sent)}, for {2 * len(nodes)} comings and goings")
    most = max(node.stream.updates for node in nodes)
    checks.check("c9_the_others_are_told_nothing_of_it", most <= 2, f"at most {most} updates each in the last round, the snapshot among them")


def check_absence(crowd: Crowd, checks: Checks, nodes: list) -> None:
    """They stay away for longer than a flush, so that it is told."""
    hub, began = crowd.hub.stream, time.monotonic()
    hub.updates = hub.bytes = 0
    for node in nodes:
        node.stream.close()
    crowd.run_for(2 * FLUSH_SECONDS)
    gone = hub.updates
    crowd.watch(nodes)
    told = crowd.all_told(nodes)
    crowd.run_for(2 * FLUSH_SECONDS)
    most = 2 + (time.monotonic() - began) / FLUSH_SECONDS
    checks.check(f"c9_{len(nodes)}_away_and_back_are_told_at_most_once_a_flush", told and 1 <= gone < hub.updates <= most,
                 f"{gone} updates of their going, {hub.updates - gone} of their coming, {hub.bytes / len(nodes) / 2:.0f} bytes for each of "
                 f"{2 * len(nodes)} comings and goings")


def check_flapping(crowd: Crowd, checks: Checks, nodes: list) -> None:
    crowd.run_for(2 * FLUSH_SECONDS)
    for node in nodes:
        node.stream.updates = node.stream.bytes = 0
    began, spent = time.monotonic(), crowd.server.processor_seconds()
    came = 0
    for _ in range(FLAPS):
        crowd.watch([crowd.hub])
        came += crowd.run_until(lambda: crowd.hub.stream.updates > 0)
    crowd.run_for(2 * FLUSH_SECONDS)
    took, updates = time.monotonic() - began, [node.stream.updates for node in nodes]
    most = 1 + math.ceil(took / FLUSH_SECONDS)
    checks.check(f"c9_one_that_flaps_{FLAPS}_times_is_told_to_others_at_most_once_a_flush", came == FLAPS and max(updates) <= most,
                 f"in {took:.1f} s at most {max(updates)} updates each, {sum(updates)} to {len(updates)} others "
                 f"({sum(updates) / FLAPS:.1f} a flap), {sum(node.stream.bytes for node in nodes) / len(updates):.0f} bytes each with "
                 f"keepalives, {1000 * (crowd.server.processor_seconds() - spent) / FLAPS:.1f} ms of processors a flap")


def main() -> None:
    binary, state, count, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if files < count + 1000:
        sys.exit(f"FAIL  {count} connections want {count + 1000} open files, and this shell allows {files}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    checks = Checks()
    with Server(binary, state) as server:
        crowd, began = Crowd(server, count), time.monotonic()
        crowd.enroll()
        print(f"      {count} registered in {time.monotonic() - began:.0f} s", flush=True)
        crowd.watch([crowd.hub, *crowd.nodes])
        crowd.change()
        checks.check(f"{count}_watch", crowd.all_told(crowd.nodes) and crowd.run_until(lambda: crowd.hub.stream.updates > 0), f"{server.memory_mib('VmRSS'):.0f} MiB")
        crowd.run_for(3 * FLUSH_SECONDS)
        lazy, others = crowd.nodes[:count // STALLED_PART], crowd.nodes[count // STALLED_PART:]
        check_stalled(crowd, checks, lazy, others)
        check_dropped(crowd, checks, lazy, others)
        # By now the server has run for longer than the minute in which nobody is taken to be gone (reconnect_grace of server.h).
        check_returns(crowd, checks, crowd.nodes, rounds)
        check_absence(crowd, checks, crowd.nodes)
        check_flapping(crowd, checks, crowd.nodes)
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(checks.failed != 0)


if __name__ == "__main__":
    main()
