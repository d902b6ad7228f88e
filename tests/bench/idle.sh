#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What an agent costs while its 10,000 peers are silent, and while it speaks to one of them (G15), natively.
# usage: ci/bench idle [PEERS] [SECONDS]
# A node as in mesh-agent (tests/bench/idle_driver.cc), in a namespace of its own, with a stand-in for the WireGuard driver:
# what reading the real driver's peers costs, every 1,000 s with so many, is not in it. Processor time of the agent's loop.
# "reading" is silent, and reads each peer's traffic by itself once a second, as agents did before they read what has moved.
set -euo pipefail
peers=${1-10000} seconds=${2-60}
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
BIN=${BIN:-$root/build/bin}
mkdir -p "$root/build/bench"
echo "kernel $(uname -r), $peers peers, a stand-in for WireGuard, load average $(cut -d' ' -f1 /proc/loadavg)"
for course in silent talking reading; do
	unshare --net --mount bash -c 'ip link set lo up; mount -t bpf bpf /sys/fs/bpf; ip link add up0 type veth peer name far0; ip address add 10.1.0.1/24 dev up0
		ip link set up0 up; ip link set far0 up; ip route add default via 10.1.0.2; exec "$@"' - "$BIN/idle-driver" "$peers" "$seconds" "$course" 2> "$root/build/bench/idle-$course.log" |
		sed -n "s/^[0-9]*$/$course &/p" # the rest is the agent's log
done | python3 -c '
import collections, json, sys
rows = collections.defaultdict(list)
for line in sys.stdin:
    course, us = line.split()
    rows[course].append(float(us))
out = {"peers": int(sys.argv[1])}
print("            seconds    us a second: median   max    share of a core")
for course, values in rows.items():
    values.sort()
    share = sum(values) / len(values) / 1e6
    print(f"{course:10} {len(values):8} {values[len(values) // 2]:22.0f} {values[-1]:7.0f} {share * 100:13.3f} %")
    out[course] = {"seconds": len(values), "median_us": values[len(values) // 2], "max_us": values[-1], "share": share}
json.dump(out, open(sys.argv[2], "w"))
' "$peers" "$root/build/bench/idle.json"
