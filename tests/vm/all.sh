#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Everything that ci/test runs inside a VM: each script counts its own checks; ends with the sum.
# usage: tests/vm/all.sh [SCRIPT[:ARGUMENT,...]]...      only these
here=$(dirname "$(readlink -f "$0")")
passed=0; failed=0
scripts=(underlay.sh mesh.sh systemd.sh)
# ci/test runs them on the machine's own kernel as well; here on the oldest one, on the others with --long.
case $(uname -r)${KERNMESH_LONG:+ long} in 6.1.* | *long) scripts+=(bpf_programs.sh);; esac
[ -z "${KERNMESH_LONG-}" ] || scripts+=(nat.sh)
[ $# = 0 ] || scripts=("$@")
for word in "${scripts[@]}"; do
	script=${word%%:*}; arguments=()
	[ "$script" = "$word" ] || IFS=, read -ra arguments <<< "${word#*:}"
	[ -e "$here/$script" ] || { echo "FAIL  $script is missing"; failed=$((failed + 1)); continue; }
	echo "#### $script"
	last=$(bash "$here/$script" "${arguments[@]}" | tee /dev/stderr | tail -1)
	read -r p f < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' <<< "$last")
	if [ -z "${p:-}" ]; then p=0; f=1; fi
	passed=$((passed + p)); failed=$((failed + f))
done 2>&1
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
