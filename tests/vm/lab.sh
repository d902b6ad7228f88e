# SPDX-License-Identifier: Apache-2.0
# A small routed network of hosts for the demo and the VM suites, sourced by them: network namespaces, a server, agents.
# shellcheck shell=bash
#
#   server --.           alpha, beta, gamma: hosts with one interface, eth0, each on a subnet of its own
#   alpha  --+- router   addresses 10.77.N.2/24 and fd77:N::2/64, the router is .1 and ::1
#   beta   --+           server: N = 9, alpha: 1, beta: 2, gamma: 3
#   gamma  --'
# Names of namespaces start with $LAB_PREFIX. Everything else lives in $LAB, and lab_down takes all of it away.
set -u
LAB_PREFIX=${LAB_PREFIX:-km-}
LAB=${LAB:-$(mktemp -d /tmp/kernmesh-lab.XXXXXX)}
BIN=${BIN:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/bin}
SERVER=10.77.9.2:8443
LAB_PINS=/sys/fs/bpf/kernmesh
declare -A LAB_SUBNET=([alpha]=1 [beta]=2 [gamma]=3 [server]=9)
declare -A LAB_PID=()

in_ns() { local host=$1; shift; nsenter --net="/run/netns/$LAB_PREFIX$host" "$@"; }
ip_ns() { local host=$1; shift; ip -n "$LAB_PREFIX$host" "$@"; }

# Waits until a command succeeds: wait_for SECONDS COMMAND... The date is no measure of it: some tests set it.
wait_for() {
	local deadline=$(($(uptime_ms) + $1 * 1000)); shift
	until "$@" >/dev/null 2>&1; do
		[ "$(uptime_ms)" -lt "$deadline" ] || return 1
		read -rt 0.05 <> <(:) || :
	done
}
uptime_ms() { local up; read -r up _ < /proc/uptime; echo $((10#${up/./} * 10)); }

now_ms() { echo $(($(date +%s%N) / 1000000)); }

lab_host() { # NAME
	ip netns add "$LAB_PREFIX$1"
	ip_ns "$1" link set lo up
	lab_link "$1" 2
}

# The host's eth0, with that number in its subnet.
lab_link() { # NAME NUMBER
	local name=$1 n=${LAB_SUBNET[$1]}
	ip link add eth0 netns "$LAB_PREFIX$name" type veth peer name "to-$name" netns "${LAB_PREFIX}router"
	ip_ns router address add "10.77.$n.1/24" dev "to-$name"
	ip_ns router address add "fd77:$n::1/64" dev "to-$name" nodad
	ip_ns router link set "to-$name" up
	ip_ns "$name" address add "10.77.$n.$2/24" dev eth0
	ip_ns "$name" address add "fd77:$n::$2/64" dev eth0 nodad
	ip_ns "$name" link set eth0 up
	ip_ns "$name" route add default via "10.77.$n.1"
	ip_ns "$name" route add default via "fd77:$n::1"
}

lab_up() { # HOST...
	local module
	for module in wireguard veth sch_ingress cls_bpf 8021q; do modprobe -q "$module" 2>/dev/null || :; done
	ip netns add "${LAB_PREFIX}router"
	ip_ns router link set lo up
	in_ns router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	lab_host server
	local host
	for host in "$@"; do lab_host "$host"; done
}

start_server() {
	mkdir -p -m 700 "$LAB/server"
	# Not in_ns: in the background a function is a shell of its own, and a signal would reach that instead.
	nsenter --net="/run/netns/${LAB_PREFIX}server" "$BIN/mesh-server" --listen "${LAB_LISTEN:-0.0.0.0:8443}" --http-listen 127.0.0.1:9443 --state-dir "$LAB/server" \
		>> "$LAB/server.log" 2>&1 &
	LAB_PID[server]=$!
	wait_for 20 in_ns server bash -c 'exec 3<>/dev/tcp/127.0.0.1/8443' && [ -s "$LAB/server/admin.token" ]
}

# meshadm as the administrator, on the server's host.
admin() { in_ns server env KERNMESH_SERVER=127.0.0.1:8443 KERNMESH_TOKEN="$(cat "$LAB/server/admin.token")" "$BIN/meshadm" "$@"; }

start_agent() { # HOST [FLAGS...]; $LAB_AGENT: another build's name
	local host=$1; shift
	nsenter --net="/run/netns/$LAB_PREFIX$host" "$BIN/${LAB_AGENT:-mesh-agent}" --state-dir "$LAB/$host" --socket "$LAB/$host.sock" "$@" >> "$LAB/$host.log" 2>&1 &
	LAB_PID[$host]=$!
	wait_for 20 node "$host" --json status
}

# A server with a user, and in $key a join key of hers that every host may use.
start_network() {
	start_server && admin user create ada > /dev/null && key=$(admin --json key create --user ada --reusable | jq -r .secret)
}

# meshadm on a node.
node() { local host=$1; shift; in_ns "$host" "$BIN/meshadm" --socket "$LAB/$host.sock" "$@"; }

stop() { # SIGNAL NAME
	[ -n "${LAB_PID[$2]:-}" ] || return 0
	kill "-$1" "${LAB_PID[$2]}" 2>/dev/null
	wait "${LAB_PID[$2]}" 2>/dev/null
	unset "LAB_PID[$2]"
}

join() { # HOST KEY
	node "$1" up --server "$SERVER" --key "$2" --hostname "$1"
}

address_of() { # HOST -> its overlay IPv4 address
	node "$1" --json status | jq -r '.node.addresses[] | select(contains(":") | not)' | head -1
}

remove_relay() { in_ns "$1" "$BIN/mesh-relay" --instance "$1" --remove; } # NAME

# Fails, and says what, when an agent or a relay has left something behind.
lab_down() {
	local name host inode trace left=()
	for name in "${!LAB_PID[@]}"; do stop KILL "$name"; done
	for name in $(ip netns list | awk -v p="$LAB_PREFIX" 'index($1, p) == 1 {print $1}'); do
		host=${name#"$LAB_PREFIX"} inode=$(stat -Lc %i "/run/netns/$name")
		nsenter --net="/run/netns/$name" "$BIN/${LAB_AGENT:-mesh-agent}" --remove >/dev/null 2>&1 || :
		[ ! -d "$LAB_PINS/relay-$host" ] || remove_relay "$host" || :
		for trace in "$LAB_PINS/relay-$host" "$LAB_PINS/$inode-"* "/run/netns/kernmesh-$inode-"*; do [ ! -e "$trace" ] || left+=("$trace"); done
		ip netns delete "$name"
	done
	rm -rf "$LAB"
	[ ${#left[@]} = 0 ] || { echo "left behind: ${left[*]}"; return 1; }
}
