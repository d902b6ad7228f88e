#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Inside the VM: TCP through kernel WireGuard, plain and over the virtual underlay, interleaved. Emulated CPUs: only the ratio
# means anything.
. "$(dirname "$0")/../vm/underlay/hosts.sh"
rounds=${1-6} seconds=${2-3}
hosts; sources; paths 1 v4
for n in a b; do
	ip -n $n link add wg0 type wireguard; in_ns $n wg set wg0 private-key $tmp/$n.key listen-port 51999
	ip -n $n addr add 100.99.0.${number[$n]}/24 dev wg0; ip -n $n link set wg0 mtu 1408 up; in_ns $n iperf3 -s -D --logfile /dev/null
done
in_ns a wg set wg0 peer "$(cat $tmp/b.pub)" allowed-ips 100.99.0.2/32 endpoint 10.0.2.2:51999
in_ns b wg set wg0 peer "$(cat $tmp/a.pub)" allowed-ips 100.99.0.1/32 endpoint 10.0.1.2:51999
in_ns a ping -q -c 3 -i 0.2 100.99.0.2 > /dev/null; settle
backlog() { local s=0 d; while read -r _ d _; do s=$((s + 16#$d)); done < /proc/net/softnet_stat; echo $s; }
rate() { in_ns a timeout 60 iperf3 --connect-timeout 5000 -c $1 -t $seconds -f m 2>/dev/null | awk '/receiver/{print $7}'; }
plain=() meshed=() dropped_plain=0 dropped_meshed=0
for _ in $(seq $rounds); do
	d=$(backlog); plain+=("$(rate 100.99.0.2)"); dropped_plain=$((dropped_plain + $(backlog) - d))
	d=$(backlog); meshed+=("$(rate 100.64.0.2)"); dropped_meshed=$((dropped_meshed + $(backlog) - d))
done
spread() { printf '%s\n' "$@" | sort -n | awk '{v[NR]=$1} END{printf "min %s median %s max %s", v[1], v[int((NR+1)/2)], v[NR]}'; }
echo "kernel $(uname -r), Mbit/s of $rounds interleaved runs of $seconds s"
echo "plain WireGuard        $(spread "${plain[@]}"), backlog drops $dropped_plain: ${plain[*]}"
echo "over the underlay      $(spread "${meshed[@]}"), backlog drops $dropped_meshed: ${meshed[*]}"
join() { local IFS=,; echo "$*"; }
echo "json {\"kernel\": \"$(uname -r)\", \"plain_mbit\": [$(join "${plain[@]}")], \"underlay_mbit\": [$(join "${meshed[@]}")], \"backlog_drops\": [$dropped_plain, $dropped_meshed]}"
