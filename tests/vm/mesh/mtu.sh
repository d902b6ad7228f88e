# SPDX-License-Identifier: Apache-2.0
# Ways that carry less than the interface's MTU, and nobody says so. Sourced by tests/vm/mesh.sh after sections.sh.
# shellcheck shell=bash disable=SC2154

mtu_to() { peer_field "$1" "$2" .mtu; } # HOST PEER
mtu_is() { [ "$(mtu_to "$1" "$2")" = "$3" ]; } # HOST PEER BYTES
mtu_between() { local now; now=$(mtu_to "$1" "$2"); echo "$now"; [ "$now" -ge "$3" ] && [ "$now" -le "$4" ]; } # HOST PEER BYTES BYTES
# A router whose word that a packet was too large nobody hears.
hush() {
	in_ns router nft 'table inet hush { chain c { type filter hook output priority 0; policy accept;
		icmp type destination-unreachable drop; icmpv6 type packet-too-big drop; }; }'
}
routed_by_itself() { ip_ns "$1" route show table 27515 | grep "^$2 .*mtu $3"; } # HOST ADDRESS BYTES
whole() { in_ns "$1" ping -n -q -c 5 -i 0.1 -W 2 -s "$3" -M "$4" "$2"; } # HOST ADDRESS BYTES do|dont

# What a connection of the host's to the peer sends at most, with 40 bytes of headers and up to 12 of a timestamp. The path may change
# between IPv4 and IPv6 meanwhile, and the route with it by 16 bytes.
segments_fit() { # HOST PEER ADDRESS
	local mss route; route=$(mtu_to "$1" "$2")
	mss=$(in_ns "$1" ss -Htin dst "$3" | grep -o ' mss:[0-9]*' | cut -d: -f2 | head -1)
	echo "mss ${mss:-unknown} on a route of $route"
	[ -n "$mss" ] && [ "$mss" -le $((route - 40)) ] && [ "$mss" -ge $((1312 - 52)) ]
}
section_mtu() {
	local beta narrow; beta=$(address_of beta)
	modprobe -q nf_tables 2> /dev/null || :
	hush
	wait_for 10 reaches alpha "$beta"
	run_on alpha ping -n -q -i 0.2 "$beta" > /dev/null 2>&1; LAB_PID[session]=$!
	check "the way is known to carry mesh0's MTU" wait_for 10 mtu_is alpha beta 1408
	ip_ns router link set to-beta mtu 1400
	# 1328 behind the headers of IPv4, 1312 behind those of IPv6.
	check "a link on the way gets narrower and nothing is heard of it: noticed" wait_for 15 mtu_between alpha beta 1312 1328
	narrow=$(mtu_to alpha beta)
	check "the kernel knows it from the route" routed_by_itself alpha "$beta" "$narrow"
	check "packets of that size pass" whole alpha "$beta" $((narrow - 28)) do
	refused "larger ones are refused at once, with the size" "mtu ?= ?$narrow" in_ns alpha ping -n -c 1 -M do -s 1380 "$beta"
	check "or go in fragments, inside the tunnel" whole alpha "$beta" 1380 dont
	run_on beta python3 "$here/talk.py" serve "$beta" 8081; LAB_PID[talk]=$!
	wait_for 10 in_ns alpha python3 "$here/talk.py" ask "$beta" 8081 > /dev/null
	run_on alpha python3 "$here/talk.py" talk "$beta" 8081 > /dev/null 2>&1; LAB_PID[talker]=$!
	wait_for 10 segments_fit alpha beta "$beta"
	check "a TCP connection's segments fit the route" segments_fit alpha beta "$beta"
	stop TERM talker; stop TERM talk
	check "beta finds its own way out, which is the same link" wait_for 40 mtu_between beta alpha 1312 1328
	ip_ns router link set to-beta mtu 1500
	check "the link is wide again: noticed" wait_for 60 mtu_is alpha beta 1408
	ip_ns router link set to-alpha mtu 9001; ip_ns alpha link set eth0 mtu 9001
	check "jumbo frames at alpha: mesh0 follows" wait_for 5 has_mtu alpha 8912
	check "but not to beta, which has none" wait_for 15 mtu_is alpha beta 1408
	check "packets of 8,000 bytes pass in fragments" whole alpha "$beta" 8000 dont
	ip_ns alpha link set eth0 mtu 1500; ip_ns router link set to-alpha mtu 1500
	check "back to 1500 bytes: mesh0 follows" wait_for 5 has_mtu alpha 1408
	check "and no peer has a route of its own any more" wait_for 10 no_narrow_route alpha
	stop INT session
	in_ns router nft delete table inet hush
}
has_mtu() { ip_ns "$1" link show mesh0 | grep -q "mtu $2 "; } # HOST BYTES
no_narrow_route() { ! ip_ns "$1" route show table 27515 | grep -q mtu; }
