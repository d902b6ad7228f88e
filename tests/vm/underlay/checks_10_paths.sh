# SPDX-License-Identifier: Apache-2.0
# Families, checksums, MTU, VLAN, firewall: a packet gets through whole, on every kind of path.
# Both ends begin to shake hands at once here; on a slow machine that takes a second try, 5 s later.
paths 1 v4; wait_until tunnel; both_ways "IPv4 path"
seen="$(in_ns a ss -Hlun | tr -s ' ' | cut -d' ' -f4 | tr '\n' ' '), in the private namespace $(in_ns ua ss -Hlun | tr -s ' ' | cut -d' ' -f4 | tr '\n' ' ')"
expect "the host has no WireGuard socket" is -z "$(in_ns a ss -Hlun)"
seen="$(in_ns a sysctl -n net.ipv4.conf.all.rp_filter net.ipv4.conf.va.rp_filter net.ipv4.conf.meshu0.rp_filter | tr '\n' ' ')"; expect "strict rp_filter on all of them" is "$seen" = "1 1 1 "
paths 1 v6; both_ways "IPv6 path"
drive a path 240.0.0.2 1 "$(hop a v4)"; both_ways "IPv4 one way, IPv6 back"
in_ns r python3 $here/relay.py 10.0.1.1 $relay_port > $tmp/relay & relay_pid=$!
in_ns r python3 $here/relay.py fd01::1 $relay_port > $tmp/relay6 & relay6_pid=$!
wait_until is -s $tmp/relay; wait_until is -s $tmp/relay6
paths 1 relay; settle; both_ways "IPv4 through a relay"
paths 1 relay6; settle; both_ways "IPv6 through a relay"

# What the wire shows of checksums when the stack fills them: wrong ones would be dropped by the relay's socket or any NAT.
sums() { # NAME KIND
	paths 1 $2; settle; in_ns r timeout 20 tcpdump -Z root -nnvvi ra -c 12 "udp src port $public_port" > $tmp/sums 2>/dev/null & local dump=$!
	wait_until sniffs r
	pings a 12 > $tmp/got; wait $dump
	local bad good; bad=$(grep -ci 'bad udp' $tmp/sums); good=$(grep -ci 'udp sum ok' $tmp/sums); seen="$(cat $tmp/got)/12, $good right, $bad wrong"
	expect "$1" is "$(cat $tmp/got) $bad" = "12 0" -a "$good" -ge 10
}
for n in a:va b:vb; do in_ns ${n%:*} ethtool -K ${n#*:} tx off > /dev/null; done
for k in v4 v6 relay relay6; do sums "checksums, the device fills them: $k" $k; done
for n in a b; do in_ns u$n ethtool -K under tx off > /dev/null; done
for k in v4 v6 relay relay6; do sums "checksums, WireGuard's side fills them: $k" $k; done
for n in a:va b:vb ua:under ub:under; do in_ns ${n%:*} ethtool -K ${n#*:} tx on > /dev/null; done
kill $relay_pid $relay6_pid

for k in v4 v6; do
	paths 1 $k; seen="$(tcp a) Mbit/s out, $(tcp b) in; $(drive a counters | grep -o 'in_merged=[0-9]*')"; settle; both_ways "TCP over $k"
done

links() { for d in a:va r:ra r:rb b:vb; do ip -n ${d%:*} link set ${d#*:} mtu $1; done; for n in a b; do ip -n $n link set meshu0 mtu $1; ip -n u$n link set under mtu $1; ip -n $n link set mesh0 mtu $2; done; }
for m in 1280 1460 1500 9001; do
	mtu=$m inner=$(((m - 88) / 16 * 16)); links $m $inner
	for k in v4 v6; do
		paths 1 $k; seen="$(pings a 5 -M do -s $((inner - 28)))/5 $(pings b 5 -M do -s $((inner - 28)))/5"; expect "MTU $m, inner $inner, full packets over $k" is "$seen" = "5/5 5/5"
	done
done
links 1500 1408; mtu=1200; before=$(count a out_too_big); paths 1 v4
seen="$(pings a 3 -s 1300)/3, out_too_big +$(($(count a out_too_big) - before))"; expect "larger than the path's MTU: dropped and counted" is "$seen" = "0/3, out_too_big +3"; mtu=1500

ip -n a link add link va name va.10 type vlan id 10; ip -n r link add link ra name ra.10 type vlan id 10
ip -n a addr add 10.0.10.2/24 dev va.10; ip -n r addr add 10.0.10.1/24 dev ra.10; ip -n a link set va.10 up; ip -n r link set ra.10 up; ip -n a route replace default via 10.0.10.1
drive a attach-in va.10; drive a locals 10.0.1.2 10.0.9.1 fd01::2 fd09::1 10.0.10.2; drive b source 240.0.0.1 10.0.10.2:$public_port 0
drive a path 240.0.0.2 1 va.10,10.0.10.2,10.0.2.2:$public_port,1500,0; drive b path 240.0.0.1 1 vb,10.0.2.2,10.0.10.2:$public_port,1500,0
settle # neighbours on the new devices are found
both_ways "VLAN uplink, hardware tag"
in_ns a ethtool -K va rxvlan off txvlan off > /dev/null; in_ns r ethtool -K ra rxvlan off txvlan off > /dev/null; both_ways "VLAN uplink, tag in the packet"
ip -n a link del va.10; ip -n a route replace default via 10.0.1.1; drive a locals 10.0.1.2 10.0.9.1 fd01::2 fd09::1

for n in a b; do ip -n $n link add wg9 type wireguard; in_ns $n wg set wg9 private-key $tmp/$n.key listen-port 9999; ip -n $n addr add 10.0.99.${number[$n]}/24 dev wg9; ip -n $n link set wg9 up; done
in_ns a wg set wg9 peer "$(cat $tmp/b.pub)" allowed-ips 10.0.99.2/32 endpoint 10.0.2.2:9999; in_ns b wg set wg9 peer "$(cat $tmp/a.pub)" allowed-ips 10.0.99.1/32 endpoint 10.0.1.2:9999
# One handshake first: when both ends begin one at once, WireGuard takes 5 s to try again, which is as long as pings wait.
in_ns a ping -q -c 1 -w 20 10.0.99.2 > /dev/null
for n in a b; do drive $n attach-in wg9; done; drive a locals 10.0.1.2 10.0.9.1 fd01::2 fd09::1 10.0.99.1; drive b locals 10.0.2.2 10.0.9.2 fd02::2 fd09::2 10.0.99.2
drive a source 240.0.0.2 10.0.99.2:$public_port 0; drive b source 240.0.0.1 10.0.99.1:$public_port 0
drive a path 240.0.0.2 1 wg9,10.0.99.1,10.0.99.2:$public_port,1500,0; drive b path 240.0.0.1 1 wg9,10.0.99.2,10.0.99.1:$public_port,1500,0
both_ways "uplink without Ethernet header"
for n in a b; do ip -n $n link del wg9; done; drive a locals 10.0.1.2 10.0.9.1 fd01::2 fd09::1; drive b locals 10.0.2.2 10.0.9.2 fd02::2 fd09::2

for n in a b; do in_ns $n nft -f - <<< "table inet fw {
	chain in { type filter hook input priority filter; policy drop
		iif lo accept
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		iifname mesh0 accept
		ct state established,related accept
	}
	chain nat { type nat hook postrouting priority srcnat; masquerade random; }
	chain raw { type filter hook prerouting priority raw; udp dport $public_port drop; }
}"; done
paths 1 v4; rekey; pings b 5 > /dev/null; settle; both_ways "stateful default-drop firewalls, peer speaks first"
paths 1 v6; rekey; settle; both_ways "the same over IPv6"
for n in a b; do in_ns $n nft flush ruleset; done
