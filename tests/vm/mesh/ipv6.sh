# SPDX-License-Identifier: Apache-2.0
# Underlays without IPv4, and hosts on which IPv6 is switched off. Sourced by tests/vm/mesh.sh after sections.sh. Leaves the
# three nodes up.
# shellcheck shell=bash disable=SC2154

section_ipv6() {
	local beta; beta=$(address_of beta)
	ip_ns alpha address del 10.77.1.2/24 dev eth0
	check "an underlay without IPv4: reachable within 10 s" wait_for 10 reaches alpha "$beta"
	check "the path is IPv6" wait_for 10 path_leads_to alpha beta '\[fd77:2::2\]'
	check "WireGuard's endpoint is the IPv4 synthetic one all the same" test "$(endpoints alpha | grep -c '240\.0\.0\.[0-9]*:24240$')" = 2
	check "large packets pass whole (1380 bytes inside)" in_ns alpha ping -n -q -c 3 -i 0.1 -M do -s 1380 "$beta"
	ip_ns alpha address add 10.77.1.2/24 dev eth0
	ip_ns alpha route replace default via 10.77.1.1
	check "IPv4 is back: still reachable" wait_for 10 reaches alpha "$beta"
	check "and the server too" wait_for 60 connected alpha
	is_off_from_the_start
	is_switched_off_under_way "$beta"
}

ipv6_off() { in_ns "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; }
ipv6_on() { # HOST; gives back the underlay's as well
	local n=${LAB_SUBNET[$1]}
	in_ns "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
	ip_ns "$1" address add "fd77:$n::2/64" dev eth0 nodad
	ip_ns "$1" route add default via "fd77:$n::1"
}
only_problem_names() { problem_names "$@" && [ "$(problems_of "$1" | jq length)" = 1 ]; }
address_6_of() { node "$1" --json status | jq -r '.node.addresses[] | select(contains(":"))'; }

# Hardened hosts and containers: mesh0 is born without IPv6.
is_off_from_the_start() {
	local gamma gamma6; gamma=$(address_of gamma); gamma6=$(address_6_of gamma)
	node gamma down > /dev/null
	ipv6_off gamma
	check "IPv6 switched off on a host: up all the same" node gamma up
	# Until alpha gives up the session that it had with what is gone, which WireGuard does after 15 s without an answer.
	check "reachable at its IPv4 address" wait_for 30 reaches alpha "$gamma"
	check "status says so, and nothing else" wait_for 10 only_problem_names gamma "IPv6 is switched off on mesh0"
	node gamma --json status | jq -r '.problems[]' | sed 's/^/      /'
	stop KILL gamma; start_agent gamma
	check "its agent started anew: up" wait_for 10 is_up gamma
	check "and reachable" wait_for 10 reaches alpha "$gamma"
	ipv6_on gamma
	check "IPv6 switched on: reachable at its IPv6 address" wait_for 10 reaches alpha "$gamma6"
	check "and status says nothing of it" wait_for 10 no_problem_on gamma
}

is_switched_off_under_way() { # ADDRESS
	local beta6; beta6=$(address_6_of beta)
	ipv6_off beta
	check "IPv6 switched off under way: status says so" wait_for 10 problem_names beta "IPv6 is switched off on mesh0"
	move beta 2 79 2
	check "moved after that: reachable within 10 s" wait_for 10 reaches alpha "$1"
	check "the path is the new address" wait_for 10 path_leads_to alpha beta 10.77.2.79
	check "status names no other problem" wait_for 10 only_problem_names beta "IPv6 is switched off on mesh0"
	move beta 79 2 2
	ipv6_on beta
	check "moved back, IPv6 switched on: reachable at both" wait_for 20 eval "reaches alpha $1 && reaches alpha $beta6"
	check "and the server too" wait_for 60 connected beta
}
