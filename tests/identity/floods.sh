#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# C7: HTTP/2 floods against the gRPC port of a real mesh-server on loopback (floods.py).
# usage: tests/identity/floods.sh [DIRECTORY_OF_BINARIES [CHECK...]]
set -uo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
bin=$(readlink -f "${1:-$root/build/bin}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/py"
protoc -I "$root/proto" --python_out="$work/py" mesh/v1/types.proto mesh/v1/admin.proto mesh/v1/coordination.proto || exit 1
PYTHONPATH=$work/py:$root/tests/identity /usr/bin/python3 "$root/tests/identity/floods.py" "$bin/mesh-server" "$work" "${@:2}"
