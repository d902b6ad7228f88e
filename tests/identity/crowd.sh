#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# C8 and C9: readers that never drain, everybody back at once, one that flaps, against a real mesh-server on loopback (crowd.py).
# 1,000 nodes and two returns; 10,000 and ten with KERNMESH_LONG, which want both processors for themselves.
# usage: tests/identity/crowd.sh [DIRECTORY_OF_BINARIES [NODES [RETURNS]]]
set -uo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
bin=$(readlink -f "${1:-$root/build/bin}")
nodes=1000 returns=2
[ -z "${KERNMESH_LONG-}" ] || nodes=10000 returns=10
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/py"
protoc -I "$root/proto" --python_out="$work/py" mesh/v1/types.proto mesh/v1/admin.proto mesh/v1/coordination.proto || exit 1
ulimit -n "$(ulimit -Hn)"
PYTHONPATH=$work/py:$root/tests/identity /usr/bin/python3 "$root/tests/identity/crowd.py" "$bin/mesh-server" "$work/state" "${2:-$nodes}" "${3:-$returns}"
