# SPDX-License-Identifier: Apache-2.0
# D15: a policy that cannot be put into the kernel of a live agent. Sourced by tests/vm/mesh.sh after watching.sh.
# shellcheck shell=bash disable=SC2154

# Past the bound of what one compilation may cost (core/maplayout/work_budget.h): 4,500 ranges of ports of beta's, each
# begins and ends one further than the one before. Would open 9090, and not 8080.
too_much() { # ADDRESS
	awk -v a="$1" 'BEGIN {
		print "{\"acls\": [{\"action\": \"accept\", \"proto\": \"icmp\", \"src\": [\"*\"], \"dst\": [\"*:*\"]},"
		for (i = 0; i < 4500; i++) printf "{\"action\": \"accept\", \"src\": [\"*\"], \"dst\": [\"%s:%d-%d\"]},\n", a, 8500 + i, 28500 + i
		print "]}"
	}'
}
policy_metric() { [ "$(metric beta "kernmesh_agent_policy_$1")" = "$2" ]; } # NAME VALUE
# What is in force, what there is too much of, what to do.
refusal='the policy: compiling .*; the one before stays in force: .*port ranges overlap in too many ways; use the same ranges in more rules'
says_why() { problem_says beta "the policy: " | grep "$refusal"; }
failure_at() { metric beta kernmesh_agent_policy_failure_timestamp_seconds; }
failed_later_than() { awk -v n="$(failure_at)" -v b="$1" 'BEGIN {exit !(n > b)}'; }
after_another_try() { # ADDRESS
	wait_for 20 failed_later_than "$(failure_at)" || { echo "no other try"; return 0; }
	ask alpha "$1" 9090
}

section_fill() {
	local beta began said; beta=$(address_of beta)
	stop KILL beta; start_agent beta --http-listen 127.0.0.1:9444; wait_for 20 is_up beta
	open_ports 8080 > /dev/null || { not_ok "a policy that opens port 8080"; return; }
	run_on beta python3 "$here/talk.py" serve "$beta" 8080 9090; LAB_PID[talk]=$!
	wait_for 10 listens beta 9090
	check "the open port answers" ask alpha "$beta" 8080
	check "no policy failed so far" policy_metric failed 0
	too_much "$beta" > "$LAB/policy.hujson"; said=$(lines_of_log); began=$(date +%s)
	check "D15 a policy past the bound: the server takes it" admin policy set "$LAB/policy.hujson"
	check "D15 metrics: the policy failed" wait_for 30 policy_metric failed 1
	check "D15 metrics: when" test "$(metric beta kernmesh_agent_policy_failure_timestamp_seconds | cut -d. -f1)" -ge "$began"
	check "D15 status says why, what to do, and what is in force" says_why
	check "D15 the log too" grep "$refusal" <(tail -n +$((said + 1)) "$LAB/beta.log")
	check "D15 the open port answers" ask alpha "$beta" 8080
	refused "D15 the closed one is refused" "Connection refused" ask alpha "$beta" 9090
	refused "D15 also after the agent tried again" "Connection refused" after_another_try "$beta"
	refused "D15 policy set --wait says which node has not taken it" "without it: beta" admin policy set "$LAB/policy.hujson" --wait --timeout 5s
	stop KILL beta; start_agent beta --http-listen 127.0.0.1:9444
	check "D15 the next agent says so too" wait_for 30 says_why
	check "D15 and the open port answers" ask alpha "$beta" 8080
	refused "D15 the closed one is refused" "Connection refused" ask alpha "$beta" 9090
	check "a good policy heals it" open_ports 9090
	check "metrics: no policy failed any more" policy_metric failed 0
	check "status: nor any more" wait_for 5 problem_gone beta "the policy: "
	check "log: well again" grep 'the policy: well again' <(tail -n +$((said + 1)) "$LAB/beta.log")
	check "what it opens answers" ask alpha "$beta" 9090
	refused "what it closes is refused" "Connection refused" ask alpha "$beta" 8080
	stop TERM talk; everything_is_open
}
