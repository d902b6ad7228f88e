# SPDX-License-Identifier: Apache-2.0
# One line a check, for the scripts that run inside the VM; sourced. End with check_summary.
# shellcheck shell=bash
checks_passed=0; checks_failed=0

ok() { checks_passed=$((checks_passed + 1)); printf 'ok    %-66s %s\n' "$1" "${2-}"; }
not_ok() { checks_failed=$((checks_failed + 1)); printf 'FAIL  %-66s %s\n' "$1" "${2-}"; }

# check NAME COMMAND...: the command's success; its last line of output is shown.
check() {
	local name=$1 seen; shift
	if seen=$("$@" 2>&1); then ok "$name" "$(tail -1 <<< "$seen" | cut -c1-110)"; else not_ok "$name" "$(tail -3 <<< "$seen" | tr '\n' ' ')"; fi
}

# refused NAME PATTERN COMMAND...: the command fails and says something that matches.
refused() {
	local name=$1 pattern=$2 seen status; shift 2
	seen=$("$@" 2>&1); status=$?
	if [ $status -ne 0 ] && grep -qiE -- "$pattern" <<< "$seen"; then
		ok "$name" "$(grep -iE -- "$pattern" <<< "$seen" | head -1 | cut -c1-110)"
	else
		not_ok "$name" "status $status, wanted /$pattern/: $(tail -2 <<< "$seen" | tr '\n' ' ')"
	fi
}

check_summary() { echo "$checks_passed passed, $checks_failed failed"; [ "$checks_failed" = 0 ]; }
