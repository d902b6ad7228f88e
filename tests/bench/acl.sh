#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Access control: a verdict against nftables and iptables, the programs alone, a switch of the policy (native).
# usage: ci/bench acl [verdict|programs|switch]...
set -euo pipefail
command -v iptables-legacy > /dev/null || apt-get install -qy iptables > /dev/null
parts=${*:-verdict programs switch}
for part in $parts; do
	case $part in
	verdict) build/bin/acl-verdict-bench build/release/gen/tests/generator.bpf.o build/bench/acl-verdict.json;;
	programs) build/bin/acl-program-bench build/bench/acl-programs.json;;
	switch)
		build/bin/acl-switch-bench build/bench/acl-switch.json
		bash tests/bench/acl_rivals_switch.sh
		;;
	*) echo "acl: unknown part $part" >&2; exit 64;;
	esac
	echo
done
