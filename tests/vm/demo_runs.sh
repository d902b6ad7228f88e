#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demo to its end, as ci/demo shows it: it stops with a status at the first step that is not as expected.
here=$(dirname "$(readlink -f "$0")")
if output=$(bash "$here/demo.sh" 2>&1 < /dev/null); then
	echo "ok    the demo: $(grep -c '^== ' <<< "$output") steps, all as expected"; echo "1 passed, 0 failed"; exit 0
fi
echo "$output"; echo "FAIL  the demo"; echo "0 passed, 1 failed"
exit 1
