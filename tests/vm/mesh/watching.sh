# SPDX-License-Identifier: Apache-2.0
# What people and programs follow on a live agent: drops and flows as they happen, the page for Prometheus. Sourced by
# tests/vm/mesh.sh after sections.sh.
# shellcheck shell=bash disable=SC2154

# Runs meshadm in the background under NAME; its output is in $LAB/NAME.
follow() { # NAME HOST ARGUMENTS...
	local name=$1 host=$2; shift 2
	nsenter --net="/run/netns/$LAB_PREFIX$host" "$BIN/meshadm" --socket "$LAB/$host.sock" --json "$@" > "$LAB/$name" 2>&1 &
	LAB_PID[$name]=$!
}
told() { jq -es --argjson n "$2" "any(.[]; $3)" "$LAB/$1"; } # NAME NUMBER CONDITION, of whole JSON values

# Port 8080 is open, 9090 is not.
followers_are_told() { # ADDRESS
	follow drops-seen beta drops --follow --last 0
	follow flows-seen alpha flows --follow
	wait_for 5 asked_and_told "$1"
	check "drops --follow tells of a packet that is dropped now" told drops-seen 9090 '.destination_port == $n and .reason == "in_denied"'
	check "flows --follow tells of a flow that begins now" told flows-seen 8080 "$new_flow"
	stop INT drops-seen; stop INT flows-seen
}
# Nothing says when the agent has heard that somebody follows, so it is asked until it tells.
asked_and_told() { # ADDRESS
	ask alpha "$1" 9090; ask alpha "$1" 8080
	grep -q 9090 "$LAB/drops-seen" && told flows-seen 8080 "$new_flow"
}
new_flow='.type == "new_flow" and .destination_port == $n'

scrape() { in_ns "$1" bash -c 'exec 3<> /dev/tcp/127.0.0.1/9444; printf "GET %s HTTP/1.1\r\n\r\n" "$0" >&3; cat <&3' "$2"; } # HOST PATH
metric() { scrape "$1" /metrics | awk -v m="$2" '$1 == m {print $2}'; } # HOST NAME
stat_of() { node "$1" --json acl stats | jq --arg l "$2" '.counters[] | select(.label == $l) | .packets'; } # HOST LABEL
metrics_agree() { # HOST, whose agent has pages
	local refused; refused=$(stat_of "$1" in_refused)
	check "metrics: packets by verdict are those of acl stats" test "$(metric "$1" 'kernmesh_agent_acl_packets_total{reason="in_refused"}')" = "$refused"
	check "metrics: some were refused" test "$refused" -gt 0
	check "metrics: what was dropped in the clear" test "$(metric "$1" 'kernmesh_agent_underlay_packets_total{reason="in_plaintext"}')" = "$(underlay_count "$1" in_plaintext)"
	check "metrics: two peers" test "$(scrape "$1" /metrics | awk '/^kernmesh_agent_peers{/ {n += $2} END {print n}')" = 2
	check "metrics: up, and no policy failed" test "$(metric "$1" kernmesh_agent_up)$(metric "$1" kernmesh_agent_policy_failed)" = 10
	check "healthz" grep -q '200 OK' <(scrape "$1" /healthz)
	check "the server's metrics: its nodes, all connected" server_counts_all_nodes
	check "none of them behind" wait_for 10 nobody_behind
	check "and its health" in_ns server curl -sf "http://127.0.0.1:9443/healthz"
}
server_metric() { in_ns server curl -s "http://127.0.0.1:9443/metrics" | awk -v m="kernmesh_server_$1" '$1 == m {print $2}'; }
nobody_behind() { [ "$(server_metric nodes_behind)" = 0 ]; }
server_counts_all_nodes() {
	wait_for 10 eval '[ "$(server_metric watch_streams)" = 3 ]'
	local seen; seen="$(server_metric 'nodes{state="approved"}') approved, $(server_metric watch_streams) connected"
	echo "$seen"; [ "$seen" = "$(admin --json node list | jq '.nodes | length') approved, 3 connected" ]
}
