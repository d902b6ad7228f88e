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
	check "and is nobody's peer" test "$(admin --json node show gamma | jq -r .node.state)" = pending
	check "it is approved" admin node approve gamma
	check "it goes on by itself" wait_for 10 reaches gamma "$(address_of alpha)"
	admin settings set --device-approval off > /dev/null
}
