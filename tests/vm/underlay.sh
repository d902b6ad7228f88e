#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The virtual underlay with the real WireGuard driver. Run it inside the VM: ci/vm [-k VERSION] -- bash tests/vm/underlay.sh [PART]
# One line for each check: ok or FAIL, what was checked, what was seen; the last line counts them. Not 0 when one failed.
set -u
. "$(dirname "$0")/underlay/hosts.sh"
here=$repo/tests/vm/underlay; objects=$repo/build/release/gen/tests; seen=
echo "kernel $(uname -r)"
hosts; sources
for n in a b; do in_ns $n iperf3 -s -D --logfile /dev/null; done
for part in "$here"/checks_*${1-}*.sh; do . "$part"; done
check_summary
