#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# WireGuard peers: one change, cold start and teardown at 10,000 peers, against wg(8) and ip(8); in a VM
# usage: ci/bench peers [-k VERSION] [-n PEERS] [-r RUNS] [--no-ip-del]
# Our figure for one change is that of a running node for one netmap delta (tests/bench/agent_driver.cc): difference, the
# writes to the policy's and the underlay's tables, one netlink message, path engine; merging and storing the netmap, on another thread,
# has a row of its own. No process start in either: the rival's is the whole command, which has one, and its time is
# shown without that start-up as well (`wg show interfaces`).
# Interleaved A B A B; the slow one, `ip link del` with all its peers, runs once.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
kernel=6.1; peers=10000; runs=10; del=1; inside=
while [ $# -gt 0 ]; do
	case $1 in
	-k) kernel=$2; shift 2;;
	-n) peers=$2; shift 2;; -r) runs=$2; shift 2;;
	--no-ip-del) del=; shift;;
	--ip-del) shift;;
	--inside) inside=1; shift;;
	*) echo "peers: unknown argument $1" >&2; exit 64;;
	esac
done
if [ -z "$inside" ]; then
	mkdir -p "$root/build/bench"
	"$root/ci/vm" -k "$kernel" -- bash "$(readlink -f "$0")" --inside -n "$peers" -r "$runs" "$([ -n "$del" ] && echo --ip-del || echo --no-ip-del)" | tee "$root/build/bench/peers.log"
	sed -n 's/^json //p' "$root/build/bench/peers.log" > "$root/build/bench/peers.json"
	echo "written to build/bench/peers.json"
	exit 0
fi

driver=$root/build/bin/peers-driver
agent=$root/build/bin/agent-driver
modprobe wireguard; modprobe dummy 2>/dev/null || :
us() { local t; t=$(date +%s%N); "$@" > /dev/null; echo $((($(date +%s%N) - t) / 1000)); }
stats() { sort -n | awk '{v[NR] = $1} END {m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2; printf "%d %d %d\n", v[1], m, v[NR]}'; }
row() { printf '%-46s %12.2f %12.2f %12.2f  %s\n' "$1" "$(bc_ms "$2")" "$(bc_ms "$3")" "$(bc_ms "$4")" "${5-}"; }
bc_ms() { awk -v u="$1" 'BEGIN {print u / 1000}'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.1fx", a / b}'; }
ip link add wga type wireguard; ip link add wgb type wireguard
cd /tmp
ulimit -l unlimited
"$driver" config "$peers" > full.conf
"$driver" config $((peers + 1)) > more.conf

echo "kernel $(uname -r), $peers peers, $runs runs interleaved; ms: minimum, median, maximum"
: > cold_ours; : > cold_rival
for _ in 1 2 3; do
	"$driver" fill wga 0 > /dev/null; "$driver" fill wga "$peers" >> cold_ours
	us wg setconf wgb full.conf >> cold_rival
	"$driver" fill wga 0 > /dev/null; echo | wg setconf wgb /dev/stdin
done
"$driver" fill wga "$peers" > /dev/null; wg setconf wgb full.conf
coproc NODE { "$agent" "$peers"; }
node_pid=$NODE_PID
ask() { local received applied; echo "$1" >&"${NODE[1]}"; read -r received applied <&"${NODE[0]}"; echo "$received" >> receiver; echo "$applied" >> "$2"; }
read -r copy validate digest store <&"${NODE[0]}"
# Once before the clock counts, and looked at: a step that reached nothing would be fast.
reached() { [ "$(wg show meshb0 peers | wc -l)" = "$1" ] || { echo "peers: meshb0 has not $1 peers" >&2; exit 1; }; }
reached "$peers"; ask step /dev/null; reached $((peers + 1)); ask step /dev/null; reached "$peers"
: > step_add; : > step_remove; : > one_whole; : > receiver; : > one_rival; : > base
for i in $(seq "$runs"); do
	ask step step_add; ask step step_remove
	for _ in 1 2; do ask whole one_whole; done
	if [ $((i % 2)) = 1 ]; then us wg syncconf wgb more.conf >> one_rival; else us wg syncconf wgb full.conf >> one_rival; fi
	us wg show interfaces >> base
done
exec {NODE[1]}>&-; wait "$node_pid"
read -r a1 a2 a3 < <(cat step_add step_remove | stats); read -r p1 p2 p3 < <(stats < step_add); read -r q1 q2 q3 < <(stats < step_remove)
read -r w1 w2 w3 < <(stats < one_whole); read -r m1 m2 m3 < <(stats < receiver)
read -r b1 b2 b3 < <(stats < one_rival); read -r z1 z2 z3 < <(stats < base)
read -r c1 c2 c3 < <(stats < cold_ours); read -r d1 d2 d3 < <(stats < cold_rival)
row "one peer changed: agent, step" "$a1" "$a2" "$a3"
row "  of these: added" "$p1" "$p2" "$p3"
row "  of these: removed" "$q1" "$q2" "$q3"
row "one peer changed: agent, whole state" "$w1" "$w2" "$w3" "whole/step $(ratio "$w2" "$a2")"
row "merge, validate, store (other thread)" "$m1" "$m2" "$m3" "once: copy $copy, validate $validate, digest $digest, store $store us"
row "one peer changed: wg syncconf" "$b1" "$b2" "$b3" "$(ratio "$b2" "$a2"); without process start $(ratio $((b2 - z2)) "$a2")"
row "process start: wg show interfaces" "$z1" "$z2" "$z3"
row "cold start: agent" "$c1" "$c2" "$c3"
row "cold start: wg setconf" "$d1" "$d2" "$d3" "agent/wg $(ratio "$c2" "$d2")"
e=$("$driver" remove wga)
row "removal: agent" "$e" "$e" "$e"
f=0
if [ -n "$del" ]; then f=$(us ip link del wgb); row "removal: ip link del" "$f" "$f" "$f" "$(ratio "$f" "$e")"; fi
printf 'json {"kernel":"%s","peers":%d,"unit":"us","one_change":{"agent":%d,"agent_whole":%d,"receiver":%d,"wg_syncconf":%d,"process_start":%d},"cold":{"agent":%d,"wg_setconf":%d},"removal":{"agent":%d,"ip_link_del":%d}}\n' \
	"$(uname -r)" "$peers" "$a2" "$w2" "$m2" "$b2" "$z2" "$c2" "$d2" "$e" "$f"
