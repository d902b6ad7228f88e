#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How soon packets take another path: the direct one lost, found again, an address of one's own changed, a relay drained or lost.
# usage: ci/bench path [ROUNDS]        default 30, natively, about 10 minutes
# alpha behind a box that delays every packet by 10 ms each way (a full cone), beta, two relays, a server: namespaces. Both
# nodes send each other a datagram every 2 ms. tests/bench/path.py says what is measured and how.
# On a kernel without WireGuard the agents are nat-agent: mesh-agent with a stand-in for the driver (tests/nat/tunnel.h).
set -u
rounds=${1-30}
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
LAB_PREFIX=kmpath-
# shellcheck source=../vm/lab.sh
. "$root/tests/vm/lab.sh"
# shellcheck source=../vm/mesh/relay.sh
. "$root/tests/vm/mesh/relay.sh"
# shellcheck source=../nat/boxes.sh
. "$root/tests/nat/boxes.sh"
trap 'set +e; [ -z "${KEEP_LOGS-}" ] || { mkdir -p "$KEEP_LOGS"; cp "$LAB"/*.log "$KEEP_LOGS"; }; lab_down' EXIT
modprobe -qa wireguard tun nf_tables 2> /dev/null || :
LAB_AGENT=nat-agent
! unshare --net ip link add wgprobe type wireguard 2> /dev/null || LAB_AGENT=mesh-agent
give_up() { echo "path: $1" >&2; tail -n 5 "$LAB"/*.log >&2; exit 1; }

lab_up beta && start_network || give_up "no server"
relay_key=$(admin --json key create --relay --reusable | jq -r .secret)
for relay in relay1 relay2; do relay_host "$relay" "$relay_key" || give_up "$relay does not start"; done
box_host box 11
home alpha 0 box
translate box 10.77.11 lan0 --mapping none --filtering none --ports kept --delay 10 || give_up "no box"
signal_box() { kill "-$1" "${LAB_PID[box]}"; }
signal_box USR2
# Without it the second address of a subnet goes with the first.
in_ns alpha sysctl -qw net.ipv4.conf.all.promote_secondaries=1
ip_ns beta -6 address flush dev eth0 scope global
for host in alpha beta; do
	start_agent "$host" && join "$host" "$key" > /dev/null || give_up "$host does not join"
done
both_have_homes() { has_home alpha && has_home beta; }
wait_for 30 both_have_homes || give_up "no home relay"
wait_for 20 in_ns alpha ping -n -q -c 1 -W 1 "$(address_of beta)" || give_up "alpha does not reach beta"
echo "kernel $(uname -r), $([ "$LAB_AGENT" = nat-agent ] && echo "a stand-in for WireGuard" || echo WireGuard), load average $(cut -d' ' -f1 /proc/loadavg)"
mkdir -p "$root/build/bench"
LAB=$LAB LAB_PREFIX=$LAB_PREFIX BIN=$BIN python3 "$root/tests/bench/path.py" "$rounds" "$(address_of alpha)" "$(address_of beta)" "$root/build/bench/path.json"
