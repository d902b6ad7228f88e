# SPDX-License-Identifier: Apache-2.0
# A clock that is set: by an hour, a day, months, ten years, all the time (C13). All hosts of the laboratory have one.
# Sourced by tests/vm/mesh.sh after life.sh and relay.sh. Leaves the three nodes up.
# shellcheck shell=bash disable=SC2154

LAB_SUBNET[relay3]=7
step_clock() { date -s "@$(($(date +%s) + $1))" > /dev/null; } # SECONDS
connects_again() { [ "$(lines_of "$1")" -gt "$2" ] && connected "$1"; } # HOST COUNT: more often than that
key_days() { admin --json node show "$1" | jq --argjson now "$(date +%s)" '((.node.key_expires_at | fromdate) - $now) / 86400 | floor'; } # NODE
has_days() { [ "$(key_days "$1")" -ge "$2" ]; } # NODE DAYS

section_clock() {
	local host day=86400
	declare -A before
	relay_host relay3 "$(admin --json key create --relay | jq -r .secret)"
	for host in alpha beta gamma; do stop KILL "$host"; start_agent "$host"; done
	for host in alpha beta gamma; do wait_for 30 connected "$host"; done
	c13_back_by "an hour" -3600
	c13_back_while_no_agent_runs
	step_clock 3600; step_clock 3600
	check "the clock goes ahead again: still reached" wait_for 10 reaches alpha "$(address_of beta)"
	step_clock $day
	check "c13_day_ahead: still reached" wait_for 10 reaches alpha "$(address_of beta)"
	c13_back_by "a day" -$day
	c13_months_ahead $((125 * day))
	c13_back_by "125 days" $((-125 * day))
	c13_way_is_cut "after 125 days back"
	c13_connections_end_and_are_made_again "after 125 days back"
	c13_ten_years_ahead_and_back
	c13_frozen
	stop TERM relay3; remove_relay relay3; admin relay remove relay3 --yes > /dev/null
	# An idle node keeps a home that is gone; the sections on relays want nodes that never had one.
	for host in alpha beta gamma; do stop KILL "$host"; start_agent "$host"; done
	for host in alpha beta gamma; do wait_for 30 connected "$host"; done
}

# Peers refuse handshakes under the same key until the clock has caught up.
c13_back_by() { # WORDS SECONDS
	local host from to
	for host in alpha beta gamma; do before[$host]=$(wg_key "$host"); done
	step_clock "$2"
	for host in alpha beta gamma; do
		check "c13_back: by $1: $host makes a new node key" wait_for 60 has_another_key "$host" "${before[$host]}"
	done
	for from in alpha beta gamma; do
		for to in alpha beta gamma; do
			[ "$from" = "$to" ] || check "$from reaches $to under sessions of now" wait_for 20 reaches "$from" "$(address_of "$to")"
		done
	done
}

c13_back_while_no_agent_runs() {
	local host
	for host in alpha beta gamma; do before[$host]=$(wg_key "$host"); stop KILL "$host"; done
	step_clock -3600
	for host in alpha beta gamma; do start_agent "$host"; done
	for host in alpha beta gamma; do
		check "c13_back_unseen: by an hour while no agent ran: $host makes a new node key" wait_for 60 has_another_key "$host" "${before[$host]}"
	done
	check "alpha reaches beta" wait_for 20 reaches alpha "$(address_of beta)"
}

c13_months_ahead() { # SECONDS
	local host
	# An agent makes no second key for the server within five minutes, but one that has just started makes its first.
	for host in alpha beta gamma; do stop KILL "$host"; start_agent "$host"; wait_for 30 connected "$host"; before[$host]=$(wg_key "$host"); done
	check "alpha's key ends in 180 days" test "$(key_days alpha)" -le 180
	step_clock "$1"
	for host in alpha beta gamma; do
		check "c13_months_ahead: $host makes a new node key without being told by anybody" wait_for 60 has_another_key "$host" "${before[$host]}"
		check "and has 180 days again" wait_for 10 has_days "$host" 179
	done
	check "they reach each other" wait_for 20 reaches alpha "$(address_of beta)"
}

# gRPC sleeps until its timers by the wall clock (docs/adr/0017): nobody is started again here but the server.
c13_connections_end_and_are_made_again() { # WORDS
	local host
	for host in alpha beta gamma; do before[$host]=$(lines_of "$host"); done
	stop TERM server
	for host in alpha beta gamma; do check "c13_reconnect: $1: $host misses the server" wait_for 60 disconnected "$host"; done
	start_server
	for host in alpha beta gamma; do check "$host is connected again" wait_for 60 connects_again "$host" "${before[$host]}"; done
	check "and the relay" wait_for 60 relays_online 1
}

# Nobody is told that the connection is gone: both ends find out by their keepalives.
c13_way_is_cut() { # WORDS
	before[alpha]=$(lines_of alpha)
	in_ns router nft 'table inet cut { chain c { type filter hook forward priority 0; policy accept; iifname to-alpha tcp dport 8443 drop; oifname to-alpha tcp sport 8443 drop; }; }'
	check "c13_keepalive: $1: alpha notices a dead connection" wait_for 60 disconnected alpha
	check "and the server" wait_for 60 is_offline alpha
	in_ns router nft delete table inet cut
	check "alpha is connected again" wait_for 60 connects_again alpha "${before[alpha]}"
}
is_offline() { [ "$(admin --json node show "$1" | jq .node.online)" = false ]; } # NODE

# All keys are over, the server's certificate too, and nobody may go on as if they were not.
c13_ten_years_ahead_and_back() {
	local years=$((3653 * 86400)) host
	step_clock $years
	check "c13_ten_years_ahead: alpha drops beta, whose key is over" wait_for 60 unreached alpha "$(address_of beta)"
	step_clock -$years
	for host in alpha beta gamma; do check "c13_ten_years_back: $host comes back by itself" wait_for 90 connected "$host"; done
	check "alpha reaches beta" wait_for 60 reaches alpha "$(address_of beta)"
	check "and beta gamma" wait_for 60 reaches beta "$(address_of gamma)"
	c13_back_by "ten years" -$years
	step_clock $years
	for host in alpha beta gamma; do check "c13: the right time again: $host is connected" wait_for 90 connected "$host"; done
	check "alpha reaches beta" wait_for 60 reaches alpha "$(address_of beta)"
}

# Somebody sets it back all the time.
c13_frozen() {
	local now; now=$(date +%s)
	while :; do date -s "@$now" > /dev/null; read -rt 0.02 <> <(:) || :; done &
	LAB_PID[freezer]=$!
	check "c13_frozen: alpha reaches beta" wait_for 10 reaches alpha "$(address_of beta)"
	c13_connections_end_and_are_made_again "in a clock that stands"
	stop KILL freezer
	check "it goes on: alpha reaches beta" wait_for 10 reaches alpha "$(address_of beta)"
}
