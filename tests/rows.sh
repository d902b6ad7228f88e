#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The rows of docs/threat_model.md, R1 to R9 and C1 to C14: runs the programs' tests of each row, which are those whose name begins
# with it (r1_, ... c14_) or whose suite has it (RelayR1). A row without a test fails.
# usage: tests/rows.sh ROW...
set -uo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
bin=${KERNMESH_BIN:-$root/build/bin}
[ $# -gt 0 ] || { sed -n '3,5s/^# //p' "$0"; exit 2; }
passed=0; failed=0
for row in "$@"; do
	filter="*.${row,,}_*:Relay${row}*.*"; tests=0; bad=; began=$SECONDS
	for program in "$bin"/unit_* "$bin/bpf_programs"; do
		"$program" --gtest_list_tests --gtest_filter="$filter" | grep -q '^  ' || continue
		output=$(RC_PARAMS=seed=20260101 "$program" --gtest_brief=1 --gtest_filter="$filter" 2>&1) || { bad=1; echo "$output"; }
		grep -a '\[  SKIPPED \]' <<< "$output"
		ran=$(sed -nE 's/^\[={10}\] ([0-9]+) tests? .*ran.*/\1/p' <<< "$output")
		[ -n "$ran" ] || { bad=1; echo "${program##*/} did not come to its end"; }
		tests=$((tests + ${ran:-0}))
	done
	if [ "$tests" = 0 ]; then bad=1; echo "there is no test ${row,,}_..."; fi
	if [ -z "$bad" ]; then word=ok; passed=$((passed + 1)); else word=FAIL; failed=$((failed + 1)); fi
	printf '%-5s %-4s %2d test%s, %d s\n' "$word" "$row" "$tests" "$([ "$tests" = 1 ] || echo s)" $((SECONDS - began))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
