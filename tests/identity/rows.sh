#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The rows C1 to C14 of docs/threat_model.md: runs the unit programs' tests of each row, which are those whose name begins with it
# (c1_, ... c14_). A row without a test fails.
# usage: tests/identity/rows.sh [ROW...]
set -uo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
bin=${KERNMESH_BIN:-$root/build/bin}
rows=("$@"); [ $# -gt 0 ] || mapfile -t rows < <(seq -f 'C%g' 14)
passed=0; failed=0
for row in "${rows[@]}"; do
	filter="*.${row,,}_*"; tests=0; bad=; began=$SECONDS
	for program in "$bin"/unit_*; do
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
