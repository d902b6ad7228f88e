# SPDX-License-Identifier: Apache-2.0
# Boxes that translate, and what stands behind them: between the router of tests/vm/lab.sh and a node. Sourced after it.
# shellcheck shell=bash disable=SC2154
boxes=()

namespace() { # NAME: it forwards, and takes packets from wherever they come
	ip netns add "$LAB_PREFIX$1"
	ip_ns "$1" link set lo up
}
forwarding() { # NAME
	in_ns "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
}
# A link from a box's port to the eth0 of what is behind it: NETWORK.1 and NETWORK.HOST
behind() { # BOX PORT NAME NETWORK HOST
	namespace "$3"
	ip link add "$2" netns "$LAB_PREFIX$1" type veth peer name eth0 netns "$LAB_PREFIX$3"
	ip_ns "$1" address add "$4.1/24" dev "$2"; ip_ns "$1" link set "$2" up
	ip_ns "$3" address add "$4.$5/24" dev eth0; ip_ns "$3" link set eth0 up
	ip_ns "$3" route add default via "$4.1"
}
# nat-box in a namespace: what comes from the ports LAN... leaves under OUTER.100, later .101
translate() { # NAME OUTER "LAN..." FLAGS...
	local name=$1 outer=$2 lans=$3 lan; shift 3
	nsenter --net="/run/netns/$LAB_PREFIX$name" "$BIN/nat-box" --inside nat-in --outside nat-out --outer "$outer.100" --outer "$outer.101" \
		--seed "${#boxes[@]}" --timeout 30 "$@" > "$LAB/$name.ready" 2>> "$LAB/$name.log" &
	LAB_PID[$name]=$!
	echo $! > "$LAB/$name.pid"
	wait_for 10 grep -q ready "$LAB/$name.ready" || return 1
	ip_ns "$name" route add "$outer.96/28" dev nat-out
	ip_ns "$name" route add default dev nat-in table 100
	for lan in $lans; do
		ip_ns "$name" rule show | grep -q "iif $lan " || ip_ns "$name" rule add iif "$lan" lookup 100
	done
	boxes+=("$name")
}
# A box on the lab's router.
box_host() { # NAME NUMBER
	LAB_SUBNET[$1]=$2
	lab_host "$1"
	ip_ns "$1" -6 address flush dev eth0 scope global
	forwarding "$1"
	ip_ns router route add "10.77.$2.96/28" via "10.77.$2.2"
}
# Homes use the same ranges: whose number is even one, whose number is odd the other.
home() { # NODE NUMBER BOX
	behind "$3" lan0 "$1" "192.168.$(($2 % 2))" $((10 + $2))
}
