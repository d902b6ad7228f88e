# SPDX-License-Identifier: Apache-2.0
# Ways around the mesh: plaintext from a neighbour, mesh0 that is gone, rules of others, peers that root changed. Sourced by
# tests/vm/mesh.sh after sections.sh.
# shellcheck shell=bash disable=SC2154

underlay_count() { in_ns "$1" "$BIN/underlay-driver" "$(stat -Lc %i "/run/netns/$LAB_PREFIX$1")-mesh0" counters "$2"; } # HOST LABEL
address6_of() { node "$1" --json status | jq -r '.node.addresses[] | select(contains(":"))' | head -1; }
# The router is the neighbour: it knows the way to beta's addresses inside the mesh through beta's eth0.
shout() { in_ns router bash -c 'for n in 1 2 3 4 5; do echo word > "/dev/udp/$0/8080"; done' "$1"; } # ADDRESS
calls_in_vain() { ! in_ns router timeout 2 bash -c 'exec 3<> "/dev/tcp/$0/8080"' "$1"; } # ADDRESS
counted_more() { [ "$(underlay_count beta in_plaintext)" -ge $(($1 + $2)) ]; } # BEFORE PACKETS
says_word() { in_ns "$1" bash -c 'echo word > "/dev/udp/$0/8080"' "$2" && wait_for 5 got_more 8080 0; } # HOST ADDRESS

# D13: whoever shares a network with a node gets nothing to its address inside the mesh. Port 8080 is open in the mesh.
no_plaintext_from_outside() { # ADDRESS
	local beta6 before; beta6=$(address6_of beta)
	nsenter --net="/run/netns/${LAB_PREFIX}beta" python3 "$here/flood.py" count "$1" "$LAB" 8080 & LAB_PID[outside]=$!
	wait_for 5 test -e "$LAB/arrived-8080"
	ip_ns router route add "$1/32" via 10.77.2.2; ip_ns router -6 route add "$beta6/128" via fd77:2::2
	before=$(underlay_count beta in_plaintext)
	shout "$1"; check "D13 UDP in the clear from a neighbour is dropped and counted" wait_for 2 counted_more "$before" 5
	check "D13 TCP in the clear from a neighbour is not answered" calls_in_vain "$1"
	before=$(underlay_count beta in_plaintext)
	shout "$beta6"; check "D13 the same over IPv6" wait_for 2 counted_more "$before" 5
	before=$(underlay_count beta in_plaintext); tagged_neighbour "$1" up
	shout "$1"; check "D13 under a VLAN tag" wait_for 2 counted_more "$before" 5
	tagged_neighbour "$1" down
	before=$(underlay_count beta in_plaintext); link_local_neighbour up
	shout "$1"; check "D13 on an interface without an address of its own" wait_for 2 counted_more "$before" 5
	link_local_neighbour down
	check "D13 nothing of all that arrived" test "$(arrived 8080)" = 0
	check "the same word through the mesh arrives" says_word alpha "$1"
	check "a node reaches its own address" in_ns beta ping -n -q -c 1 -W 1 "$1"
	ip_ns router route del "$1/32" 2> /dev/null; ip_ns router -6 route del "$beta6/128"
	stop TERM outside; rm -f "$LAB/arrived-8080"
}
# Words in the name of an address that the router does not have: five datagrams, or a call.
shout_as() { in_ns router python3 -c "$speak_as; [s.sendto(b'word', (to, 8080)) for _ in range(5)]" udp "$1" "$2"; } # SOURCE ADDRESS
calls_in_vain_as() { ! in_ns router python3 -c "$speak_as; s.settimeout(2); s.connect((to, 8080))" tcp "$1" "$2"; } # SOURCE ADDRESS
speak_as="import socket, sys; kind, by, to = sys.argv[1:]; s = socket.socket(2, 2 if kind == 'udp' else 1); s.bind((by, 0))"
# D13, a second interface: beta forwards, and the router speaks in alpha's name, to beta and through beta to gamma.
no_way_in_anothers_name() { # ADDRESS OF BETA
	local alpha gamma before; alpha=$(address_of alpha); gamma=$(address_of gamma)
	in_ns beta sysctl -qw net.ipv4.ip_forward=1
	ip_ns router address add "$alpha/32" dev lo; ip_ns router route add "$1/32" via 10.77.2.2; ip_ns router route add "$gamma/32" via 10.77.2.2
	mkdir -p "$LAB/through"
	nsenter --net="/run/netns/${LAB_PREFIX}gamma" python3 "$here/flood.py" count "$gamma" "$LAB/through" 8080 & LAB_PID[through]=$!
	wait_for 5 test -e "$LAB/through/arrived-8080"
	before=$(underlay_count beta in_plaintext)
	shout_as "$alpha" "$1"; check "D13 in a peer's name, to this node: dropped and counted" wait_for 2 counted_more "$before" 5
	shout "$gamma"; shout_as "$alpha" "$gamma"
	check "D13 a call through a node that forwards, to another node, is not answered" calls_in_vain "$gamma"
	check "D13 nor one in a peer's name" calls_in_vain_as "$alpha" "$gamma"
	nsenter --net="/run/netns/${LAB_PREFIX}beta" python3 "$here/talk.py" serve 10.77.2.2 8080 > /dev/null 2>&1 & LAB_PID[real]=$!
	wait_for 5 listens beta 8080
	check "D13 in a peer's name to the node's address on the real network: not answered" calls_in_vain_as "$alpha" 10.77.2.2
	check "where an honest neighbour is" in_ns router timeout 2 bash -c 'exec 3<> /dev/tcp/10.77.2.2/8080'
	stop TERM real
	check "D13 nothing of that arrived at the other node" test "$(cat "$LAB/through/arrived-8080")" = 0
	ip_ns router address del "$alpha/32" dev lo; ip_ns router route del "$1/32"; ip_ns router route del "$gamma/32"
	in_ns beta sysctl -qw net.ipv4.ip_forward=0
	in_ns beta bash -c 'echo word > "/dev/udp/$0/8080"' "$gamma"
	check "a word of a node does" wait_for 5 grep -qx 1 "$LAB/through/arrived-8080"
	stop TERM through
}
tagged_neighbour() { # ADDRESS up|down
	if [ "$2" = down ]; then ip_ns router link del tagged; ip_ns beta link del tagged; ip_ns router route add "$1/32" via 10.77.2.2; return; fi
	ip_ns router link add link to-beta name tagged type vlan id 7; ip_ns beta link add link eth0 name tagged type vlan id 7
	ip_ns router address add 10.77.7.1/24 dev tagged; ip_ns router link set tagged up; ip_ns beta link set tagged up
	ip_ns router neigh replace 10.77.7.2 lladdr "$(mac_of beta eth0)" dev tagged
	ip_ns router route replace "$1/32" via 10.77.7.2 dev tagged
}
mac_of() { ip_ns "$1" -j link show "$2" | jq -r '.[0].address'; } # HOST INTERFACE
link_local_neighbour() { # up|down: a second wire to beta, which has no address there
	if [ "$1" = down ]; then ip_ns router link del wire; return; fi
	ip link add wire netns "${LAB_PREFIX}router" type veth peer name eth1 netns "${LAB_PREFIX}beta"
	ip_ns router link set wire up; ip_ns beta link set eth1 up
	wait_for 5 has_inbound_program beta eth1
	ip_ns router address add 10.77.8.1/24 dev wire
	ip_ns router neigh replace 10.77.8.2 lladdr "$(mac_of beta eth1)" dev wire
	ip_ns router route replace "$(address_of beta)/32" via 10.77.8.2 dev wire
}
has_inbound_program() { in_ns "$1" "$BIN/underlay-driver" "$(stat -Lc %i "/run/netns/$LAB_PREFIX$1")-mesh0" query-in "$2" | grep -q ' attached '; } # HOST INTERFACE

# While mesh0 is away nothing meant for the mesh takes the default route.
no_plaintext_without_mesh0() {
	local beta; beta=$(address_of beta)
	check "an unreachable route stands behind the mesh's" grep -q unreachable <(in_ns alpha ip route show table 27515)
	nsenter --net="/run/netns/${LAB_PREFIX}router" python3 "$here/sniff.py" to-alpha "$LAB/sniffed" kmkmkmkm & LAB_PID[sniff]=$!
	in_ns alpha ping -n -i 0.01 -c 1000 -p 6b6d6b6d -W 5 "$beta" > "$LAB/ping" 2>&1 & local pid=$!
	wait_for 5 grep -q 'bytes from' "$LAB/ping"
	# ping keeps to itself what the kernel tells it.
	nsenter --net="/run/netns/${LAB_PREFIX}alpha" bash -c 'while :; do echo word > "/dev/udp/$0/9"; done' "$beta" > /dev/null 2> "$LAB/told" &
	LAB_PID[caller]=$!
	ip_ns alpha link del mesh0
	wait $pid
	stop TERM caller
	check "mesh0 deleted: callers are told that there is no way" grep -i 'no route to host' "$LAB/told"
	check "a ping all the while comes through again, repaired" grep -qE 'icmp_seq=(99[0-9]|1000) ' "$LAB/ping"
	stop TERM sniff
	check "D13 the underlay carried frames, no ping in the clear" awk '{print} $1 < 5 || $2 > 0 {exit 1}' "$LAB/sniffed"
	# The check can fail: a ping past the mesh is seen.
	nsenter --net="/run/netns/${LAB_PREFIX}router" python3 "$here/sniff.py" to-alpha "$LAB/sniffed" kmkmkmkm & LAB_PID[sniff]=$!
	wait_for 5 sniffed_one
	check "and one outside of the mesh would have been seen" awk '{print} $2 == 0 {exit 1}' "$LAB/sniffed"
	stop TERM sniff
}
sniffed_one() { in_ns alpha ping -n -q -c 1 -W 1 -p 6b6d6b6d 10.77.1.1 > /dev/null; [ "$(awk '{print $2}' "$LAB/sniffed")" -gt 0 ]; }

# An agent that does not answer has said nothing of either.
problem_says() { node "$1" --json status | jq --arg w "$2" '.problems[] | select(contains($w))' | grep .; } # HOST WORDS
problem_gone() { node "$1" --json status | jq -c --arg w "$2" '[.problems[] | select(contains($w))]' | grep -qx '\[\]'; }
detour_is_named() {
	ip_ns gamma rule add priority 100 lookup main
	check "a rule before the mesh's is named by status" wait_for 3 problem_says gamma "routing rule 100 (IPv4, lookup 254)"
	ip_ns gamma rule del priority 100
	check "and no more when it is gone" wait_for 3 problem_gone gamma "routing rule 100"
}

peers_with_addresses() { in_ns alpha wg show mesh0 allowed-ips | sort; }
peers_are() { [ "$(peers_with_addresses)" = "$1" ]; }
hand_made_changes_are_undone() {
	local before key stranger; before=$(peers_with_addresses); key=$(head -1 <<< "$before" | cut -f1)
	stranger=$(wg genkey | wg pubkey)
	in_ns alpha wg set mesh0 peer "$key" remove
	check "a peer that root removed is back" wait_for 60 peers_are "$before"
	in_ns alpha wg set mesh0 peer "$stranger" allowed-ips 100.64.99.0/24
	check "a peer that root added is gone" wait_for 60 peers_are "$before"
	in_ns alpha wg set mesh0 peer "$key" allowed-ips 100.64.99.0/24
	check "addresses that root changed are right again" wait_for 60 peers_are "$before"
	in_ns alpha wg set mesh0 peer "$key" preshared-key <(wg genpsk)
	check "a preshared key that root set is gone" wait_for 60 no_preshared_key
	check "every peer is reached" wait_for 10 reaches alpha "$(address_of beta)"
}
no_preshared_key() { [ "$(in_ns alpha wg show mesh0 preshared-keys | grep -cv '(none)')" = 0 ]; }
