#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The BPF programs under BPF_PROG_TEST_RUN on this kernel; ci/test's suite bpf runs all of it on the machine's own. Here:
# the rows D1 to D15, header forms, underlay in and out, plaintext, one of the relay's because each test has the verifier read
# its programs anew. Left to --long, because emulated processors take minutes: flows and their ends, events, refusals, changes
# of a live image, adopted maps, the rest of the relay's, a million packets against the oracle.
#   ci/vm -k 6.1 -- bash tests/vm/bpf_programs.sh
here=$(dirname "$(readlink -f "$0")")
BIN=${BIN:-$(cd "$here/../.." && pwd)/build/bin}
short='AclD*:*.D1*:*.D2*:*.D3*:*.D4*:*.D5*:*.D6*:*.D7*:*.D8*:*.D9*:AclForm.*:UnderlayIn.*:UnderlayOut.*:Plaintext.*'
short+=':RelayProgramTest.every_truncation_passes_or_drops_without_a_fault'
for module in veth sch_ingress cls_bpf; do modprobe -q "$module" || :; done
log=$(mktemp); trap 'rm -f "$log"' EXIT
echo "kernel $(uname -r)"
began=$SECONDS
RC_PARAMS=seed=20260101 GTEST_COLOR=no "$BIN/bpf_programs" --gtest_filter="$([ -n "${KERNMESH_LONG-}" ] && echo '*' || echo "$short")" > "$log" 2>&1
status=$?
passed=$(grep -c '^\[       OK \]' "$log"); failed=$(grep -c '^\[  FAILED  \] .* (.* ms)$' "$log")
if [ $status != 0 ]; then
	cat "$log"
	sed -n 's/^\[  FAILED  \] \(.*\) (.* ms)$/FAIL  \1/p' "$log"
	[ "$failed" != 0 ] || { echo "FAIL  bpf_programs ended with status $status"; failed=1; }
fi
# A filter that fits nothing is no success.
[ "$passed" != 0 ] || { echo "FAIL  no test ran"; failed=$((failed + 1)); }
grep '\[  SKIPPED \] [A-Za-z]*\.' "$log"
echo "      $((SECONDS - began)) s"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
