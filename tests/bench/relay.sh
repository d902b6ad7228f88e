#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a relayed packet costs and how long it takes, mesh-relay against coturn, interleaved (native).
# usage: ci/bench relay [RUNS]
# All of it in namespaces of its own, 200-byte messages one way. The processor time of coturn's process is its own and what
# its system calls do; that of mesh-relay is the XDP program's, which runs on the sender's packets, and its process's. "Machine" is
# what all processors spent, so that nothing else should run.
set -u
runs=${1-10} here=$(dirname "$(readlink -f "$0")") repo=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
mkdir -p "$repo/build/bench"
bin=$repo/build/bin prefix=kmbench$$ tmp=$(mktemp -d) relay_pid= turn_pid= stats=$(sysctl -n kernel.bpf_stats_enabled)
in_ns() { local n=$1; shift; nsenter --net=/run/netns/"$prefix-$n" "$@"; }
clean_up() {
	sysctl -qw kernel.bpf_stats_enabled="$stats"
	[ -z "$relay_pid" ] || { kill "$relay_pid"; wait "$relay_pid"; } 2>/dev/null
	[ -z "$turn_pid" ] || { kill "$turn_pid"; wait "$turn_pid"; } 2>/dev/null
	in_ns relay "$bin/mesh-relay" --instance "$prefix" --remove 2>/dev/null
	in_ns router "$bin/relay-driver" detach-pass 2>/dev/null
	local n; for n in relay router a b; do ip netns del "$prefix-$n" 2>/dev/null; done
	rm -rf "$tmp"
}
trap clean_up EXIT
for n in relay router a b; do ip netns add "$prefix-$n"; in_ns $n ip link set lo up; done
in_ns router ip link add br0 type bridge; in_ns router ip link set br0 up
i=0
for n in relay a b; do
	i=$((i + 1))
	ip link add wan0 netns "$prefix-$n" type veth peer name "to$n" netns "$prefix-router"
	in_ns router ip link set "to$n" master br0 up; in_ns $n ip link set wan0 up; in_ns $n ip addr add 10.9.0.$i/24 dev wan0
	in_ns $n ethtool -K wan0 tx off > /dev/null
done
in_ns router "$bin/relay-driver" attach-pass torelay
sysctl -qw kernel.bpf_stats_enabled=1
"$bin/relay-driver" ticket-key > "$tmp/ticket.pub"
in_ns relay ping -c 1 -W 1 10.9.0.2 > /dev/null; in_ns relay ping -c 1 -W 1 10.9.0.3 > /dev/null
nsenter --net=/run/netns/"$prefix-relay" "$bin/mesh-relay" --instance "$prefix" --state-dir "$tmp/state" --ticket-key "$tmp/ticket.pub" --interface wan0 > "$tmp/relay.log" 2>&1 &
relay_pid=$!
# Its best form: one relay thread for each core, no authentication, no log, no software attribute.
nsenter --net=/run/netns/"$prefix-relay" turnserver -n -m "$(nproc)" --no-auth --listening-ip 10.9.0.1 --relay-ip 10.9.0.1 --listening-port 3479 \
	--no-tls --no-dtls --no-cli --log-file "$tmp/turn.log" --no-stdout-log --simple-log --pidfile "$tmp/turn.pid" --allow-loopback-peers > /dev/null 2>&1 &
turn_pid=$!
end=$((SECONDS + 30))
until grep -q "ready on" "$tmp/relay.log" && [ -n "$(in_ns relay ss -Hlun 'sport = :3479')" ]; do
	[ $SECONDS -lt $end ] || { cat "$tmp/relay.log" "$tmp/turn.log" >&2; exit 1; }
	sleep 0.05
done
key=$(sed -n 's/.*key \([^ ]*\)$/\1/p' "$tmp/relay.log"); sed -n 's/.*\(wan0: XDP.*\)/# \1/p' "$tmp/relay.log"
one() { # HOW RATE SECONDS
	case $1 in
	mesh) "$bin/relay-bench" mesh "$prefix-a" "$prefix-b" "$key" 10.9.0.1:3478 $relay_pid "$2" "$3";;
	turn) "$bin/relay-bench" turn "$prefix-a" "$prefix-b" 10.9.0.3:7000 10.9.0.1:3479 $turn_pid "$2" "$3";;
	none) "$bin/relay-bench" none "$prefix-a" "$prefix-b" 10.9.0.3:7000 - 0 "$2" "$3";;
	esac
}
# coturn's maximum here: the highest rate of which 99 % arrive.
most=10000
for rate in 20000 30000 40000 60000 80000 100000 130000; do
	seen=$(one turn $rate 2) || break
	awk '{exit !($2 >= 0.99 && $1 >= 0.9 * '$rate')}' <<< "$seen" || break
	most=$rate
done
load=$((most * 8 / 10))
echo "# coturn's most on this machine: $most packets/s; measured at $load, $runs runs, interleaved"
for ((run = 0; run < runs; ++run)); do
	for how in none turn mesh; do one $how $load 2 | sed "s/^/$how /" >> "$tmp/runs"; done
done
python3 - "$tmp/runs" "$most" "$load" <<'P' | tee "$repo/build/bench/relay.txt"
import json, statistics, sys
rows = {}
for line in open(sys.argv[1]):
    how, *numbers = line.split()
    rows.setdefault(how, []).append([float(n) for n in numbers])
names = {"none": "straight", "turn": "coturn", "mesh": "mesh-relay"}
print(f"{'':12} {'arrived':>8} {'process ns/pkt':>20} {'program ns/pkt':>16} {'p50 us':>14} {'p99 us':>16} {'machine ns/pkt':>20}")
out = {"coturn_most_pps": int(sys.argv[2]), "load_pps": int(sys.argv[3])}
for how, label in names.items():
    columns = list(zip(*rows.get(how, [])))
    if not columns: continue
    median = [statistics.median(c) for c in columns]; least = [min(c) for c in columns]
    pair = lambda i: f"{median[i]:.0f} ({least[i]:.0f})"
    print(f"{label:12} {median[1]:8.4f} {pair(2):>20} {pair(3):>16} {pair(4):>14} {pair(5):>16} {pair(6):>20}")
    out[label] = {"runs": len(rows[how]), "arrived": median[1], "process_ns": median[2], "program_ns": median[3],
                  "p50_us": median[4], "p99_us": median[5], "machine_ns": median[6], "least": {"process_ns": least[2], "program_ns": least[3], "p99_us": least[5]}}
if "coturn" in out and "mesh-relay" in out:
    ours = out["mesh-relay"]["process_ns"] + out["mesh-relay"]["program_ns"]
    out["cpu_ratio"] = out["coturn"]["process_ns"] / max(ours, 1)
    out["p99_ratio"] = out["coturn"]["p99_us"] / max(out["mesh-relay"]["p99_us"], 1)
    print(f"median (minimum); processor time: coturn {out['cpu_ratio']:.1f} times mesh-relay; p99 {out['p99_ratio']:.2f} times")
    # Two more crossings of a veth pair and a bridge than without a relay are in both.
    spent = {name: out[name]["machine_ns"] - out["straight"]["machine_ns"] for name in ("coturn", "mesh-relay")}
    out["machine_ratio"] = spent["coturn"] / max(spent["mesh-relay"], 1)
    print(f"all processors, less the same without a relay: coturn {spent['coturn']:.0f} ns a packet, mesh-relay {spent['mesh-relay']:.0f}, {out['machine_ratio']:.1f} times")
print("json " + json.dumps(out))
P
sed -n 's/^json //p' "$repo/build/bench/relay.txt" > "$repo/build/bench/relay.json"
echo "# the program alone, 10,000 channels, each packet of another one"
"$bin/relay-program-bench" "$repo/build/bench/relay_programs.json" || exit 1
python3 - "$repo/build/bench/relay.json" "$repo/build/bench/relay_programs.json" <<'P'
import json, sys
coturn = json.load(open(sys.argv[1]))["coturn"]["process_ns"]
for case in json.load(open(sys.argv[2]))["cases"][1:]:
    ns = case["net_median_ns"]
    print(f"{case['name']:12} {ns:6.1f} ns/pkt, {1000 / ns:5.2f} Mpps a core, coturn's process {coturn / ns:5.1f} times")
P
