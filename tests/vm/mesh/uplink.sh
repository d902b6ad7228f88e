# SPDX-License-Identifier: Apache-2.0
# A node's only interface goes away and comes back with another address; one of two interfaces takes no program. Sourced by tests/vm/mesh.sh after relay.sh. Leaves
# the three nodes up.
# shellcheck shell=bash disable=SC2154

renew_link() { ip_ns beta link delete eth0; wait_for 3 no_uplink; lab_link beta "$1"; wait_for 10 leads_to_beta "$1"; } # NUMBER
no_uplink() { ! ip_ns beta link show eth0; }
leads_to_beta() { peer_field alpha beta .path.endpoint | grep -E "^(10\.77\.2\.$1|\[fd77:2::$1\]):"; } # NUMBER

section_uplink() {
	local beta number; beta=$(address_of beta)
	wait_for 10 reaches alpha "$beta"; endpoints_before=$(endpoints alpha)
	for number in 88 2; do
		pinged alpha "$beta" 1500 renew_link $number
		check "beta's eth0 deleted and made anew under ping, as .$number: alpha's path leads there" leads_to_beta $number
		check "reached again within 10 s" few_lost 1000
		check "and from beta" wait_for 10 reaches beta "$(address_of alpha)"
	done
	check "WireGuard's endpoints are the same" test "$(endpoints alpha)" = "$endpoints_before"
	one_uplink_is_taken "$beta"
}

# Relays of earlier sections may be missed.
no_problem_of_interfaces() { ! problems_of "$1" | jq -r '.[]' | grep -vE '^relays'; } # HOST
# A filter of somebody else's stands where cls_bpf needs its place; tcx has places enough.
one_uplink_is_taken() { # ADDRESS
	# Under a name that is no uplink's, or the agent is first.
	ip link add veth9 netns "${LAB_PREFIX}beta" type veth peer name to-beta9 netns "${LAB_PREFIX}router"
	in_ns beta tc qdisc add dev veth9 clsact
	in_ns beta tc filter add dev veth9 ingress prio 1 protocol ip u32 match u32 0 0 || { not_ok "another's filter on eth9"; return; }
	ip_ns beta link set veth9 name eth9
	ip_ns router link set to-beta9 up; ip_ns beta address add 10.78.9.2/24 dev eth9; ip_ns beta link set eth9 up
	if [ "$(node beta --json status | jq -r .attach_kind)" = cls_bpf ]; then
		check "another's filter is where ours belongs: status says so" wait_for 10 problem_names beta "priority 1 free"
		node beta --json status | jq -r '.problems[]' | sed 's/^/      /'
	fi
	move beta 2 89 2
	check "moved on its other interface: reachable within 10 s" wait_for 10 reaches alpha "$1"
	check "the server learns the new endpoint" wait_for 20 server_knows beta 10.77.2.89
	move beta 89 2 2
	ip_ns beta link delete eth9
	check "moved back, and the odd interface is gone: no problem of interfaces is left" wait_for 20 no_problem_of_interfaces beta
	check "reachable" wait_for 10 reaches alpha "$1"
}
