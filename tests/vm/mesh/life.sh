# SPDX-License-Identifier: Apache-2.0
# The life of a node with real agents: another WireGuard key under traffic, the end of a key and its renewal, approval.
# Sourced by tests/vm/mesh.sh.
# shellcheck shell=bash disable=SC2154

wg_key() { in_ns "$1" wg show mesh0 public-key; }
has_another_key() { [ "$(wg_key "$1")" != "$2" ]; } # HOST KEY
knows_key() { in_ns "$1" wg show mesh0 peers | grep -qF "$2"; } # HOST KEY
sent_bytes() { in_ns "$1" wg show mesh0 transfer | awk '{sum += $3} END {print sum}'; }
has_sent() { [ "$(sent_bytes "$1")" -gt "$2" ]; } # HOST BYTES
rotate_now() { # HOST: asks when pings are well under way, and waits until it has another key
	local old; old=$(wg_key "$1")
	wait_for 5 has_sent "$1" $(($(sent_bytes "$1") + 12800))
	admin node rotate-key "$1" && wait_for 10 has_another_key "$1" "$old"
}
slowest() { sed -n 's/^rtt .*\/\([0-9.]*\)\/[0-9.]* ms.*/\1/p' "$1"; } # FILE of ping's

# Pings every 10 ms, from both ends at once or from the host alone, while the host changes its key.
rotation_loses_nothing() { # HOST PEER DIRECTION
	local host=$1 peer=$2 direction=$3 back= rotated
	if [ "$direction" = "both ways" ]; then
		in_ns "$peer" ping -n -q -i 0.01 -c 1000 -W 5 "$(address_of "$host")" > "$LAB/ping-back" 2>&1 & back=$!
	fi
	pinged "$host" "$(address_of "$peer")" 1000 rotate_now "$host" > /dev/null; rotated=$?
	check "$host makes a new node key when asked (pings $direction)" test "$rotated" = 0
	[ "$rotated" = 0 ] || tail -n 20 "$LAB/$host.log"
	check "what $host sends to $peer meanwhile gets there" no_loss
	echo "      $lost of $sent lost, the slowest took $(slowest "$LAB/ping") ms"
	if [ -n "$back" ]; then
		wait "$back"
		read -r sent got < <(sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) received.*/\1 \2/p' "$LAB/ping-back")
		lost=$((sent - got))
		check "what $peer sends to $host meanwhile gets there" no_loss
		echo "      $lost of $sent lost, the slowest took $(slowest "$LAB/ping-back") ms"
	fi
	check "$peer has the new key alone" wait_for 5 has_peers "$peer" 2
	check "and it is the one that $host has" knows_key "$peer" "$(wg_key "$host")"
}

section_rotate() {
	rotation_loses_nothing alpha beta "both ways"
	rotation_loses_nothing beta gamma "both ways"
	rotation_loses_nothing gamma alpha "from it"
	check "the server has heard of each" test "$(admin --json audit --action node.rotate --last 10 | jq '.events | length')" -ge 3
	local key; key=$(wg_key alpha)
	stop KILL alpha; start_agent alpha
	wait_for 10 is_up alpha; wait_for 30 connected alpha
	check "the new key is there after a restart" test "$(wg_key alpha)" = "$key"
	check "and passes packets" wait_for 10 reaches alpha "$(address_of beta)"
}

is_in_state() { [ "$(state_of "$1")" = "$2" ]; } # HOST STATE
is_gone() { [ -z "$(peer_field "$1" "$2" .name)" ]; } # HOST PEER

section_life() {
	local address; address=$(address_of gamma)
	check "gamma's key is ended by hand" admin node expire gamma --yes
	check "its peers drop it" wait_for 10 is_gone alpha gamma
	check "and do not reach it" wait_for 5 unreached alpha "$address"
	check "the administrator renews it" admin node renew gamma
	check "it comes back by itself" wait_for 60 reaches alpha "$address"
	check "with the address it had" test "$(address_of gamma)" = "$address"
	check "the network asks for approval" admin settings set --device-approval on
	node gamma logout > /dev/null
	check "gamma joins and is told to wait" grep -q "awaits approval" <(join gamma "$key" 2>&1; node gamma status)
	check "its state says so" wait_for 10 is_in_state gamma pending
	check "it has no peers" sees gamma 0
	check "the server's metrics count it" test "$(server_metric 'nodes{state="pending"}')" = 1
	check "and is nobody's peer" test "$(admin --json node show gamma | jq -r .node.state)" = pending
	check "it is approved" admin node approve gamma
	check "it goes on by itself" wait_for 10 reaches gamma "$(address_of alpha)"
	admin settings set --device-approval off > /dev/null
}

lines_of() { grep -c "connected to" "$LAB/$1.log"; } # HOST: how often it has connected
shared_key_events() { admin --json audit --action node.shared_key --last 10 | jq '.events | length'; }

# gamma gets a copy of beta's state directory while beta runs.
section_clone() {
	local beta connections; beta=$(address_of beta)
	stop TERM gamma; node_removed gamma
	mv "$LAB/gamma" "$LAB/gamma.own"; cp -a "$LAB/beta" "$LAB/gamma"
	start_agent gamma
	check "the copy is told, and takes its mesh down" wait_for 30 problem_says gamma "another machine uses this machine's key"
	check "its interface is gone" wait_for 5 has_no_mesh gamma
	check "the original is told" wait_for 10 problem_says beta "another machine has tried to use this machine's key"
	check "and reached" wait_for 30 reaches alpha "$beta"
	check "the list of nodes warns" grep -q "Two machines use the machine key of beta" <(admin node list)
	check "the audit log has it once" test "$(shared_key_events)" = 1
	connections=$(lines_of beta)
	pinged alpha "$beta" 1000 true; check "nothing flaps: no packet is lost" no_loss
	check "and the original stays connected" test "$(lines_of beta)" = "$connections"
	node gamma --json logout > "$LAB/logout.json"
	check "the copy's logout does not ask to remove the original" test "$(jq -r .warning "$LAB/logout.json")" = null
	check "and it is nobody's copy any more" is_no_copy gamma
	stop TERM gamma; rm -r "$LAB/gamma"; mv "$LAB/gamma.own" "$LAB/gamma"
	start_agent gamma
	check "gamma is itself again" wait_for 30 reaches gamma "$(address_of alpha)"
}
node_removed() { in_ns "$1" "$BIN/mesh-agent" --remove > /dev/null 2>&1; } # HOST: what its agent has left in the kernel
has_no_mesh() { ! in_ns "$1" ip link show mesh0; } # HOST
is_no_copy() { ! problem_says "$1" "another machine uses this machine's key"; } # HOST
