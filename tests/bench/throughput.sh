#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# TCP through the whole mesh, with 1,000 rules enforced, against bare WireGuard between the same hosts (G4); in a VM.
# usage: ci/bench throughput [-r ROUNDS] [-s SECONDS]
# Emulated CPUs: only the ratio means anything, and only beside the spread of the runs.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
rounds=10 seconds=3 inside=
while [ $# -gt 0 ]; do
	case $1 in
	-r) rounds=$2; shift 2;;
	-s) seconds=$2; shift 2;;
	--inside) inside=1; shift;;
	*) echo "throughput: unknown argument $1" >&2; exit 64;;
	esac
done
if [ -z "$inside" ]; then
	mkdir -p "$root/build/bench"
	for k in 6.1 6.12; do
		"$root/ci/vm" -k $k -- bash "$root/tests/bench/throughput.sh" --inside -r "$rounds" -s "$seconds" | tee "$root/build/bench/throughput-$k.txt"
		sed -n 's/^json //p' "$root/build/bench/throughput-$k.txt" > "$root/build/bench/throughput-$k.json"
	done
	exit 0
fi

LAB_PREFIX=kmt-
# shellcheck source=../vm/lab.sh
. "$root/tests/vm/lab.sh"
trap 'set +e; kill $(jobs -p) 2> /dev/null; lab_down' EXIT
lab_up alpha beta
start_network
for host in alpha beta; do start_agent "$host"; join "$host" "$key" > /dev/null; done
beta=$(address_of beta)
python3 - > "$LAB/policy.hujson" <<'P'
import json
rules = [{"action": "accept", "src": [f"10.{i // 250}.{i % 250}.0/24"], "dst": [f"*:{20000 + i}"]} for i in range(1000)]
print(json.dumps({"acls": rules + [{"action": "accept", "src": ["ada@"], "dst": ["*:5201"]}]}))
P
admin policy set "$LAB/policy.hujson" --wait > /dev/null
# Bare WireGuard on the same wires, with the interface's MTU that the mesh has.
mtu=$(ip_ns alpha -j link show mesh0 | jq '.[0].mtu')
for host in alpha beta; do
	(umask 077; wg genkey > "$LAB/$host.wg"); wg pubkey < "$LAB/$host.wg" > "$LAB/$host.wgpub"
	ip_ns "$host" link add wg0 type wireguard; in_ns "$host" wg set wg0 private-key "$LAB/$host.wg" listen-port 51999
	ip_ns "$host" address add "172.31.0.${LAB_SUBNET[$host]}/24" dev wg0; ip_ns "$host" link set wg0 mtu "$mtu" up
done
in_ns alpha wg set wg0 peer "$(cat "$LAB/beta.wgpub")" allowed-ips 172.31.0.2/32 endpoint 10.77.2.2:51999
in_ns beta wg set wg0 peer "$(cat "$LAB/alpha.wgpub")" allowed-ips 172.31.0.1/32 endpoint 10.77.1.2:51999
nsenter --net="/run/netns/${LAB_PREFIX}beta" iperf3 -s > /dev/null &
for to in 172.31.0.2 "$beta"; do wait_for 30 in_ns alpha timeout 10 iperf3 -c "$to" -t 1; done
rate() { in_ns alpha timeout 60 iperf3 --connect-timeout 5000 -c "$1" -t "$seconds" -f m 2> /dev/null | awk '/receiver/{print $7}'; }
for ((i = 0; i < rounds; ++i)); do
	echo "bare $(rate 172.31.0.2)"
	echo "mesh $(rate "$beta")"
done > "$LAB/rounds"
# Were a packet refused, the figure would be another path's or none.
node alpha acl stats > "$LAB/stats" || { cat "$LAB/stats" >&2; exit 1; }
python3 - "$LAB/rounds" "$(uname -r)" "$seconds" "$mtu" <<'P'
import json, statistics, sys
rates = {"bare": [], "mesh": []}
for line in open(sys.argv[1]):
    how, rate = line.split()
    rates[how].append(float(rate))
out = {"kernel": sys.argv[2], "seconds": int(sys.argv[3]), "mtu": int(sys.argv[4]), **rates}
print(f"kernel {out['kernel']}, Mbit/s of {len(rates['bare'])} interleaved runs of {out['seconds']} s, MTU {out['mtu']}")
for how, text in (("bare", "bare WireGuard"), ("mesh", "mesh, 1,001 rules")):
    v = rates[how]
    print(f"{text:20} min {min(v):7.1f}  median {statistics.median(v):7.1f}  max {max(v):7.1f}")
out["ratio"] = round(statistics.median(rates["mesh"]) / statistics.median(rates["bare"]), 3)
print(f"ratio of the medians {out['ratio']}")
print("json " + json.dumps(out))
P
