# SPDX-License-Identifier: Apache-2.0
# Row R5 of the hostile cases: what two nodes send each other through a relay is thrown at that relay again. Sourced by
# tests/vm/mesh.sh; part of the section relay, while alpha and beta are relayed.
# shellcheck shell=bash disable=SC2154

replayer() { in_ns router python3 "$here/replay.py" "$@"; }
# Of all that beta's WireGuard has accepted from alpha, and of the frames that came to its host.
accepted_bytes() { in_ns beta wg show mesh0 transfer | awk -v key="$alpha_key" '$1 == key {print $2}'; }
frames_of_beta() { ip_ns beta -s -j link show dev eth0 | jq '.[0].stats64.rx.packets'; }
has_frames() { [ "$(frames_of_beta)" -ge "$1" ]; }
record_pings() { # RELAY ADDRESS
	in_ns alpha ping -n -q -i 0.01 -c 300 "$2" > /dev/null & local pid=$!
	recorded=$(replayer record "to-$1" "$LAB/recorded" 3478 3)
	wait $pid
}
nothing_twice() { ! grep duplicates "$LAB/ping"; }
replay_and_see() { replayer again "to-$1" "$LAB/recorded" 3 > /dev/null; }

check_replays() { # RELAY ADDRESS: of beta
	local alpha_key bytes frames recorded sent_again grown
	alpha_key=$(in_ns alpha wg show mesh0 public-key)
	record_pings "$1" "$2"
	check "R5: what goes to $1 while alpha pings beta, disco and all, is recorded" test "$recorded" -ge 100
	bytes=$(accepted_bytes) frames=$(frames_of_beta)
	sent_again=$(replayer again "to-$1" "$LAB/recorded" 5)
	echo "      $recorded frames, $sent_again sent again"
	# A relay passes on only alpha's half: beta's own go to alpha.
	check "the relay passes them on to beta" wait_for 10 has_frames $((frames + sent_again / 3))
	grown=$(($(accepted_bytes) - bytes))
	check "and WireGuard takes nothing of them" test "$grown" -lt 2000
	echo "      $grown bytes accepted meanwhile, of about $((recorded * 5 * 64)) sent again"
	pinged alpha "$2" 400 replay_and_see "$1"
	check "pings beside another replay: nothing lost" no_loss
	check "and nothing twice" nothing_twice
	check "the path is the same" path_relay alpha beta "$1"
	check "and WireGuard's endpoints" test "$(endpoints alpha)" = "$endpoints_before"
}
