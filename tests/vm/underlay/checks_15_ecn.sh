# SPDX-License-Identifier: Apache-2.0
# Congestion marks of the network reach the inner packet.
paths 1 v4; settle
ecn() { # NAME KIND NFT_FAMILY: inner ECT(0) goes out, the router marks the outer packet, the receiver sees CE inside
	paths 1 $2; in_ns r nft "add table inet ce; add chain inet ce onward { type filter hook forward priority 0; }; add rule inet ce onward udp dport $public_port $3 ecn set ce"
	in_ns b timeout 20 tcpdump -Z root -nnvi mesh0 -c 5 'icmp[0]=8' > $tmp/ecn 2>/dev/null & local dump=$!
	wait_until sniffs b
	pings a 8 -Q 0x02 > $tmp/got; wait $dump; in_ns r nft delete table inet ce
	seen="$(cat $tmp/got)/8, tos inside $(grep -o 'tos 0x[0-9a-f]*' $tmp/ecn | sort | uniq -c | tr -s ' ' | tr '\n' ' ')"
	expect "$1" is "$(grep -c 'tos 0x3' $tmp/ecn)" = 5
}
ecn "ECN survives both rewrites: IPv4" v4 ip; ecn "ECN survives both rewrites: IPv6" v6 ip6
