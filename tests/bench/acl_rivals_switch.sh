#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How long nft and iptables-legacy take to put 10,000 other rules in force, in a network namespace of this script's own.
# Part of `ci/bench acl switch`.
set -euo pipefail
rounds=${1-10} rules=10000
work=$(mktemp -d); name=kernmesh-bench-$$
ip netns add "$name"
trap 'ip netns del "$name"; rm -rf "$work"' EXIT
python3 - "$work" "$rules" <<'PY'
import sys
work, rules = sys.argv[1], int(sys.argv[2])
pairs = [(f"100.65.{i >> 8}.{i & 255}", 1024 + i) for i in range(rules)]
for side in (0, 1):
    own = [(a, p + 7 * side) for a, p in pairs]
    with open(f"{work}/set{side}", "w") as f:
        f.write("flush set ip t allowed\nadd element ip t allowed { " + ", ".join(f"{a} . {p}" for a, p in own) + " }\n")
    with open(f"{work}/tables{side}", "w") as f:
        f.write("*raw\n:PREROUTING DROP [0:0]\n" + "".join(f"-A PREROUTING -s {a} -p tcp --dport {p} -j ACCEPT\n" for a, p in own) + "COMMIT\n")
PY
ip netns exec "$name" nft 'table ip t { set allowed { type ipv4_addr . inet_service; }; chain c { type filter hook prerouting priority 0; policy drop; ip saddr . tcp dport @allowed accept; }; }'
for round in $(seq "$rounds"); do
	for what in "nft -f $work/set$((round % 2))" "iptables-legacy-restore $work/tables$((round % 2))"; do
		before=$(date +%s%N)
		ip netns exec "$name" $what
		echo "${what%% *} $((($(date +%s%N) - before) / 1000))" >> "$work/times"
	done
done
for what in nft iptables-legacy-restore; do
	grep "^$what " "$work/times" | cut -d' ' -f2 | sort -n | awk -v what="$what, 10,000 others (command)" '{t[NR] = $1} END {printf "%-44s %9.3f %9.3f %9.3f\n", what, t[1] / 1000, t[int((NR + 1) / 2)] / 1000, t[NR] / 1000}'
done
