# SPDX-License-Identifier: Apache-2.0
# Peers that cannot reach each other: two relays, and a router that drops UDP between alpha and beta. Sourced by
# tests/vm/mesh.sh after sections.sh. Leaves the three nodes up.
# shellcheck shell=bash disable=SC2154,SC2034

LAB_SUBNET[relay1]=5 LAB_SUBNET[relay2]=6

start_relay() { # NAME [FLAGS...]
	local name=$1; shift
	nsenter --net="/run/netns/$LAB_PREFIX$name" "$BIN/mesh-relay" --instance "$name" --server "$SERVER" --state-dir "$LAB/$name" --name "$name" \
		--listen-tls 443 --interface eth0 "$@" >> "$LAB/$name.log" 2>&1 &
	LAB_PID[$name]=$!
	wait_for 20 awake "$name"
}
awake() { [ "$(in_ns "$1" ss -Hlun 'sport = :3478' | wc -l)" -gt 0 ]; }
gone() { ! awake "$1"; }
relay_host() { # NAME KEY
	lab_host "$1"
	in_ns router ethtool -K "to-$1" gro on > /dev/null # native XDP wants the far end to take part
	in_ns "$1" ping -n -q -c 1 -W 1 "10.77.${LAB_SUBNET[$1]}.1" > /dev/null
	start_relay "$1" --key "$2" --region "$1"
}
relays_online() { [ "$(admin --json relay list | jq '[.relays[] | select(.online)] | length')" = "$1" ]; }
home_of() { node "$1" --json status | jq -r '.home_relay // ""'; }
has_home() { [ -n "$(home_of "$1")" ]; }
bound() { [ "$(admin --json relay list | jq '[.relays[].load.clients // 0] | add')" -ge "$1" ]; }
paths_told() { grep -c ' info path to ' "$LAB/$1.log"; }
# 15 s are five confirmations.
logs_no_path() { # HOST ADDRESS
	local before; before=$(paths_told "$1"); pinged "$1" "$2" 1500 true
	echo "$(($(paths_told "$1") - before)) lines"; [ $(($(paths_told "$1") - before)) -le 2 ]
}
path_is() { [ "$(peer_field "$1" "$2" .path.kind)" = "$3" ]; } # HOST PEER KIND
path_relay() { [ "$(peer_field "$1" "$2" .path.relay)" = "$3" ]; } # HOST PEER RELAY
ping_says() { node "$1" ping -c 1 "$2" | grep -q "via $3"; } # HOST PEER WORDS

# UDP between alpha and beta, both ways and families: off or on.
split() {
	in_ns router nft 'table inet split { chain c { type filter hook forward priority 0; policy accept;
		ip saddr 10.77.1.0/24 ip daddr 10.77.2.0/24 meta l4proto udp drop; ip saddr 10.77.2.0/24 ip daddr 10.77.1.0/24 meta l4proto udp drop;
		ip6 saddr fd77:1::/64 ip6 daddr fd77:2::/64 meta l4proto udp drop; ip6 saddr fd77:2::/64 ip6 daddr fd77:1::/64 meta l4proto udp drop; }; }'
}
heal() { in_ns router nft delete table inet split; }
heal_and_see() { wait_for 2 true; heal; wait_for 45 path_is alpha beta direct; }
split_and_see() { split; wait_for 20 path_is alpha beta relay; }
restart_relay() { stop "$2" "$1"; wait_for 5 gone "$1"; start_relay "$1"; wait_for 10 relays_online 2; }
drain_and_see() { admin relay drain "$1" > /dev/null; wait_for 30 path_relay alpha beta "$2"; }
kill_both_agents() { stop KILL alpha; stop KILL beta; }
few_lost() { echo "$lost of $sent lost, each 10 ms"; [ "$sent" -gt 0 ] && [ "$lost" -le "$1" ]; }

section_relay() {
	local beta began relay_key first second; beta=$(address_of beta)
	modprobe -qa nf_tables nft_ct 2> /dev/null || :
	relay_key=$(admin --json key create --relay --reusable | jq -r .secret)
	# Not by check, which has a shell of its own: what starts there nobody could stop here.
	relay_host relay1 "$relay_key"; check "relay1 starts" awake relay1
	relay_host relay2 "$relay_key"; check "relay2 starts" awake relay2
	check "both are online" wait_for 20 relays_online 2
	admin relay list | sed 's/^/      /'
	grep -ho 'XDP mode .*' "$LAB"/relay?.log | sed 's/^/      /'
	check "alpha and beta have a home" wait_for 20 both_home
	of_relays relay1
	node gamma logout > /dev/null
	refused "no node joins with a relay's key" "for a relay" join gamma "$relay_key"
	join gamma "$key" > /dev/null
	wait_for 10 reaches alpha "$beta"; endpoints_before=$(endpoints alpha)
	split; began=$(now_ms)
	check "UDP between alpha and beta dropped: reached through a relay" wait_for 20 reaches alpha "$beta"
	echo "      after $(($(now_ms) - began)) ms"
	check "status says so" wait_for 20 path_is alpha beta relay
	check "and beta's" wait_for 20 path_is beta alpha relay
	check "meshadm ping names the relay" wait_for 10 ping_says alpha beta 'relay relay[12]:'
	check "WireGuard's endpoints are the same" test "$(endpoints alpha)" = "$endpoints_before"
	check "large packets pass whole (1380 bytes inside)" in_ns alpha ping -n -q -c 3 -i 0.1 -M do -s 1380 "$beta"
	sealed_only "$beta" sealed
	pinged alpha "$beta" 4000 heal_and_see; check "the drop ends under ping: straight again" path_is alpha beta direct
	check "and nothing lost on the way" no_loss
	check "meshadm ping ends when the path is direct" ping_ends alpha beta
	check "a path in use is logged when it changes, not each time it is confirmed" logs_no_path alpha "$beta"
	pinged alpha "$beta" 2000 split_and_see; check "dropped again under ping: back to the relay" path_is alpha beta relay
	check "within 8 s" few_lost 800
	check_replays "$(peer_field alpha beta .path.relay)" "$beta"
	first=$(peer_field alpha beta .path.relay); second=relay1; [ "$first" = relay1 ] && second=relay2
	pinged alpha "$beta" 600 restart_relay "$first" TERM; check "$first restarted under ping: nothing lost" no_loss
	pinged alpha "$beta" 600 restart_relay "$first" KILL; check "$first killed and started again under ping: nothing lost" no_loss
	pinged alpha "$beta" 3000 drain_and_see "$first" "$second"; check "$first drained: alpha and beta meet at $second" path_relay alpha beta "$second"
	check "the move lost nothing" no_loss
	check "and $first is left" wait_for 100 no_pairs "$first"
	admin relay drain --undo "$first" > /dev/null
	pinged alpha "$beta" 600 kill_both_agents; check "both agents killed -9: the kernel goes on through the relay" no_loss
	start_agent alpha; start_agent beta; wait_for 10 is_up alpha; wait_for 10 is_up beta
	stop KILL server
	check "server gone, agents started again: still through a relay" wait_for 20 reaches alpha "$beta"
	start_server; wait_for 40 connected alpha; wait_for 40 connected beta
	heal; check "healed: direct in the end" wait_for 60 path_is alpha beta direct
	stop TERM relay1; stop TERM relay2
	for host in relay1 relay2; do remove_relay "$host"; done
	check "relays gone: the direct path carries on" reaches alpha "$beta"
	check "and none of their pins is left" eval '[ -z "$(find "$LAB_PINS" -name "relay-*")" ]'
}
both_home() { has_home alpha && has_home beta; }
no_pairs() { [ "$(admin --json relay show "$1" | jq .relay.load.pairs)" = 0 ]; }
# Without a count it ends by itself, or the watch ends it.
ping_ends() { nsenter --net="/run/netns/$LAB_PREFIX$1" timeout 20 "$BIN/meshadm" --socket "$LAB/$1.sock" ping "$2"; }

# A relay sees the pings, and no word of them. Looked at in front of it: what its XDP program forwards, no socket of its host sees.
sealed_only() { # ADDRESS SORT: sealed or tls, of which there must be some
	local name; name=$(peer_field alpha beta .path.relay)
	nsenter --net="/run/netns/${LAB_PREFIX}router" python3 "$here/sniff.py" "to-$name" "$LAB/sniffed" kmkmkmkm & LAB_PID[sniff]=$!
	wait_for 5 relay_saw 0 "$1"
	in_ns alpha ping -n -q -c 50 -i 0.02 -p 6b6d6b6d "$1" > /dev/null
	stop TERM sniff
	check "the relay carried frames, none with the word in the clear" awk '{print $1, $2} $1 < 50 || $2 > 0 {exit 1}' "$LAB/sniffed"
	check "and none but sealed packets, control, STUN and what a host says anyway" all_known "$LAB/sniffed" "$2"
}
all_known() { cat "$1" "$1.other"; grep -q " $2=" "$1" && ! grep -qE ' (other|direct)=' "$1"; } # FILE SORT
relay_saw() { in_ns alpha ping -n -q -c 1 -W 1 -p 6b6d6b6d "$2" > /dev/null; [ "$(awk '{print $1}' "$LAB/sniffed")" -gt "$1" ]; }
