#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Everything that ci/test runs inside a VM: each script counts its own checks; ends with the sum.
# usage: tests/vm/all.sh [SCRIPT[:ARGUMENT,...]]...      only these
here=$(dirname "$(readlink -f "$0")")
passed=0; failed=0
scripts=(underlay.sh mesh.sh)
# ci/test runs them on the machine's own kernel as well; here on the oldest one, on the others with --long.
left_out=()
case $(uname -r)${KERNMESH_LONG:+ long} in 6.1.* | *long) scripts+=(bpf_programs.sh);; *) left_out+=(bpf_programs.sh);; esac
# What takes minutes and no old kernel decides: on the newest one, on the others with --long.
case $(uname -r)${KERNMESH_LONG:+ long} in
*long) scripts+=(demo_runs.sh nat.sh);;
6.12.*) scripts+=(demo_runs.sh nat.sh:masq,rand);;
*) left_out+=(demo_runs.sh nat.sh);;
esac
scripts+=(systemd.sh)  # ends with a shutdown that takes file systems away
if [ $# != 0 ]; then scripts=("$@"); left_out=(); fi
for script in "${left_out[@]}"; do echo "SKIP  $script is left to --long on this kernel"; done
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
