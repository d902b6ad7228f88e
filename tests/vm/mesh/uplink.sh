# SPDX-License-Identifier: Apache-2.0
# A node's only interface goes away and comes back with another address. Sourced by tests/vm/mesh.sh after relay.sh. Leaves
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
}
