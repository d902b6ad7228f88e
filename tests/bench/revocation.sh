#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From the call of `meshadm policy set` to the last packet that the revoked rule let in (G17), natively and in a VM.
# usage: ci/bench revocation [native|vm]... [-k VERSION] [-r ROUNDS]
# Datagrams go from one node to another. Each round takes the permission away, waits until the node has acknowledged the
# policy, and gives it back. After the acknowledgement nothing may arrive. In the VM all is real, and emulated; natively
# WireGuard is missing, and with it the agent as a whole: tests/bench/revocation_driver.cc says what stands in for it.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
kernel=6.12 rounds=30 places=() inside=
while [ $# -gt 0 ]; do
	case $1 in
	native | vm) places+=("$1"); shift;;
	-k) kernel=$2; shift 2;;
	-r) rounds=$2; shift 2;;
	--inside) inside=$2; shift 2;;
	*) echo "revocation: unknown argument $1" >&2; exit 64;;
	esac
done
if [ -z "$inside" ]; then
	mkdir -p "$root/build/bench"
	for place in "${places[@]:-native}" $([ ${#places[@]} -gt 0 ] || echo vm); do
		run=(bash "$root/tests/bench/revocation.sh" --inside "$place" -r "$rounds")
		[ "$place" = native ] || run=("$root/ci/vm" -k "$kernel" -- "${run[@]}")
		"${run[@]}" | tee "$root/build/bench/revocation-$place.txt"
		sed -n 's/^json //p' "$root/build/bench/revocation-$place.txt" > "$root/build/bench/revocation-$place.json"
	done
	exit 0
fi

LAB_PREFIX=kmr-
# shellcheck source=../vm/lab.sh
. "$root/tests/vm/lab.sh"
trap 'set +e; kill $(jobs -p) 2> /dev/null; lab_down' EXIT
lab_up alpha beta
start_network
echo '{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:7", "*:9"]}]}' > "$LAB/open.hujson"
echo '{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:9"]}]}' > "$LAB/closed.hujson"
start_nodes_vm() {
	local host beta
	for host in alpha beta; do start_agent "$host"; join "$host" "$key" > /dev/null; done
	beta=$(address_of beta)
	nsenter --net="/run/netns/${LAB_PREFIX}beta" python3 "$root/tests/bench/revocation.py" receive "$beta" 7 "$LAB/last" &
	nsenter --net="/run/netns/${LAB_PREFIX}alpha" python3 "$root/tests/bench/revocation.py" send "$beta" 7 &
}
start_nodes_native() {
	nsenter --net="/run/netns/${LAB_PREFIX}alpha" "$BIN/revocation-driver" "$SERVER" "$LAB" "$LAB/last" <<< "$key" > "$LAB/driver" &
	wait_for 20 grep -q ready "$LAB/driver"
}
admin policy set "$LAB/open.hujson" > /dev/null
"start_nodes_$inside"
arrives() { python3 -c 'import struct, sys, time; sys.exit(time.time() - struct.unpack("<d", open(sys.argv[1], "rb").read())[0] > 0.02)' "$LAB/last"; }
for _ in $(seq "$rounds"); do
	wait_for 20 arrives || { echo "revocation: nothing arrives by the open policy" >&2; exit 1; }
	called=$(date +%s.%N)
	admin policy set "$LAB/closed.hujson" --wait > /dev/null
	acknowledged=$(date +%s.%N)
	sleep 0.3 # that nothing more arrives has no event to wait for
	python3 -c 'import struct, sys; last = struct.unpack("<d", open(sys.argv[1], "rb").read())[0]
print((last - float(sys.argv[2])) * 1000, (float(sys.argv[3]) - float(sys.argv[2])) * 1000, last > float(sys.argv[3]))' "$LAB/last" "$called" "$acknowledged" >> "$LAB/rounds"
	admin policy set "$LAB/open.hujson" --wait > /dev/null
done
python3 - "$LAB/rounds" "$(uname -r)" <<'PY'
import json, sys
rows = [line.split() for line in open(sys.argv[1])]
def figures(column):
    values = sorted(float(row[column]) for row in rows)
    return {"min_ms": round(values[0], 1), "median_ms": round(values[len(values) // 2], 1), "p99_ms": round(values[min(len(values) - 1, len(values) * 99 // 100)], 1)}
out = {"kernel": sys.argv[2], "rounds": len(rows), "last_packet": figures(0), "acknowledged": figures(1), "after_acknowledgement": sum(row[2] == "True" for row in rows)}
print(f"kernel {out['kernel']}, {out['rounds']} rounds, ms after `policy set` was called")
for name, text in (("last_packet", "last packet by the revoked rule"), ("acknowledged", "policy set --wait returns")):
    print(f"{text:34} min {out[name]['min_ms']:8.1f}  median {out[name]['median_ms']:8.1f}  p99 {out[name]['p99_ms']:8.1f}")
print(f"rounds with a packet after the acknowledgement: {out['after_acknowledgement']}")
print("json " + json.dumps(out))
PY
