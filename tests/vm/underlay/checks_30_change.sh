# SPDX-License-Identifier: Apache-2.0
# Path changes, both paths at once, and everything that outlives an agent.
lossless() { in_ns a ping -q -i 0.01 -c $1 -W 2 100.64.0.2 | tr '\n' ' ' | sed 's/.*statistics --- //; s/, time.*//'; }
whole() { grep -q "$1 packets transmitted, $1 received" <<< "$seen" && ! grep -q duplicates <<< "$seen"; }
paths 1 v4; pings a 3 > /dev/null; before=$(handshakes)
drive a flip 240.0.0.2 120 40 1 "$(hop a v4)" / 1 "$(hop a v6)" & flip=$!
drive b flip 240.0.0.1 120 40 1 "$(hop b direct)" / 1 "$(hop b v4)" & flip2=$!
seen=$(lossless 500); wait $flip $flip2
expect "120 path changes each side by one write, IPv4 <-> IPv6" whole 500
seen="$before-> $(handshakes)"; expect "no handshake, no endpoint moved" eval 'only_timed_handshakes "$before" && synthetic'
paths 3 v4 direct; before=$(count a in_address); seen="$(lossless 300), in_address +$(($(count a in_address) - before))"; expect "both paths at once: nothing lost, nothing twice" eval 'whole 300 && [ $(($(count a in_address) - before)) -ge 600 ]'
ip -n r link set ra down; seen=$(lossless 200); expect "both paths, one dies: nothing lost" whole 200
ip -n r link set ra up; ip -n r addr add fd01::1/64 dev ra nodad 2>/dev/null; ip -n a route replace default via 10.0.1.1; ip -n a route replace default via fd01::1; paths 1 v4; both_ways "back on one path"

# Nothing of ours runs now, as after kill -9. Then the pins go too.
rm -rf /sys/fs/bpf/kernmesh; seen="$(ls /sys/fs/bpf | tr '\n' ' ')"; both_ways "no process, no pins: traffic goes on"
before=$(count a out_direct); seen="$(drive a adopted), $(drive a paths) paths, out_direct $before"; expect "the next agent adopts maps from the attached programs" eval '[ "$(drive a adopted)" = adopted ] && [ "$(drive a paths)" = 1 ] && [ $before -gt 0 ]'
id() { in_ns a bpftool -j prog show name underlay_in | tr ',' '\n' | grep -o '"id":[0-9]*' | tr '\n' ' '; }
in_ns a ping -q -i 0.01 -c 400 -W 2 100.64.0.2 > $tmp/swap & ping=$!
drive a attach-in va; drive a attach-out meshu0; same=$(drive a query-in va)
drive a other-build $objects/other_build.bpf.o underlay_in va; drive a other-build $objects/other_build.bpf.o underlay_out meshu0; old=$(drive a query-in va)
drive a attach-in va; drive a attach-out meshu0; new=$(drive a query-in va); wait $ping
seen="$same | $old | $new | $(grep -o '[0-9]* received' $tmp/swap)"; expect "attach again, downgrade, upgrade under traffic: 0 lost" eval 'grep -q "400 received" $tmp/swap && grep -q "attached current" <<< "$same" && grep -q "attached old" <<< "$old" && grep -q "attached current" <<< "$new"'

# Somebody else's programs on the same interface. tc's filters come after tcx; on older kernels after ours by priority.
bpftool prog loadall $objects/foreign.bpf.o /sys/fs/bpf/foreign pinmaps /sys/fs/bpf/foreign_maps
ip link add pod0 netns a type veth peer name pod1 netns ua; ip -n a addr add 10.99.0.1/24 dev pod0; ip -n a link set pod0 up; ip -n ua addr add 10.99.0.2/24 dev pod1; ip -n ua link set pod1 up; ip -n ua route add 10.0.0.0/8 via 10.99.0.1; ip -n r route add 10.99.0.0/24 via 10.0.1.2
hex() { printf '%02x %02x 00 00' $(($1 & 255)) $(($1 >> 8)); }
bpftool map update pinned /sys/fs/bpf/foreign_maps/foreign key hex 01 00 00 00 value hex $(hex $(ip -n a -o link show pod0 | cut -d: -f1))
seen_by_foreign() { bpftool -j map lookup pinned /sys/fs/bpf/foreign_maps/foreign key hex 00 00 00 00 | grep -o '"value":[^,}]*[],}]' | tail -1; }
in_ns a tc qdisc add dev va clsact 2>/dev/null; in_ns a tc filter add dev va ingress prio 2 handle 1 bpf da pinned /sys/fs/bpf/foreign/foreign_pods
both_ways "a program after ours that redirects pods' packets"
in_ns a sysctl -qw net.ipv4.ip_forward=1; seen="$(in_ns r ping -q -c 3 -i 0.1 -W 1 10.99.0.2 | grep -o '[0-9]* received'), $(seen_by_foreign)"; expect "it ran, and its pods are reached" eval 'grep -q "3 received" <<< "$seen" && grep -q "value.:[1-9]" <<< "$seen"'
in_ns a tc filter del dev va ingress prio 2
drive a foreign-first /sys/fs/bpf/foreign/foreign_pods_next va on; both_ways "a program ahead of ours that redirects pods' packets"
before=$(seen_by_foreign); seen="$(in_ns r ping -q -c 3 -i 0.1 -W 1 10.99.0.2 | grep -o '[0-9]* received'), $before -> $(seen_by_foreign)"; expect "it ran first, and its pods are reached" eval 'grep -q "3 received" <<< "$seen" && [ "$before" != "$(seen_by_foreign)" ]'
drive a foreign-first /sys/fs/bpf/foreign/foreign_pods_next va off
drive a foreign-first /sys/fs/bpf/foreign/foreign_ok va on; before=$(count a in_address); lost=$(pings a 3)
seen="$lost/3, $(drive a query-in va); $(endpoints)"; expect "a terminating program ahead: reported, endpoint stays" eval 'grep -q "ahead: foreign_ok" <<< "$seen" && synthetic'
drive a foreign-first /sys/fs/bpf/foreign/foreign_ok va off; both_ways "and without it again"

# Access control: nothing passes until there is a policy, then only who is known.
drive a acl attach mesh0; seen="$(pings a 3)/3 $(pings b 3)/3; $(drive a acl counters mesh0)"; expect "access control attached and not armed: nothing passes" grep -q '^0/3 0/3' <<< "$seen"
drive a acl arm mesh0 100.64.0.9; seen="$(pings b 3)/3; $(drive a acl counters mesh0)"; expect "armed without this peer: unknown source" eval 'grep -q "^0/3" <<< "$seen" && grep -q in_unknown_source <<< "$seen"'
drive a acl arm mesh0 100.64.0.2; both_ways "armed with this peer"

seen="rx/tx $(drive a traffic 240.0.0.2)"; expect "traffic of the peer is counted" is "$(drive a traffic 240.0.0.2 | tr -dc '1-9' | wc -c)" -gt 1
rm -rf /sys/fs/bpf/foreign*

# Orphans: neither the veth nor pins are left, only programs on the uplinks.
ip -n a link del meshu0; rm -rf /sys/fs/bpf/kernmesh/a
seen="$(drive a adopted), $(drive a query-in va)"; expect "an agent that finds only programs on uplinks takes them over" eval 'grep -q "^adopted, .* attached current" <<< "$seen"'
rm -rf /sys/fs/bpf/kernmesh/a; for n in a b; do drive $n remove; done
seen="$(in_ns a tc qdisc show | grep -c clsact) clsact, $(bpftool prog show name underlay_in | wc -l) programs, pins: $(ls /sys/fs/bpf | tr '\n' ' ')"
expect "remove leaves no program and no pin" eval '[ -z "$(ls /sys/fs/bpf)" ] && [ -z "$(bpftool prog show name underlay_out)" ]'
