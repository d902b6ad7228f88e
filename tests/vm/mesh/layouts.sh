# SPDX-License-Identifier: Apache-2.0
# Builds of two layouts of the maps exchanged under traffic: up, down with what the newer one leaves behind, and down
# without. Sourced by tests/vm/mesh.sh after flood.sh.
# shellcheck shell=bash

pins() { ls "/sys/fs/bpf/kernmesh/$(stat -Lc %i "/run/netns/${LAB_PREFIX}$1")-mesh0"; } # HOST -> versions
own_layout() { "$BIN/$1" --version | grep -o '[0-9]*$'; }
restart_as() { stop KILL "$1"; LAB_AGENT=$2 start_agent "$1" && wait_for 20 is_up "$1"; } # HOST BINARY
export_and_restart() { # HOST: from next-agent to mesh-agent
	stop KILL "$1"
	in_ns "$1" "$BIN/next-agent" --export-layout "$(own_layout mesh-agent)" >> "$LAB/$1.log" 2>&1 && start_agent "$1" && wait_for 20 is_up "$1"
}
# The conversation's bytes that the other side has had; the socket that beta opened.
bytes_said() { in_ns beta ss -Htin "dport = :9999" | grep -o 'bytes_acked:[0-9]*' | cut -d: -f2; }
says_more() { [ "$(bytes_said)" -gt "$1" ]; } # BEFORE
goes_on() { local before; before=$(bytes_said) && wait_for 2 says_more "$before"; }
log_says() { grep -E -- "$2" "$LAB/$1.log" | tail -1 | grep .; } # HOST PATTERN

section_layouts() {
	local alpha beta before now next; alpha=$(address_of alpha); beta=$(address_of beta)
	now=v$(own_layout mesh-agent); next=v$(own_layout next-agent)
	# To alpha everybody may speak to 9999, to beta nobody: what alpha answers lives by beta's table of flows alone.
	echo "{\"acls\": [{\"action\": \"accept\", \"src\": [\"*\"], \"dst\": [\"$alpha:9999\"]},
		{\"action\": \"accept\", \"proto\": \"icmp\", \"src\": [\"*\"], \"dst\": [\"*:*\"]}]}" > "$LAB/policy.hujson"
	admin policy set "$LAB/policy.hujson" --wait > /dev/null || { not_ok "a policy for the exchange of layouts"; return; }
	run_on alpha python3 "$here/talk.py" serve "$alpha" 9999; LAB_PID[serve]=$!
	run_on beta python3 "$here/flood.py" count "$beta" "$LAB" 7070; LAB_PID[count]=$!
	run_on alpha python3 "$here/flood.py" send "$beta" 7070 500; LAB_PID[closed]=$!
	wait_for 10 listens alpha 9999
	nsenter --net="/run/netns/${LAB_PREFIX}beta" python3 "$here/talk.py" talk "$alpha" 9999 > "$LAB/conversation" 2>&1 &
	LAB_PID[talk]=$!
	wait_for 10 grep -q connected "$LAB/conversation"
	wait_for 10 reaches alpha "$beta"; before=$(handshakes alpha)
	before_drops=$(dropped); check "a closed port is flooded" wait_for 10 grew "$before_drops"

	pinged alpha "$beta" 800 restart_as beta next-agent; check "a build of the next layout takes over under ping: nothing lost" no_loss
	check "it has the maps, the ones before are gone" test "$(pins beta)" = "$next"
	check "paths: converted, all of them" log_says beta 'paths: state of layout .* 0 without a counterpart'
	check "flows: converted, all of them" log_says beta 'access control: state of layout .* 0 without a counterpart'
	check "a conversation that lives by its flow goes on" goes_on

	pinged alpha "$beta" 800 export_and_restart beta; check "back to this layout, with what that build left: nothing lost" no_loss
	check "it has the maps, the others are gone" test "$(pins beta)" = "$now"
	check "the agent says what it found" log_says beta "taken over as a build of layout ${next#v} left it"
	check "the conversation goes on" goes_on
	check "no handshake was needed but those that time asks for" only_timed_handshakes alpha "$before"

	restart_as beta next-agent; check "and up again" test "$(pins beta)" = "$next"
	pinged alpha "$beta" 800 restart_as beta mesh-agent
	check "down without anything left: it says so" log_says beta "layout ${next#v} runs, which this build cannot read"
	check "and is reached again within 10 s ($lost of $sent lost)" wait_for 10 reaches alpha "$beta"
	before_drops=$(dropped); check "the closed port was flooded to the end" wait_for 10 grew "$before_drops"
	check "of it not one datagram arrived" test "$(arrived 7070)" = 0
	local name; for name in talk closed count serve; do stop TERM "$name"; done
	echo '{}' > "$LAB/policy.hujson"; admin policy set "$LAB/policy.hujson" --wait > /dev/null
}
