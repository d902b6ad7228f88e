# SPDX-License-Identifier: Apache-2.0
# Who drains a relay, and what ends it: the server's word, which is kept over restarts, and a signal, which the server does
# not take back. With a server of its own beside the router. Sourced by tests/netns/relay.sh, whose functions it uses.
# shellcheck shell=bash disable=SC2154

server=10.9.9.254:8443
has_server() { [ -s "$tmp/server/admin.token" ] && in_ns router bash -c 'exec 3<>/dev/tcp/127.0.0.1/8443' 2> /dev/null; }
start_server() {
	mkdir -p -m 700 "$tmp/server"
	nsenter --net=/run/netns/"$prefix-router" "$bin/mesh-server" --listen 0.0.0.0:8443 --http-listen 127.0.0.1:9443 --state-dir "$tmp/server" >> "$tmp/server.log" 2>&1 &
	server_pid=$!
	wait_until has_server || { cat "$tmp/server.log"; return 1; }
}
admin() { in_ns router env KERNMESH_SERVER=127.0.0.1:8443 KERNMESH_TOKEN="$(cat "$tmp/server/admin.token")" "$bin/meshadm" "$@"; }
is_online() { admin --json relay show r1 | jq -e .relay.online > /dev/null; }
is_not_draining() { [ "$(metric kernmesh_relay_draining)" = 0 ]; }
has_heard() { [ "$(cat "$tmp/state/drain")" = "$1" ]; }
lets_nobody_in() { talk v4 v4 148 2>&1 | grep "refuses to bind"; }

rm -rf "$tmp/state"; start_server || exit 1
relay_key=$(admin --json key create --relay | jq -r .secret)
start_relay --interface none --server $server --key "$relay_key" --name r1 || exit 1
check "a relay of a server" wait_until is_online
check "lets clients in" talk v4 v4 148
admin relay drain r1 > /dev/null
check "drains when the server wants it" wait_until is_draining
stop_relay; kill -KILL $server_pid; wait $server_pid 2>/dev/null; server_pid=
start_relay --interface none --server $server --name r1 || exit 1
check "restarted while the server is away: drains" is_draining
check "and lets nobody in" lets_nobody_in
start_server || exit 1
admin relay drain --undo r1 > /dev/null
check "the server takes it back" wait_until is_not_draining
check "and clients come in" talk v4 v4 148

kill -USR1 "$relay_pid"; check "a signal drains it" wait_until is_draining
admin relay drain r1 > /dev/null; check "then the server wants it, too" wait_until has_heard yes
admin relay drain --undo r1 > /dev/null; check "and no longer" wait_until has_heard no
check "what the signal wants goes on" lets_nobody_in
check "as the page says" is_draining
stop_relay; start_relay --interface none --server $server --name r1 || exit 1
check "until a restart" is_not_draining
stop_relay; kill $server_pid; wait $server_pid 2>/dev/null; server_pid=; rm -rf "$tmp/state"
