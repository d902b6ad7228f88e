# SPDX-License-Identifier: Apache-2.0
# What must never happen: an address of the outside world in WireGuard's endpoint.
paths 1 v4; pings a 2 > /dev/null
sum() { drive a counters | tr ' ' '\n' | grep -E "^($1)=" | cut -d= -f2 | paste -sd+ | bc 2>/dev/null || echo 0; }
for from in 10.0.2.2 10.0.2.77 240.0.0.2 240.255.255.254 127.0.0.1 10.0.1.2; do
	n=$(in_ns r python3 $here/forge.py $from 10.0.1.2 $public_port $wg_port $synth_port)
	seen="$n packets; $(endpoints)"; expect "forged packets to all ports, claiming $from" synthetic
done
for from in fd02::2 fd02::77 fd01::2 ::1 ::ffff:240.0.0.2; do
	n=$(in_ns r python3 $here/forge.py $from fd01::2 $public_port $wg_port $synth_port)
	seen="$n packets; $(endpoints)"; expect "forged packets over IPv6 to all ports, claiming $from" eval '[ $n -gt 500 ] && synthetic'
done
ip -n r route add 240.0.0.0/4 via 10.0.1.2; n=$(in_ns r python3 $here/forge.py 10.0.1.1 240.255.255.254 $public_port $wg_port); seen="$n packets; $(endpoints)"; expect "forged packets to WireGuard's own synthetic address" synthetic
seen="$(drive a counters)"; expect "they were counted" is "$(count a in_unknown_data)" -gt 0 -a "$(count a in_unknown_initiation)" -gt 0 -a "$(count a in_unknown_channel)" -gt 0 -a "$(count a in_pass_control)" -gt 0
both_ways "and the tunnel works"

# Genuine packets from an address that nobody expects: the router rewrites b's source.
drive b path 240.0.0.1 1 "$(hop b v4)"; before=$(count a in_index)
# Flows that the router knows by then are forgotten in a second, else they would keep their translation.
in_ns r sysctl -qw net.netfilter.nf_conntrack_udp_timeout=1 net.netfilter.nf_conntrack_udp_timeout_stream=1
in_ns r nft "add table ip n; add chain ip n post { type nat hook postrouting priority srcnat; }; add rule ip n post ip saddr 10.0.2.2 udp dport $public_port snat to 10.0.1.1:7777"
in_ns r python3 -c "pass"; ip -n r link set rb down; ip -n r link set rb up; ip -n r addr add fd02::1/64 dev rb nodad 2>/dev/null; ip -n b route replace default via 10.0.2.1; ip -n b route replace default via fd02::1
in_ns a timeout 20 tcpdump -Z root -nni mesh0 -c 5 'icmp[0]=8' > $tmp/roam 2>/dev/null & dump=$!
wait_until sniffs a
in_ns a ping -q -c 1 -W 2 10.0.1.1 > /dev/null; in_ns a ping -q -c 1 -w 3 10.0.1.222 > /dev/null
pings b 10 > /dev/null; wait $dump; seen="in_index +$(($(count a in_index) - before)), $(grep -c ICMP $tmp/roam) delivered; $(endpoints)"
expect "authentic data from a moved peer: delivered, endpoint stays" eval '[ $(($(count a in_index) - before)) -gt 0 ] && synthetic'
drive a events > /dev/null; rekey; pings b 2 > /dev/null
seen="$(drive a events | sort -u | tr '\n' ' ')$(endpoints)"; expect "its initiation is dropped and reported with its address" eval 'grep -q "10.0.1.1:7777 -> 10.0.1.2" <<< "$seen" && [ "$(pings b 2)" = 0 ]'
drive a source 240.0.0.2 10.0.1.1:7777 0; drive a path 240.0.0.2 1 va,10.0.1.2,10.0.1.1:7777,1500,0; in_ns b ping -q -c 1 -w 12 100.64.0.1 > $tmp/got; seen="$(endpoints)$(drive a counters | grep -o 'in_[a-z_]*=[0-9]*' | tr '\n' ' ')"; expect "its new address written, WireGuard's own retry gets in" eval 'grep -q " [1-9][0-9]* received" $tmp/got && synthetic'
drive a unsource 10.0.1.1:7777; in_ns r nft flush ruleset; in_ns a ping -q -c 1 -w 3 10.0.1.222 > /dev/null
paths 1 v4; rekey; settle; both_ways "back on the straight path"

# WireGuard's packets are never fragmented on the way: they carry DF and die at a small link. Nothing of them arrives whole elsewhere.
ip -n r link set rb mtu 1280; before=$(count b in_pass_fragment); seen="$(pings a 3 -s 1350)/3 lost in the network, $(($(count b in_pass_fragment) - before)) fragments; $(endpoints)"
expect "a link smaller than the path's MTU: no fragments, endpoint stays" eval '[ $(($(count b in_pass_fragment) - before)) = 0 ] && synthetic'; ip -n r link set rb mtu 1500
