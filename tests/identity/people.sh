#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# People sign their machines in, all the way: a real mesh-server, real agents in network namespaces, a real OpenID provider,
# a real browser. Screenshots, terminals and logs go to build/test/people.
# usage: tests/identity/people.sh; wants root
# On a kernel without WireGuard the agents are nat-agent: mesh-agent with a stand-in for the driver (tests/nat).
set -u
here=$(dirname "$(readlink -f "$0")")
root=$(readlink -f "$here/../..")
LAB_PREFIX=kmpeople-
# shellcheck source=../vm/lab.sh
. "$root/tests/vm/lab.sh"
chromium=$(command -v chromium-headless-shell || command -v chromium) ||
	{ echo "people.sh: no Chromium: sudo ci/deps" >&2; exit 1; }
# Exactly what package-lock.json names, by its hashes; scripts of packages are not run.
if [ ! -e "$here/node_modules/.package-lock.json" ] || [ "$here/package-lock.json" -nt "$here/node_modules/.package-lock.json" ]; then
	(cd "$here" && npm ci --ignore-scripts --no-audit --no-fund) || exit 1
fi
LAB_AGENT=nat-agent
! unshare --net ip link add wgprobe type wireguard 2> /dev/null || LAB_AGENT=mesh-agent
clean_up() {
	local status=$?
	set +e
	lab_down || status=1
	exit $status
}
trap clean_up EXIT
LAB_SUBNET[delta]=4
lab_up alpha beta gamma delta
# For provider and pages; both are 127.0.0.1 on the server's host, which is the only one that asks for them.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=people -addext subjectAltName=IP:127.0.0.1 \
	-keyout "$LAB/web.key" -out "$LAB/web.crt" 2> /dev/null
# alpha's roots vouch for the server once it has made its authority, those of the others do not.
for host in alpha beta gamma delta; do
	roots=/etc/ssl/certs/ca-certificates.crt
	[ $host != alpha ] || roots=$LAB/server/ca.crt
	SSL_CERT_FILE=$roots start_agent $host --log-level trace --no-port-mapping || { echo "$host does not start"; tail "$LAB/$host.log"; exit 1; }
done
LAB=$LAB LAB_PREFIX=$LAB_PREFIX BIN=$BIN nsenter --net="/run/netns/${LAB_PREFIX}server" \
	node "$here/people.mjs" "$chromium" "$root/build/test/people"
