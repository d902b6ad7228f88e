# SPDX-License-Identifier: Apache-2.0
# Two clients talk while a third host throws something at their relay, natively in XDP: they keep 95 % of their messages.
# Row R4 of the hostile cases. Sourced by tests/netns/relay.sh, whose functions it uses.
# shellcheck shell=bash disable=SC2154

# The forger's packets come from addresses that the router would not expect there.
in_ns router sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.toc.rp_filter=0

# The share of messages that arrive, of the worse direction, in thousandths.
share() { awk -F'[ /]' '{a = $2 * 1000 / $3; b = $5 * 1000 / $6; print int(a < b ? a : b)}' "$1"; }
drops() { metric "kernmesh_relay_$1"; }
flood_beside() { # KIND RATE COUNTER: and the counter tells of at least half of the flood
	local talking carried before sent seen status=0
	carried=$(kernel_count) before=$(drops "$3")
	talk v4 v4 148 6 > "$tmp/talk" & talking=$!
	has_begun() { [ $(($(kernel_count) - carried)) -ge 100 ]; }
	wait_until has_begun || return 1
	sent=$("$bin/relay-flood" "$1" "$key" "$prefix-c" 10.9.9.1:3478 "$2" 3) || return 1
	wait $talking
	has_counted() { seen=$(($(drops "$3") - before)); [ "$seen" -ge $((${sent#sent } / 2)) ]; }
	wait_until has_counted "$@" || status=1
	echo "$(cat "$tmp/talk"), at the worse end $(share "$tmp/talk") of 1000; $sent in 3 s, $seen of them counted as $3"
	[ "$(share "$tmp/talk")" -ge 950 ] && return $status
}
# Binds and opens until the relay has no room for more; those that were there before stay.
crowd_beside() {
	local talking carried sent
	carried=$(kernel_count)
	talk v4 v4 148 6 > "$tmp/talk" & talking=$!
	has_begun() { [ $(($(kernel_count) - carried)) -ge 100 ]; }
	wait_until has_begun || return 1
	sent=$("$bin/relay-flood" crowd "$key" "$prefix-c" 10.9.9.1:3478 0 4) || return 1
	wait $talking
	echo "$(cat "$tmp/talk"), at the worse end $(share "$tmp/talk") of 1000; $sent, $(metric kernmesh_relay_clients) clients, $(metric kernmesh_relay_channels) channels"
	[ "$(metric kernmesh_relay_clients)" = 8 ] && [ "$(metric kernmesh_relay_channels)" = 32 ] && [ "$(share "$tmp/talk")" -ge 950 ]
}

resolve; rm -rf "$tmp/state"
start_relay --interface wan0 --channel-rate 1000000 --max-clients 8 --max-channels 32 || exit 1; resolve
check "R4, one greedy client, 10,000 messages of 1200 bytes a second: the others keep 95 %" \
	flood_beside greedy 10000 'packets_total{reason="over_rate"}'
check "R4, 20,000 a second on guessed channels" flood_beside guess 20000 'packets_total{reason="unknown_channel"}'
check "R4, 10,000 forged greetings and binds a second" flood_beside forged 10000 'packets_total{reason="pass_control"}'
check "R4, a crowd that fills the relay" crowd_beside
stop_relay
