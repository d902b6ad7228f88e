#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Policy compiler: cold at 10,000 nodes and 1,000 rules, one node's change, one slice, a changed policy, 10 MB of text
# usage: ci/bench policy [NODES RULES RUNS]
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
mkdir -p build/bench
build/bin/policy-bench "$@" | tee build/bench/policy.log
sed -n 's/^json //p' build/bench/policy.log > build/bench/policy.json
echo "written to build/bench/policy.json"
