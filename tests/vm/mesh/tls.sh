# SPDX-License-Identifier: Apache-2.0
# A node whose network lets no UDP out: alpha, behind a router that drops it. Relays are reached over TLS then. Sourced by
# tests/vm/mesh.sh after relay.sh. Leaves the three nodes up.
# shellcheck shell=bash disable=SC2154,SC2034

# All UDP from and to alpha: off or on.
no_udp() {
	in_ns router nft 'table inet no_udp { chain c { type filter hook forward priority 0; policy accept;
		iifname to-alpha meta l4proto udp drop; oifname to-alpha meta l4proto udp drop; }; }'
}
udp_again() { in_ns router nft delete table inet no_udp; }
over_tls() { [ "$(peer_field "$1" "$2" .path.tls)" = true ]; } # HOST PEER
says() { local words=$1; shift; "$@" | grep -q "$words"; } # WORDS COMMAND...
lose_udp_and_see() { wait_for 2 true; no_udp; wait_for 60 over_tls alpha beta; }
udp_again_and_see() { wait_for 2 true; udp_again; wait_for 60 path_is alpha beta direct; }
relay_again() { # NAME [KEY]: with what an earlier section has left
	if [ -e "/run/netns/$LAB_PREFIX$1" ]; then start_relay "$1"; else relay_host "$1" "$2"; fi
}
# The relay ends in good order: its TLS clients lose their connection, and come back by themselves.
restart_relay_and_see() { stop TERM "$1"; wait_for 5 gone "$1" && start_relay "$1" && wait_for 10 over_tls alpha beta; }
kill_relay_and_see() { stop KILL "$1"; check "$1 is gone" wait_for 5 gone "$1"; start_relay "$1"; wait_for 30 over_tls alpha beta; }
# In the relay's place another certificate, as somebody in between would have.
forge() { # RELAY
	stop KILL "$1"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=relay -keyout "$LAB/forged.key" -out "$LAB/forged.crt" 2> /dev/null
	nsenter --net="/run/netns/$LAB_PREFIX$1" openssl s_server -quiet -accept 443 -cert "$LAB/forged.crt" -key "$LAB/forged.key" > /dev/null 2>&1 &
	LAB_PID[forger]=$!
}

section_tls() {
	local beta relay_key name other; beta=$(address_of beta)
	modprobe -qa nf_tables 2> /dev/null || :
	relay_key=$(admin --json key create --relay --reusable | jq -r .secret)
	relay_again relay1 "$relay_key"; check "relay1 starts" awake relay1
	relay_again relay2 "$relay_key"; check "relay2 starts" awake relay2
	check "both are online" wait_for 20 relays_online 2
	check "alpha and beta have a home" wait_for 20 both_home
	wait_for 10 reaches alpha "$beta"; endpoints_before=$(endpoints alpha)
	pinged alpha "$beta" 3000 lose_udp_and_see; check "UDP from and to alpha dropped under ping: over TLS" over_tls alpha beta
	check "within 12 s" few_lost 1200
	check "pings pass" wait_for 10 reaches alpha "$beta"
	check "and from beta, whose end is UDP" wait_for 10 reaches beta "$(address_of alpha)"
	check "beta's path is a relay" path_is beta alpha relay
	check "by UDP" test "$(peer_field beta alpha .path.tls)" = false
	check "meshadm ping says so" wait_for 10 ping_says alpha beta 'relay relay[12] (TLS):'
	check "meshadm netcheck: UDP false" says "UDP: false" node alpha netcheck
	check "meshadm netcheck: connected over TLS" says "443): connected" node alpha netcheck
	check "WireGuard's endpoints are the same" test "$(endpoints alpha)" = "$endpoints_before"
	check "large packets pass whole (1380 bytes inside)" in_ns alpha ping -n -q -c 3 -i 0.1 -M do -s 1380 "$beta"
	check "docs/json.md: netcheck" shaped netcheck : node alpha --json netcheck
	sealed_only "$beta" tls
	pinged alpha "$beta" 200 true; check "200 pings, each 10 ms: nothing lost" no_loss
	name=$(peer_field alpha beta .path.relay)
	pinged alpha "$beta" 1500 restart_relay_and_see "$name"; check "$name restarted under ping: its TLS client is back" reaches alpha "$beta"
	check "within 10 s" few_lost 1000
	name=$(peer_field alpha beta .path.relay)
	pinged alpha "$beta" 2000 kill_relay_and_see "$name"; check "$name killed and started again under ping: reached again" reaches alpha "$beta"
	check "within 12 s" few_lost 1200
	check "over TLS" wait_for 30 over_tls alpha beta
	other=relay1; [ "$name" = relay1 ] && other=relay2
	stop TERM "$other"; forge "$name"
	check "another certificate in the last relay's place: refused, and said so" wait_for 60 says "presents another certificate" node alpha status
	check "nothing passes" eval "! in_ns alpha ping -n -q -c 3 -i 0.2 -W 1 $beta"
	stop TERM forger; start_relay relay1; start_relay relay2
	check "relay1 and relay2 again: reached over TLS" wait_for 60 reaches alpha "$beta"
	pinged alpha "$beta" 4500 udp_again_and_see; check "UDP is let through again under ping: straight in the end" path_is alpha beta direct
	check "and nothing lost on the way" no_loss
	stop TERM relay1; stop TERM relay2
	for name in relay1 relay2; do remove_relay "$name"; done
	check "relays gone: the direct path carries on" reaches alpha "$beta"
}
