# SPDX-License-Identifier: Apache-2.0
# D11: what root takes off a live agent's hooks, the pins, mesh0, while somebody floods a closed port. Sourced by
# tests/vm/mesh.sh after flood.sh.
# shellcheck shell=bash disable=SC2154

# What docs/architecture.md promises. Emulated processors alone get slack: beside other work of the machine a flood keeps them
# from everything else for a second at a time.
REPAIRED_MS=1000; within="within 1 s"
if [ "$(systemd-detect-virt --vm)" = qemu ]; then REPAIRED_MS=3000; within="within 1 s, emulated 3 s"; fi

hooks() { in_ns beta python3 "$here/hooks.py" "$@"; }
attached_ids() { { hooks list mesh0 ingress; hooks list mesh0 egress; hooks list eth0 ingress; hooks list meshu0 ingress; } | grep -E '^(acl|underlay)_'; }
same_ids() { [ "$(attached_ids)" = "$1" ]; } # BEFORE
has_hook() { hooks list "$1" "$2" | grep -q "^$3 "; } # INTERFACE SIDE PROGRAM
pinned_files() { find "/sys/fs/bpf/kernmesh/$(stat -Lc %i "/run/netns/${LAB_PREFIX}beta")-mesh0" ! -type d 2> /dev/null | sort; }
no_problem() { local problems; problems=$(problems_of beta); echo "$problems"; [ "$problems" = "[]" ]; }
lines_of_log() { wc -l < "$LAB/beta.log"; }
nothing_arrived() { echo "$(arrived 7070) arrived"; [ "$(arrived 7070)" = "${1:-0}" ]; } # [BEFORE]
more_is_dropped() { local before; before=$(dropped); wait_for 10 grew "$before"; }
# For as long as the agent looks at its programs several times.
holds_for_two_seconds() { local end=$(($(now_ms) + 2000)); while [ "$(now_ms)" -lt "$end" ]; do "$@" || return 1; done; }
flooded_again() { # beta calls first: alpha does not know yet that its session is of no use any more
	local before; before=$(arrived 8080)
	wait_for 20 reaches beta "$alpha" && wait_for 10 got_more 8080 "$before"
}

hooks_are_repaired() {
	check "D11 underlay_in taken off eth0 is back $within" hooks repair eth0 ingress underlay_in $REPAIRED_MS
	check "D11 underlay_out taken off meshu0 is back $within" hooks repair meshu0 ingress underlay_out $REPAIRED_MS
	check "D11 what is open goes on" flooded_again
	check "D11 the flood of the closed port was there, nothing arrived" eval 'more_is_dropped && nothing_arrived'
}

pins_are_removed() {
	local ids said; ids=$(attached_ids); said=$(lines_of_log)
	check "D11 four programs are attached, and there are pins" eval 'test "$(wc -l <<< "$ids")" = 4 && test -n "$(pinned_files)"'
	rm -r /sys/fs/bpf/kernmesh
	check "D11 pins removed: nothing detaches" holds_for_two_seconds same_ids "$ids"
	check "D11 pins removed: none comes back, nothing is said" eval 'test -z "$(pinned_files)" && test "$(lines_of_log)" = '"$said"
	check "D11 pins removed: status names no problem" no_problem
	check "D11 pins removed: what is open goes on" flooded_again
	stop KILL beta
	pinned_again() { start_agent beta && wait_for 10 is_up beta && test -n "$(pinned_files)"; }
	pinged alpha "$beta" 400 pinned_again; check "D11 the next agent pins the same maps: nothing lost" no_loss
	check "D11 the same programs" same_ids "$ids"
	check "D11 the flood of the closed port was there, nothing arrived" eval 'more_is_dropped && nothing_arrived'
}

mesh0_is_deleted() {
	local round whole=0
	for round in $(seq 5); do ip_ns beta link del mesh0; flooded_again && whole=$((whole + 1)); done
	check "D11 mesh0 deleted five times: what is open arrives again" test $whole = 5
	stop KILL beta; ip_ns beta link del mesh0
	start_agent beta
	check "D11 an agent that starts without mesh0: what is open arrives again" flooded_again
	check "D11 the flood of the closed port was there, nothing arrived" eval 'more_is_dropped && nothing_arrived'
}

# Without acl_in nothing is judged, so here the flood arrives, which also shows that it could have before.
judges_are_repaired() {
	local seen
	kill -STOP "${LAB_PID[beta]}"
	hooks take-off mesh0 ingress acl_in
	check "and with acl_in off and the agent stopped it would have arrived" wait_for 10 got_more 7070 0
	kill -CONT "${LAB_PID[beta]}"
	wait_for 10 has_hook mesh0 ingress acl_in
	check "D11 acl_in taken off mesh0 is back $within" hooks repair mesh0 ingress acl_in $REPAIRED_MS
	check "D11 acl_out taken off mesh0 is back $within" hooks repair mesh0 egress acl_out $REPAIRED_MS
	more_is_dropped; wait_for 2 false; seen=$(arrived 7070) # what was in the socket's queue is counted by then
	check "D11 the closed port is closed again" eval 'more_is_dropped && holds_for_two_seconds nothing_arrived '"$seen"
	check "D11 and the open one open" flooded_again
}

section_hooks() {
	local alpha beta; alpha=$(address_of alpha); beta=$(address_of beta)
	open_ports 8080 > /dev/null || { not_ok "a policy that opens port 8080"; return; }
	rm -f "$LAB"/arrived-*
	run_on beta python3 "$here/flood.py" count "$beta" "$LAB" 7070 8080; LAB_PID[count]=$!
	run_on alpha python3 "$here/flood.py" send "$beta" 7070 1000; LAB_PID[closed]=$!
	run_on alpha python3 "$here/flood.py" send "$beta" 8080 100; LAB_PID[open]=$!
	check "the flood of an open port arrives" wait_for 30 got_more 8080 0
	hooks_are_repaired
	pins_are_removed
	mesh0_is_deleted
	judges_are_repaired
	stop TERM open; stop TERM closed; stop TERM count; rm -f "$LAB"/arrived-*
	everything_is_open
}
everything_is_open() { echo '{}' > "$LAB/policy.hujson"; admin policy set "$LAB/policy.hujson" --wait > /dev/null; }
