#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends between the nodes of tests/nat/matrix.sh and says which way each pair went, and whether it was the right one.

matrix.py kinds [KIND...]   the kinds of NAT, one a line
matrix.py run [--moves] [KIND...]
    the pairs, in rounds in which each node has one peer; then, with all kinds or when asked for, the moves

In a round only the nodes of a pair know each other, by the policy, so no pair disturbs or prepares another's. Each node
sends its peer a datagram every 50 ms through the mesh, from before the two know each other. All sockets are this
process's, opened in the nodes' namespaces.
"""
import ctypes
import dataclasses
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time

from namespaces import in_namespace

# What the boxes are, in the terms of RFC 4787: mapping / filtering, ports. EI, AD, APD: endpoint-independent,
# address-dependent, address-and-port-dependent. Mappings last 30 s.
KINDS = {
    "public": "no NAT, IPv4 and IPv6",
    "cone": "EI / EI, port kept (full cone)",
    "addr": "EI / AD, random port (restricted cone)",
    "port": "EI / APD, port kept (port-restricted cone)",
    "masq": "nftables masquerade: APD / APD, but the port is kept for every destination",
    "double": "EI / APD at home, behind a provider's EI / APD that both nodes share and that has no hairpin",
    "keep": "APD / APD, the first mapping keeps the port, the others are random",
    "seq": "APD / APD, ports count up",
    "rand": "APD / APD, random ports",
    "each": "AD / AD, random ports: a mapping for each address",
    "block": "UDP does not pass, TCP does",
    "forged": "UDP does not pass, and for every relay somebody else answers TCP",
    "six": "IPv6 alone, no NAT",
}
# Written down before anything was run. d: direct, r: relayed, -: no way at all.
#   public, cone, addr against any NAT: one end takes packets from every address that it has sent to, so the other end's
#     port need not be known.
#   port, masq, double against each other: both ends' mappings are known from the relays and both send, so both filters
#     open. (double with double: the provider does not turn packets round, and inside it homes are not known.)
#   seq: its next ports can be guessed, and the peer tries them, provided that its own mapping stays where it is. That
#     holds while the relays' view is the newest: an old mapping that is kept says nothing of where the count stands now.
#     So these boxes and nodes begin each round as after a start; without that seq with port, masq, double was relayed.
#   keep, rand against a filter by port: the port that the peer must let in is known only when it arrives. Two ends whose
#     mappings both change cannot guess each other.
#   each: a relay sees the mapping for its own address, the peer gets another one. That one takes packets from every port of
#     the peer's address, but the peer cannot know it, so one that filters by port does not let it in; one that filters by
#     address or not at all does. Its ports cannot be guessed either, by nobody whose own mapping moves, nor by itself.
#   block: TLS to a relay, whatever the peer has; the relay speaks UDP with it, or TLS as well.
#   forged: nodes know their relays' certificates, so there is no way, and they say why.
#   six: has a family in common with public alone; with the others a relay stands between the families.
EXPECTED = {
    #          public cone addr port masq double keep seq rand each block forged six
    "public": "d      d    d    d    d    d      d    d   d    d    r     -      d",
    "cone":   "d      d    d    d    d    d      d    d   d    d    r     -      r",
    "addr":   "d      d    d    d    d    d      d    d   d    d    r     -      r",
    "port":   "d      d    d    d    d    d      r    d   r    r    r     -      r",
    "masq":   "d      d    d    d    d    d      r    d   r    r    r     -      r",
    "double": "d      d    d    d    d    r      r    d   r    r    r     -      r",
    "keep":   "d      d    d    r    r    r      r    r   r    r    r     -      r",
    "seq":    "d      d    d    d    d    d      r    r   r    r    r     -      r",
    "rand":   "d      d    d    r    r    r      r    r   r    r    r     -      r",
    "each":   "d      d    d    r    r    r      r    r   r    r    r     -      r",
    "block":  "r      r    r    r    r    r      r    r   r    r    r     -      r",
    "forged": "-      -    -    -    -    -      -    -   -    -    -     -      -",
    "six":    "d      r    r    r    r    r      r    r   r    r    r     -      d",
}
RELAYS = ["relay1", "relay2", "relay3"]
NEIGHBOURS = ["keepc"]  # behind the box of keepa
# WireGuard makes a new session when one is 120 s old.
BEFORE_RENEWAL_S, AFTER_RENEWAL_S, MOVE_S = 100.0, 135.0, 12.0
LETTERS = {"direct": "d", "relay": "r", "none": "-"}
# Until the first packet: below WireGuard's own second try, after 5 s, but for a few pairs, for a message may be lost.
MOST_FIRST_S, MOST_LATE = 4.5, 0.05
MOST_BLACK_S = 10.0  # rows R7 and R9 of the hostile cases: never longer without a way
MOST_FAILOVER_S = 8.0  # row R6: when a relay dies
LEAST_S, MOST_S = 12.0, 50.0  # of a round: relayed pairs have looked for a direct way by then; and to reach it
GAP_S = 0.05
PORT = 7
LAB, PREFIX, BIN = (os.environ.get(name, "") for name in ("LAB", "LAB_PREFIX", "BIN"))


def expected(a: str, b: str) -> str:
    return EXPECTED[a].split()[list(KINDS).index(b)]


def run(*command: str, **more) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, **more).stdout


def admin(*words: str) -> str:
    token = open(f"{LAB}/server/admin.token", encoding="ascii").read().strip()
    env = {**os.environ, "KERNMESH_SERVER": "127.0.0.1:8443", "KERNMESH_TOKEN": token}
    return run("nsenter", f"--net=/run/netns/{PREFIX}server", f"{BIN}/meshadm", *words, env=env)


def status_call(node: str) -> list[str]:
    return [f"{BIN}/meshadm", "--socket", f"{LAB}/{node}.sock", "--json", "status"]


def signal_box(name: str, number: int) -> None:
    with open(f"{LAB}/{name}.pid", encoding="ascii") as file:
        os.kill(int(file.read()), number)


def open_datagrams(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.bind((address, PORT))
    return sock


# Gets the handshake initiations that pass eth0, straight or with a relay's header: told by the length of an IPv4 packet.
def open_initiations() -> socket.socket:
    load, equals, give = 0x28, 0x15, 0x06  # linux/filter.h: a half-word of the packet, compare, return
    code = [(load, 0, 0, 2), (equals, 1, 0, 20 + 8 + 148), (equals, 0, 1, 20 + 8 + 8 + 148), (give, 0, 0, 64), (give, 0, 0, 0)]
    filled = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.htons(3))
    sock.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HL", len(code), ctypes.addressof(filled)))
    sock.bind(("eth0", 0))
    return sock


def count_waiting(sock: socket.socket) -> int:
    count = 0
    while True:
        try:
            sock.recv(64)
        except BlockingIOError:
            return count
        count += 1


@dataclasses.dataclass
class Node:
    name: str
    address: str
    sock: socket.socket
    peer: "Node | None" = None
    began: float = 0.0
    first: float | None = None
    last: float | None = None
    gap: float = 0.0
    count: int = 0
    log_at: int = 0

    def begin(self, peer: "Node") -> None:
        self.peer, self.began, self.first, self.last, self.gap, self.count = peer, time.monotonic(), None, None, 0.0, 0
        self.log_at = os.path.getsize(f"{LAB}/{self.name}.log")

    def hear(self) -> None:
        while True:
            try:
                _, source = self.sock.recvfrom(64)
            except (BlockingIOError, ConnectionError):
                return
            if self.peer is None or source[0] != self.peer.address:
                continue
            now = time.monotonic()
            if self.first is None:
                self.first = now
            else:
                self.gap = max(self.gap, now - self.last)
            self.last = now
            self.count += 1

    def speak(self) -> None:
        try:
            self.sock.sendto(struct.pack("<d", time.monotonic()), (self.peer.address, PORT))
        except OSError:
            pass  # no route before the two know each other

    # The longest time without a packet, from the beginning until now.
    def black(self) -> float:
        now = time.monotonic()
        if self.first is None:
            return now - self.began
        return max(self.first - self.began, self.gap, now - self.last)

    def way(self, status: dict) -> str:
        kinds = [p["path"]["kind"] for p in status["peers"] if self.peer.address in p["addresses"]]
        if kinds and kinds[0] != "none" and (self.last is None or time.monotonic() - self.last > 2):
            return "none"  # a way that carries nothing is none
        return kinds[0] if kinds else "none"

    # Seconds until the first direct way of this round that the agent has told of.
    def direct_after(self) -> float | None:
        offset = time.time() - time.monotonic()
        with open(f"{LAB}/{self.name}.log", encoding="utf-8", errors="replace") as log:
            log.seek(self.log_at)
            for line in log:
                found = re.match(r"(\S+) info path to \d+: [\d\[]", line)
                if found:
                    at = time.mktime(time.strptime(found[1][:19], "%Y-%m-%dT%H:%M:%S")) + float(found[1][19:23])
                    return max(0.0, at - offset - self.began)
        return None


@dataclasses.dataclass
class Pair:
    a: Node
    b: Node
    wanted: str
    seen: str = ""

    def black(self) -> float:
        return max(self.a.black(), self.b.black())

    def first(self) -> float | None:
        if self.a.first is None or self.b.first is None:
            return None
        return max(self.a.first - self.a.began, self.b.first - self.b.began)

    def direct_after(self) -> float | None:
        times = [self.a.direct_after(), self.b.direct_after()]
        return None if None in times else max(times)


class Laboratory:
    def __init__(self, kinds: list[str]):
        listed = {n["name"]: n for n in json.loads(admin("--json", "node", "list"))["nodes"]}
        self.nodes = {}
        for name in [kind + side for kind in kinds for side in "ab"] + [n for n in NEIGHBOURS if n in listed]:
            address = next(a for a in listed[name]["addresses"] if ":" not in a)
            self.nodes[name] = Node(name, address, in_namespace(PREFIX + name, lambda: open_datagrams(address)))
        self.passed = self.failed = 0

    def check(self, good: bool, text: str) -> None:
        print(("ok    " if good else "FAIL  ") + text, flush=True)
        self.passed += good
        self.failed += not good

    def wait_for_homes(self) -> None:
        end = time.monotonic() + 30
        without = [n for n in self.nodes if not n.startswith("forged")]
        while without and time.monotonic() < end:
            without = [n for n in without if not json.loads(run(*status_call(n)))["home_relay"]]
        self.check(not without, "every node that can has a home relay" + (f", but not {without}" if without else ""))

    # Who answers for the relays is told from them, and their owner hears of it.
    def check_forged(self) -> None:
        for node in ("forgeda", "forgedb"):
            problems = json.loads(run(*status_call(node)))["problems"]
            self.check(any("presents another certificate" in text for text in problems),
                       f"{node} says that another certificate is presented: {problems}")

    def introduce(self, pairs: list[Pair]) -> None:
        rules = []
        for pair in pairs:
            rules += [{"action": "accept", "src": [x.address], "dst": [f"{y.address}:*"]}
                      for x, y in ((pair.a, pair.b), (pair.b, pair.a))]
        with open(f"{LAB}/round.hujson", "w", encoding="ascii") as file:
            json.dump({"acls": rules}, file)
        admin("policy", "set", f"{LAB}/round.hujson")
        for pair in pairs:
            pair.a.begin(pair.b)
            pair.b.begin(pair.a)

    # Sends and hears for so long.
    def talk(self, pairs: list[Pair], seconds: float) -> None:
        nodes = {node.sock.fileno(): node for pair in pairs for node in (pair.a, pair.b)}
        end = due = time.monotonic()
        end += seconds
        while due < end:
            for node in nodes.values():
                node.speak()
            due += GAP_S
            while (left := due - time.monotonic()) > 0:
                for fd in select.select(list(nodes), [], [], left)[0]:
                    nodes[fd].hear()

    # Asks the agents of some pairs which way they take, while all go on talking.
    def look(self, pairs: list[Pair], asked: list[Pair]) -> None:
        calls = {node.name: subprocess.Popen(status_call(node.name), stdout=subprocess.PIPE, text=True)
                 for pair in asked for node in (pair.a, pair.b)}
        while any(call.poll() is None for call in calls.values()):
            self.talk(pairs, GAP_S)
        answers = {name: json.loads(call.communicate()[0]) for name, call in calls.items()}
        for pair in asked:
            ways = {node.way(answers[node.name]) for node in (pair.a, pair.b)}
            pair.seen = LETTERS[ways.pop()] if len(ways) == 1 else "m"

    # Until every pair has gone its way, for at least and at most so long.
    def settle(self, pairs: list[Pair], least: float, most: float) -> None:
        began = time.monotonic()
        self.talk(pairs, least)
        self.look(pairs, pairs)
        while time.monotonic() - began < most:
            astray = [pair for pair in pairs if pair.seen != pair.wanted]
            if not astray:
                return
            self.talk(pairs, 1)
            self.look(pairs, astray)

    def pair(self, a: str, b: str) -> Pair:
        kinds = [name[:-1] for name in (a, b)]
        return Pair(self.nodes[a], self.nodes[b], expected(*kinds))

    # Boxes that count forget their mappings, and the nodes behind them ask the relays, as when they start.
    def start_counting_anew(self) -> None:
        for side in "ab":
            signal_box(f"box-seq{side}", signal.SIGUSR1)
            run(f"{BIN}/meshadm", "--socket", f"{LAB}/seq{side}.sock", "netcheck")

    # Each kind with each, itself included: in round r kind i meets kind i + r.
    def matrix(self, kinds: list[str]) -> dict:
        results = {}
        count = len(kinds)
        for step in range(count // 2 + 1):
            # With an even number of kinds the last round names every pair twice.
            half = count // 2 if count % 2 == 0 and step == count // 2 and step else count
            pairs = [self.pair(kinds[i] + "a", kinds[(i + step) % count] + "b") for i in range(half)]
            if "seq" in kinds:
                self.start_counting_anew()
            self.introduce(pairs)
            self.settle(pairs, LEAST_S, MOST_S)
            for i, pair in enumerate(pairs):
                results[kinds[i], kinds[(i + step) % count]] = self.judge(pair)
        return results

    def judge(self, pair: Pair) -> tuple:
        black, first, direct = pair.black(), pair.first(), pair.direct_after()
        name = f"{pair.a.name} - {pair.b.name}"
        figures = ", ".join(f"{what} {at:.1f} s" for what, at in
                            (("first packet", first), ("direct", direct), ("longest gap", black)) if at is not None)
        good = pair.seen == pair.wanted and (pair.wanted == "-" or black <= MOST_BLACK_S)
        self.check(good, f"{name:20} {pair.seen} {figures}" + ("" if pair.seen == pair.wanted else f"; expected {pair.wanted}"))
        return pair.seen, first, direct

    def check_first_packets(self, results: dict) -> None:
        times = sorted(first for seen, first, _ in results.values() if first is not None)
        late = [first for first in times if first > MOST_FIRST_S]
        if times:
            self.check(len(late) <= max(1, MOST_LATE * len(times)),
                       f"first packets of {len(times)} pairs: median {times[len(times) // 2]:.2f} s, "
                       f"{len(late)} after more than {MOST_FIRST_S:.0f} s, worst {times[-1]:.1f} s")

    # Nothing but sealed packets crosses a relay: what tests/vm/sniff.py saw in front of them.
    def check_relays(self) -> None:
        sealed = False
        for relay in RELAYS:
            with open(f"{LAB}/{relay}.sniffed", encoding="ascii") as file:
                sorts = dict(word.split("=") for word in file.read().split()[2:])
            sealed |= "sealed" in sorts
            self.check(not sorts.keys() & {"other", "direct"}, f"{relay} saw nothing in the clear: {sorts}")
            with open(f"{LAB}/{relay}.sniffed.other", encoding="ascii") as file:
                for frame in file:
                    print("      " + frame.strip(), flush=True)
        self.check(sealed, "sealed packets have crossed a relay")

    # Boxes that get another address again and again.
    def move_until(self, end: float, pairs: list[Pair], boxes: list[str]) -> None:
        while time.monotonic() < end:
            self.signal_boxes(boxes, signal.SIGUSR1)
            self.talk(pairs, MOVE_S)

    # Those of them that are there.
    def signal_boxes(self, boxes: list[str], number: int) -> None:
        for box in boxes:
            if box.removeprefix("box-") in self.nodes:
                signal_box(box, number)

    # The relay that carries the pair: its daemon, its program and all maps.
    def kill_relay_of(self, pair: Pair) -> None:
        peers = json.loads(run(*status_call(pair.a.name)))["peers"]
        relay = next(p["path"]["relay"] for p in peers if pair.b.address in p["addresses"])
        for pid in run("ip", "netns", "pids", PREFIX + relay).split():
            os.kill(int(pid), signal.SIGKILL)
        run("nsenter", f"--net=/run/netns/{PREFIX}{relay}", f"{BIN}/mesh-relay", "--instance", relay, "--remove")
        print(f"      {relay} is killed", flush=True)

    def moves(self) -> None:
        """Boxes get other addresses, a link turns bad, a relay dies, a provider's NAT learns to turn packets round."""
        relay_dies, hairpin = "its relay is killed, and the maps with it", "the provider's NAT starts anew, with hairpin"
        stories = {story: Pair(self.nodes[a], self.nodes[b], wanted) for story, a, b, wanted in (
            ("one box gets another address", "addra", "addrb", "d"),
            ("both boxes get another address at once", "porta", "portb", "d"),
            ("both boxes of a relayed pair do", "randa", "randb", "r"),
            (relay_dies, "masqa", "keepb", "r"),
            (hairpin, "doublea", "doubleb", "r"),
            ("30 % loss, 10 % reordered, 500 ms jitter, one moves all the time, a new session", "conea", "coneb", "d"),
            ("two behind one hard NAT", "keepa", "keepc", "d"),
            ("a new session of WireGuard while one moves all the time", "seqa", "publicb", "d"),
        ) if a in self.nodes and b in self.nodes}
        initiations = {name: in_namespace(PREFIX + name, open_initiations) for name in ("conea", "seqa") if name in self.nodes}
        introduced = time.monotonic()
        pairs = list(stories.values())
        self.introduce(pairs)
        self.settle(pairs, LEAST_S, MOST_S)
        for pair in pairs:
            if not pair.seen == pair.wanted:
                print(f"      {pair.a.name} - {pair.b.name} begins as {pair.seen}", flush=True)
            for node, peer in ((pair.a, pair.b), (pair.b, pair.a)):
                node.begin(peer)
        self.signal_boxes(["box-addra", "box-porta", "box-portb", "box-randa", "box-randb"], signal.SIGUSR1)
        self.signal_boxes(["box-conea"], signal.SIGUSR2)
        if hairpin in stories:
            stories[hairpin].wanted = "d"
            os.kill(int(os.environ["MATRIX_SHELL"]), signal.SIGUSR1)
        self.settle(pairs, 40, 75)
        if relay_dies in stories:
            self.kill_relay_of(stories[relay_dies])
        self.move_until(introduced + BEFORE_RENEWAL_S, pairs, ["box-seqa", "box-conea"])
        for sock in initiations.values():
            count_waiting(sock)
        self.move_until(introduced + AFTER_RENEWAL_S, pairs, ["box-seqa", "box-conea"])
        self.signal_boxes(["box-conea"], signal.SIGUSR2)
        self.settle(pairs, 0, MOST_S)
        for name, sock in initiations.items():
            self.check(count_waiting(sock) > 0, f"WireGuard of {name} has made a new session meanwhile")
        for story, pair in stories.items():
            black, most = pair.black(), MOST_FAILOVER_S if story == relay_dies else MOST_BLACK_S
            self.check(pair.seen == pair.wanted and black <= most,
                       f"{story}: {pair.seen}, longest gap {black:.1f} s" + ("" if pair.seen == pair.wanted else f"; expected {pair.wanted}"))


def print_table(kinds: list[str], results: dict) -> None:
    def cell(a: str, b: str) -> str:
        seen, first, direct = results.get((a, b)) or results[b, a]
        at = direct if seen == "d" else first
        return seen if at is None else f"{seen} {at:.1f}"

    print("\nd: direct, and after how many seconds; r: relayed, and after how many the first packet; -: no way")
    print(" " * 8 + "".join(f"{kind:>8}" for kind in kinds))
    for a in kinds:
        print(f"{a:8}" + "".join(f"{cell(a, b):>8}" for b in kinds))
    for kind in kinds:
        print(f"{kind:8} {KINDS[kind]}")


def main() -> int:
    verb, wanted = sys.argv[1], [word for word in sys.argv[2:] if not word.startswith("--")]
    for kind in wanted:
        if kind not in KINDS:
            print(f"matrix.py: no kind {kind}; there are: {' '.join(KINDS)}", file=sys.stderr)
            return 2
    kinds = [kind for kind in KINDS if not wanted or kind in wanted]
    if verb == "kinds":
        print("\n".join(kinds))
        return 0
    began = time.monotonic()
    lab = Laboratory(kinds)
    lab.wait_for_homes()
    results = lab.matrix(kinds)
    lab.check_first_packets(results)
    if "forged" in kinds:
        lab.check_forged()
    if not wanted or "--moves" in sys.argv:
        lab.moves()
    lab.check_relays()
    print_table(kinds, results)
    print(f"{time.monotonic() - began:.0f} s")
    print(f"{lab.passed} passed, {lab.failed} failed")
    return 1 if lab.failed else 0


if __name__ == "__main__":
    sys.exit(main())
