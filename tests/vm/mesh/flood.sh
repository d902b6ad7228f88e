# SPDX-License-Identifier: Apache-2.0
# Access control while somebody floods a closed port: agents that are killed, policies that change, builds that are
# exchanged. Sourced by tests/vm/mesh.sh after sections.sh.
# shellcheck shell=bash

# On the oldest kernel all of them, on others what shows that both kinds work there, too.
case $(uname -r) in 6.1.*) KILLS=50;; *) KILLS=15;; esac
[ -z "${KERNMESH_LONG-}" ] || KILLS=1000
objects=$BIN/../release/gen/tests

run_on() { local host=$1; shift; nsenter --net="/run/netns/$LAB_PREFIX$host" "$@" & } # HOST COMMAND...: in the background
arrived() { cat "$LAB/arrived-$1" 2>/dev/null || echo 0; } # PORT -> datagrams that a socket of beta has had
dropped() { node beta --json acl stats | jq '[.counters[] | select(.label == "in_denied" or .label == "in_refused") | .packets] | add'; }
grew() { [ "$(dropped)" -gt "$1" ]; } # BEFORE
got_more() { [ "$(arrived "$1")" -gt "$2" ]; } # PORT BEFORE

# Each agent says so once it has brought the interface up.
ready_agents() { grep -c 'ready on' "$LAB/beta.log"; }
one_more_is_ready() { [ "$(ready_agents)" -gt "$1" ]; } # BEFORE
agent_of_beta() { # does not wait for it
	nsenter --net="/run/netns/${LAB_PREFIX}beta" "$BIN/mesh-agent" --state-dir "$LAB/beta" --socket "$LAB/beta.sock" >> "$LAB/beta.log" 2>&1 &
	LAB_PID[beta]=$!
}
# How long an agent takes to come up under the flood: the middle of three, in $start_ms.
measure_start() {
	local before began took=()
	for _ in 1 2 3; do
		before=$(ready_agents); began=$(now_ms)
		agent_of_beta; wait_for 20 one_more_is_ready "$before"
		took+=($(($(now_ms) - began)))
		stop KILL beta
	done
	start_ms=$(printf '%s\n' "${took[@]}" | sort -n | sed -n 2p)
}
# Kills beta's agent at some moment of its life, again and again; each comes up over what the one before left. The moments
# are spread evenly over 1.6 times what a start takes, in an order that goes back and forth. Sets $came_up and $cut_short.
kill_agents() { # TIMES
	local round delay before
	before=$(ready_agents)
	for round in $(seq "$1"); do
		agent_of_beta
		delay=$((round * 37 % $1 * start_ms * 16 / 10 / $1))
		read -rt "$((delay / 1000)).$(printf %03d $((delay % 1000)))" <> <(:) || :
		stop KILL beta
	done
	came_up=$(($(ready_agents) - before)); cut_short=$(($1 - came_up))
}
both_kinds() { # TIMES
	echo "a start takes $start_ms ms; $cut_short killed before they were up, $came_up after"
	[ $((came_up * 10)) -ge "$1" ] && [ $((cut_short * 10)) -ge "$1" ]
}

# The programs on beta's mesh0 as another release might have built them, over the same maps, and back.
exchange_builds() {
	local instance; instance=$(stat -Lc %i "/run/netns/${LAB_PREFIX}beta")-mesh0
	in_ns beta "$BIN/underlay-driver" "$instance" other-build "$objects/other_acl.bpf.o" acl_in mesh0 ingress &&
		in_ns beta "$BIN/underlay-driver" "$instance" other-build "$objects/other_acl.bpf.o" acl_out mesh0 egress &&
		other_build_judges && start_agent beta && wait_for 10 is_up beta && ! other_build_judges
}
other_build_judges() { bpftool -j prog show name acl_in | jq -e --argjson own "$own_tags" '[.[].tag] - $own | length > 0' > /dev/null; }

section_flood() {
	local beta before closed; beta=$(address_of beta)
	open_ports 8080 > /dev/null || { not_ok "a policy that opens port 8080"; return; }
	own_tags=$(bpftool -j prog show name acl_in | jq -c '[.[].tag]')
	run_on beta python3 "$here/flood.py" count "$beta" "$LAB" 7070 8080; LAB_PID[count]=$!
	run_on alpha python3 "$here/flood.py" send "$beta" 7070 500; LAB_PID[closed]=$!
	run_on alpha python3 "$here/flood.py" send "$beta" 8080 200; LAB_PID[open]=$!
	check "the flood of an open port arrives" wait_for 30 got_more 8080 0
	before=$(dropped); check "that of a closed one is dropped" wait_for 10 grew "$before"
	stop KILL beta
	measure_start; kill_agents "$KILLS"
	check "$KILLS agents killed, a tenth or more before they were up and as many after" both_kinds "$KILLS"
	before=$(arrived 8080); check "what is open goes on" wait_for 10 got_more 8080 "$before"
	start_agent beta; wait_for 10 is_up beta
	before=$(dropped); check "and the flood was there all the time" wait_for 10 grew "$before"
	stop KILL beta
	pinged alpha "$beta" 400 exchange_builds; check "another build takes over and is replaced under ping: nothing lost" no_loss
	for _ in $(seq 5); do open_ports 8081 > /dev/null; open_ports 8080 > /dev/null; done
	before=$(arrived 8080); check "after 10 policies: what is open arrives" wait_for 10 got_more 8080 "$before"
	closed=$(arrived 7070); check "of the flooded closed port not one datagram arrived" test "$closed" = 0
	stop TERM open; stop TERM closed; stop TERM count
	echo '{}' > "$LAB/policy.hujson"; admin policy set "$LAB/policy.hujson" --wait > /dev/null
}
