# SPDX-License-Identifier: Apache-2.0
# mesh-agent --max-policy-age on a live node: what passes while the server is gone, and when it is back. Sourced by
# tests/vm/mesh.sh after bypass.sh.
# shellcheck shell=bash

unreached() { ! reaches "$1" "$2"; } # HOST ADDRESS
stale_drops() { node beta --json acl stats | jq '[.counters[] | select(.label == "in_stale" or .label == "out_stale") | .packets] | add'; }
unanswered() { ! in_ns "$1" timeout 2 python3 "$here/talk.py" ask "$2" "$3"; } # HOST ADDRESS PORT

section_lease() {
	local beta began; beta=$(address_of beta)
	open_ports 8080 > /dev/null || { not_ok "a policy that opens port 8080"; return; }
	nsenter --net="/run/netns/${LAB_PREFIX}beta" python3 "$here/talk.py" serve "$beta" 8080 > /dev/null 2>&1 & LAB_PID[talk]=$!
	wait_for 10 listens beta 8080
	stop KILL beta; start_agent beta --max-policy-age 1m
	check "an agent with --max-policy-age 1m hears the server" wait_for 20 connected beta
	check "and lets pass what the policy opens" wait_for 10 ask alpha "$beta" 8080
	# The server is gone for 45 s when the agent starts anew: the file's time carries that over.
	stop KILL server; stop KILL beta
	touch -d '45 seconds ago' "$LAB/beta/heard" "$LAB/beta/netmap"
	start_agent beta --max-policy-age 1m; wait_for 10 is_up beta; began=$(now_ms)
	check "the server is gone, not yet for a minute: it passes" wait_for 5 ask alpha "$beta" 8080
	check "the minute is over: nothing new passes" wait_for 25 unreached alpha "$beta"
	echo "      after $(($(now_ms) - began)) ms"
	check "no connection either" unanswered alpha "$beta" 8080
	check "nor out of the node" unreached beta "$(address_of alpha)"
	check "status says why" wait_for 3 problem_says beta "the server was not heard for longer than --max-policy-age allows"
	check "the drops are counted" test "$(stale_drops)" -gt 0
	stop KILL beta
	check "agent killed -9: still nothing passes" unreached alpha "$beta"
	start_agent beta --max-policy-age 1m; wait_for 10 is_up beta
	check "agent started again: still nothing" unreached alpha "$beta"
	start_server; began=$(now_ms)
	check "the server is back: it passes" wait_for 60 reaches alpha "$beta"
	echo "      after $(($(now_ms) - began)) ms"
	check "and status is content" wait_for 5 problem_gone beta "--max-policy-age"
	check "the open port answers" ask alpha "$beta" 8080
	stop TERM talk; stop KILL beta; start_agent beta; wait_for 10 is_up beta
	wait_for 60 connected alpha; wait_for 60 connected gamma
	echo '{}' > "$LAB/policy.hujson"; admin policy set "$LAB/policy.hujson" --wait > /dev/null
}
