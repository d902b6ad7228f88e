#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ns per packet of the underlay's programs (native), and WireGuard's throughput with and without them (VM).
# usage: ci/bench underlay [native|vm]
set -euo pipefail
what=${1-all}
if [ "$what" != vm ]; then build/bin/underlay-bench build/bench/underlay.json; fi
if [ "$what" != native ]; then
	for k in 6.1 6.12; do
		ci/vm -k $k -- bash tests/bench/underlay_throughput.sh | tee "build/bench/underlay-$k.txt"
		sed -n 's/^json //p' "build/bench/underlay-$k.txt" > "build/bench/underlay-$k.json"
	done
fi
