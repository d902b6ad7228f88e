#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How soon packets take another path, for tests/bench/path.sh: path.py ROUNDS ALPHA BETA JSON

Each node sends the other a datagram every 2 ms through the mesh. What passes the nodes' interfaces is captured there with
the kernel's time: WireGuard's data, which way it goes, and the answers of path discovery (their size tells them apart).
Of each switch and each direction:
  event     from the event to the first packet that leaves on the new path
  proof     from the first answer that came on that path after the event; below zero: packets were there before it
  gap       the longest time without a packet at the receiver, around the switch
  lost      datagrams that were sent then and never arrived
All sockets are this process's, opened in the nodes' namespaces.
"""
import dataclasses
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "nat"))
from namespaces import in_namespace

LAB, PREFIX, BIN = (os.environ.get(name, "") for name in ("LAB", "LAB_PREFIX", "BIN"))
PORT, RELAY_PORT = 7, 3478
GAP_S = 0.002
PADDING = bytes(64)  # so that data is larger than WireGuard's keepalives
LEAST_DATA_BYTES = 96
DISCO_MAGIC, SHIM_MAGIC = b"\xd4\x60\x0d\x15", b"\xd1\x01"
RELAYS = {"10.77.5.2": "relay1", "10.77.6.2": "relay2"}
PONG_BYTES, SHIM_BYTES = 113, 8  # controller/core/path/disco.h, controller/core/relay/data.h
SO_TIMESTAMPNS = 35
AROUND_S = 0.5  # a round begins so long before the event; and it takes so long for the last packets to arrive
MOST_WAIT_S, MOST_SETTLING_S = 60.0, 120.0  # a path that was left is used beside its successor for 30 s
BACK_S = 5.0  # after a relay has come back, until everybody knows
SEED = 7


def open_datagrams(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUFFORCE if hasattr(socket, "SO_RCVBUFFORCE") else 33, 1 << 22)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind((address, PORT))
    return sock


def open_capture() -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.htons(3))
    sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind(("eth0", 0))
    return sock


def kernel_time(ancillary) -> float:
    for _, kind, data in ancillary:
        if kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("qq", data[:16])
            return seconds + nanoseconds / 1e9
    raise RuntimeError("a packet without a time")


@dataclasses.dataclass(frozen=True)
class Way:
    own: str
    far: str
    relayed: bool


@dataclasses.dataclass
class Node:
    name: str
    address: str

    def __post_init__(self):
        self.sock = in_namespace(PREFIX + self.name, lambda: open_datagrams(self.address))
        self.capture = in_namespace(PREFIX + self.name, open_capture)
        self.peer = None
        self.sent = 0  # datagrams so far
        self.begin()

    def begin(self) -> None:
        self.first_sent = self.sent
        self.out, self.pongs = [], []  # (time, way)
        self.heard = {}  # number of a datagram of the peer: time

    def speak(self) -> None:
        try:
            self.sock.sendto(struct.pack("<Q", self.sent) + PADDING, (self.peer.address, PORT))
        except OSError:
            pass  # counts as lost
        self.sent += 1

    def hear(self) -> None:
        while True:
            try:
                data, ancillary, _, _ = self.sock.recvmsg(256, 128)
            except BlockingIOError:
                return
            except ConnectionError:
                continue
            self.heard.setdefault(struct.unpack("<Q", data[:8])[0], kernel_time(ancillary))

    def watch(self) -> None:
        while True:
            try:
                frame, ancillary, _, address = self.capture.recvmsg(256, 128)
            except BlockingIOError:
                return
            self.note(frame, kernel_time(ancillary), address[2] == socket.PACKET_OUTGOING)

    def note(self, frame: bytes, at: float, is_outgoing: bool) -> None:
        if len(frame) < 28 or frame[0] != 0x45 or frame[9] != 17:
            return
        ports = struct.unpack(">HH", frame[20:24])
        ends = [f"{socket.inet_ntoa(frame[12 + 4 * i:16 + 4 * i])}:{port}" for i, port in enumerate(ports)]
        if not is_outgoing:
            ends.reverse()
        size, payload = struct.unpack(">H", frame[24:26])[0] - 8, frame[28:]
        relayed = payload[:2] == SHIM_MAGIC
        if relayed:
            payload, size = payload[SHIM_BYTES:], size - SHIM_BYTES
        way = Way(*ends, relayed)
        if is_outgoing and payload[:1] == b"\x04" and size >= LEAST_DATA_BYTES:
            self.out.append((at, way))
        elif not is_outgoing and payload[:4] == DISCO_MAGIC and size == PONG_BYTES:
            self.pongs.append((at, way))


@dataclasses.dataclass
class Switch:
    event_ms: float
    proof_ms: float | None
    gap_ms: float
    lost: int


def shell(host: str, *command: str) -> list[str]:
    return ["nsenter", f"--net=/run/netns/{PREFIX}{host}", *command]


def admin(*words: str) -> list[str]:
    token = open(f"{LAB}/server/admin.token", encoding="ascii").read().strip()
    return shell("server", "env", "KERNMESH_SERVER=127.0.0.1:8443", f"KERNMESH_TOKEN={token}", f"{BIN}/meshadm", *words)


UDP = "table inet split { chain c { type filter hook forward priority 0; policy accept; " + " ".join(
    f"ip saddr {a} ip daddr {b} meta l4proto udp drop;" for a, b in
    (("10.77.11.0/24", "10.77.2.0/24"), ("10.77.2.0/24", "10.77.11.0/24"))) + " }; }"


class Bench:
    def __init__(self, alpha: str, beta: str):
        self.alpha, self.beta = Node("alpha", alpha), Node("beta", beta)
        self.alpha.peer, self.beta.peer = self.beta, self.alpha
        self.nodes = [self.alpha, self.beta]
        self.readers = {n.sock.fileno(): n.hear for n in self.nodes} | {n.capture.fileno(): n.watch for n in self.nodes}
        self.due = time.monotonic()
        self.random = random.Random(SEED)
        self.results, self.never = {}, {}
        self.round_trip, self.ended_early = float("nan"), False

    def step(self) -> None:
        for node in self.nodes:
            node.speak()
        self.due = max(self.due + GAP_S, time.monotonic() - 0.05)
        while (left := self.due - time.monotonic()) > 0:
            for fd in select.select(list(self.readers), [], [], left)[0]:
                self.readers[fd]()

    def talk(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.step()

    def run(self, command: list[str]) -> None:
        call = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        while call.poll() is None:
            self.step()
        if call.returncode != 0:
            raise RuntimeError(f"{command}: {call.stdout.read().decode()}")

    # Until data has left on ways of one kind alone for a while, both ends' that of their last packet.
    def settle(self, relayed: bool) -> None:
        end = time.monotonic() + MOST_SETTLING_S
        while time.monotonic() < end:
            for node in self.nodes:
                node.begin()
            self.talk(1.5)
            if all(n.out and {w.relayed for _, w in n.out} == {relayed} and len({w for _, w in n.out}) == 1 for n in self.nodes):
                return
        raise RuntimeError(f"not {'relayed' if relayed else 'direct'} alone after {MOST_SETTLING_S:.0f} s")

    def switch(self, kind: str, command: list[str], is_new, concerned: list[Node] | None = None) -> None:
        """is_new(way, before): whether a way is what the event should lead to; before: those used until then. Of the
        nodes concerned, else of both."""
        concerned = concerned or self.nodes
        for node in self.nodes:
            node.begin()
        self.talk(AROUND_S)
        before = {node.name: {way for _, way in node.out} for node in self.nodes}
        at = time.time()
        self.run(command)
        found = lambda node: next(((t, w) for t, w in node.out if t > at and is_new(w, before[node.name])), None)
        end = time.monotonic() + MOST_WAIT_S
        while not all(found(node) for node in concerned):
            if time.monotonic() > end:
                self.never[kind] = self.never.get(kind, 0) + 1
                return
            self.talk(0.02)
        self.talk(3 * AROUND_S)
        spoken = {node.name: node.sent for node in self.nodes}
        self.talk(AROUND_S)
        for node in concerned:
            first, way = found(node)
            proof = next((t for t, w in node.pongs if t > at and w == way), None)
            times = sorted(node.peer.heard[n] for n in range(node.first_sent, spoken[node.name]) if n in node.peer.heard)
            lost = spoken[node.name] - node.first_sent - len(times)
            gap = max((b - a for a, b in zip(times, times[1:])), default=float("nan"))
            self.results.setdefault(kind, []).append(Switch(
                (first - at) * 1000, None if proof is None else (first - proof) * 1000, gap * 1000, lost))

    # Where alpha's packets go, and who sends there: the two ends may use different relays.
    def meeting_place(self) -> tuple[str, list[Node]]:
        self.settle(relayed=True)
        relay_of = lambda node: RELAYS[node.out[-1][1].far.split(":")[0]]
        relay = relay_of(self.alpha)
        return relay, [node for node in self.nodes if relay_of(node) == relay]

    def round_trip_ms(self) -> float:
        """Of the direct way, the programs and the box included: what the kernel sees of the datagrams."""
        trips = []
        for _ in range(20):
            called = time.monotonic()
            number = self.alpha.sent
            self.alpha.speak()
            while number not in self.beta.heard and time.monotonic() < called + 1:
                select.select([self.beta.sock], [], [], 0.01)
                self.beta.hear()
            answer = self.beta.sent
            self.beta.speak()
            while answer not in self.alpha.heard and time.monotonic() < called + 1:
                select.select([self.alpha.sock], [], [], 0.01)
                self.alpha.hear()
            trips.append((time.monotonic() - called) * 1000)
        return sorted(trips)[len(trips) // 2]


def measure(bench: Bench, rounds: int) -> None:
    table = shell("router", "nft", UDP)
    heal = shell("router", "nft", "delete", "table", "inet", "split")
    address = 10
    for _ in range(rounds):
        bench.settle(relayed=False)
        address, left = 21 - address, address
        move = f"address add 192.168.0.{address}/24 dev eth0\naddress delete 192.168.0.{left}/24 dev eth0\n"
        with open(f"{LAB}/move", "w", encoding="ascii") as file:
            file.write(move)
        bench.switch("own address changes", shell("alpha", "ip", "-batch", f"{LAB}/move"),
                     lambda w, before: not w.relayed and w not in before)
        bench.settle(relayed=False)
        bench.talk(bench.random.uniform(0, 3))  # not always at the same place between two heartbeats
        bench.switch("direct path lost", table, lambda w, _: w.relayed)
        bench.talk(bench.random.uniform(0, 1))
        bench.switch("direct path back", heal, lambda w, _: not w.relayed)
    bench.settle(relayed=False)
    bench.round_trip = bench.round_trip_ms()
    bench.run(table)
    another = lambda w, before: w.relayed and w not in before
    for _ in range(max(1, rounds // 2)):
        relay, users = bench.meeting_place()
        bench.switch("relay lost", shell("router", "ip", "link", "set", f"to-{relay}", "down"), another, users)
        bench.run(shell("router", "ip", "link", "set", f"to-{relay}", "up"))
        bench.talk(BACK_S)
    for _ in range(rounds):
        relay, users = bench.meeting_place()
        bench.switch("relay drained", admin("relay", "drain", relay), another, users)
        bench.run(admin("relay", "drain", "--undo", relay))
        bench.talk(BACK_S)
    bench.run(heal)


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def report(bench: Bench) -> dict:
    out = {"round_trip_ms": round(bench.round_trip, 1), "interval_ms": GAP_S * 1000}
    print(f"round trip of the direct path {bench.round_trip:.1f} ms; a datagram each {GAP_S * 1000:.0f} ms each way; ms, median and p99; seed {SEED}")
    print(f"{'':22}{'n':>5}{'event to first':>20}{'proof to first':>20}{'without proof':>15}{'gap':>16}{'lost of a switch':>18}{'lost in all':>13}")
    for kind, all_of in bench.results.items():
        proven = [s.proof_ms for s in all_of if s.proof_ms is not None]
        column = {"event_ms": [s.event_ms for s in all_of], "proof_ms": proven, "gap_ms": [s.gap_ms for s in all_of],
                  "lost": [s.lost for s in all_of]}
        pair = {k: (quantile(v, 0.5), quantile(v, 0.99)) if v else (float("nan"),) * 2 for k, v in column.items()}
        early = sum(s.proof_ms is None or s.proof_ms < 0 for s in all_of)
        lost = sum(s.lost for s in all_of)
        cell = lambda k: f"{pair[k][0]:.1f} {pair[k][1]:.1f}"
        print(f"{kind:22}{len(all_of):5}{cell('event_ms'):>20}{cell('proof_ms'):>20}{early:>15}{cell('gap_ms'):>16}{cell('lost'):>18}{lost:>13}")
        out[kind] = {"switches": len(all_of), "before_proof": early, "lost_in_all": lost,
                     **{k: {"median": round(v[0], 2), "p99": round(v[1], 2)} for k, v in pair.items()}}
    for kind, count in bench.never.items():
        print(f"{kind}: {count} times no new path at one of the two within {MOST_WAIT_S:.0f} s")
    return {**out, "never": bench.never}


def main() -> int:
    rounds, alpha, beta, name = int(sys.argv[1]), *sys.argv[2:5]
    bench = Bench(alpha, beta)
    try:
        measure(bench, rounds)
    except RuntimeError as error:
        print(f"path: ended early: {error}", file=sys.stderr)
        bench.ended_early = True
    with open(name, "w", encoding="ascii") as file:
        json.dump(report(bench), file, indent=1)
    return 1 if bench.ended_early else 0


if __name__ == "__main__":
    sys.exit(main())
