#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every kind of NAT against every other, between real agents: a server, three relays, two nodes of each kind, each behind
# a box of its own. tests/nat/matrix.py has the kinds, sends, and says which pairs must be direct and which relayed.
# usage: tests/nat/matrix.sh [--keep-logs FOLDER] [--moves] [KIND...]      only pairs of these kinds, and no moves
# unless asked for; wants root
# On a kernel without WireGuard the agents are nat-agent: mesh-agent with a stand-in for the driver (nat/tunnel.h).
# Prints the table that was seen; ends with "N passed, M failed".
set -u
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
LAB_PREFIX=kmnat- LAB_LISTEN='[::]:8443'
logs=
[ "${1-}" != --keep-logs ] || { logs=$2; shift 2; }
# shellcheck source=../vm/lab.sh
. "$root/tests/vm/lab.sh"
# shellcheck source=../vm/mesh/relay.sh
. "$root/tests/vm/mesh/relay.sh"
modprobe -qa wireguard tun nf_tables nft_chain_nat nft_masq nft_ct 2> /dev/null || :
LAB_AGENT=nat-agent
! unshare --net ip link add wgprobe type wireguard 2> /dev/null || LAB_AGENT=mesh-agent
clean_up() {
	local status=$?
	set +e
	[ -z "$logs" ] || { mkdir -p "$logs"; cp "$LAB"/*.log "$logs"; }
	lab_down || status=1
	exit $status
}
trap clean_up EXIT
# shellcheck source=boxes.sh
. "$root/tests/nat/boxes.sh"
LAB_SUBNET[relay3]=7

# Linux's own, as home routers have it: what nobody asked for is dropped.
masquerade() { # BOX
	in_ns "$1" nft 'table ip home { chain out { type nat hook postrouting priority 100; oifname eth0 masquerade; };
		chain in { type filter hook input priority 0; policy accept; iifname eth0 ct state new drop; };
		chain through { type filter hook forward priority 0; policy accept; iifname eth0 ct state new drop; }; }'
}

# The flags of nat-box for a kind; matrix.py says what each one is.
box_flags() { # KIND
	case $1 in
	cone) echo --mapping none --filtering none --ports kept --loss 0.3 --delay 20 --jitter 500 --reordered 0.1;;
	addr) echo --mapping none --filtering address --ports random;;
	port | double) echo --mapping none --filtering port --ports kept;;
	keep) echo --mapping port --filtering port --ports kept;;
	seq) echo --mapping port --filtering port --ports sequential;;
	rand) echo --mapping port --filtering port --ports random;;
	each) echo --mapping address --filtering address --ports random;;
	block | forged) echo --mapping none --filtering none --ports kept --block-udp;;
	esac
}
carrier_up() { # FLAGS...: one provider's NAT for both nodes of the kind "double"
	translate carrier 10.77.19 "lan0 lan1" --mapping none --filtering port --ports random "$@"
}
carrier_host() {
	box_host carrier 19
	local n side
	for side in a b; do
		n=$([ $side = a ] && echo 0 || echo 1)
		behind carrier "lan$n" "box-double$side" "10.99.$n" 2
		forwarding "box-double$side"
		ip_ns carrier route add "10.99.$n.96/28" via "10.99.$n.2"
	done
	carrier_up
}
node_host() { # KIND SIDE NUMBER
	local node=$1$2 box=box-$1$2
	case $1 in
	public | six)
		LAB_SUBNET[$node]=$3; lab_host "$node"
		[ "$1" = public ] || ip_ns "$node" -4 address flush dev eth0
		return;;
	double)
		[ "$2" = b ] || carrier_host || return 1
		home "$node" "$3" "$box"
		# shellcheck disable=SC2046
		translate "$box" "10.99.$([ "$2" = a ] && echo 0 || echo 1)" lan0 $(box_flags "$1")
		return;;
	esac
	box_host "$box" "$3"
	home "$node" "$3" "$box"
	# shellcheck disable=SC2046
	if [ "$1" = masq ]; then masquerade "$box"; else translate "$box" "10.77.$3" lan0 $(box_flags "$1"); fi
	[ "$1" != forged ] || forge "$box"
}
# In front of a node somebody has the relays' addresses, and a certificate of his own.
forge() { # BOX
	local relay
	for relay in relay1 relay2 relay3; do ip_ns "$1" address add "10.77.${LAB_SUBNET[$relay]}.2/32" dev lo; done
	nsenter --net="/run/netns/$LAB_PREFIX$1" openssl s_server -quiet -accept 443 -cert "$LAB/forged.crt" -key "$LAB/forged.key" > /dev/null 2>&1 &
	LAB_PID[$1-forger]=$!
}
# One more behind a box: its port becomes one of a bridge.
neighbour() { # NODE BOX
	local address; address=$(ip_ns "$2" -4 -o address show dev lan0 | awk '{print $4}')
	ip_ns "$2" link add lan type bridge
	behind "$2" lan1 "$1" "${address%.1/24}" 200
	for port in lan0 lan1; do ip_ns "$2" address flush dev "$port"; ip_ns "$2" link set "$port" master lan; done
	ip_ns "$2" address add "$address" dev lan; ip_ns "$2" link set lan up
	ip_ns "$2" rule add iif lan lookup 100
}
launch() { # NODE: start_agent, without waiting
	nsenter --net="/run/netns/$LAB_PREFIX$1" "$BIN/$LAB_AGENT" --state-dir "$LAB/$1" --socket "$LAB/$1.sock" >> "$LAB/$1.log" 2>&1 &
	LAB_PID[$1]=$!
}
join_from() { # NODE
	local SERVER=$SERVER
	[[ $1 != six* ]] || SERVER='[fd77:9::2]:8443'
	wait_for 30 node "$1" --json status && join "$1" "$key" > "$LAB/$1.joined" 2>&1
}

mapfile -t kinds < <(python3 "$root/tests/nat/matrix.py" kinds "$@") && [ ${#kinds[@]} -gt 0 ] || exit 2
began=$SECONDS
lab_up
start_network || { echo "no server"; tail "$LAB/server.log"; exit 1; }
echo '{"acls": []}' > "$LAB/nobody.hujson"
admin policy set "$LAB/nobody.hujson" > /dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=relay -keyout "$LAB/forged.key" -out "$LAB/forged.crt" 2> /dev/null
relay_key=$(admin --json key create --relay --reusable | jq -r .secret)
for relay in relay1 relay2 relay3; do relay_host "$relay" "$relay_key" || { echo "$relay does not start"; tail "$LAB/$relay.log"; exit 1; }; done
for relay in relay1 relay2 relay3; do
	nsenter --net="/run/netns/${LAB_PREFIX}router" python3 "$root/tests/vm/sniff.py" "to-$relay" "$LAB/$relay.sniffed" no-word-at-all &
	LAB_PID[$relay-sniffer]=$!
done
number=20 nodes=()
for kind in "${kinds[@]}"; do
	for side in a b; do
		node_host "$kind" "$side" $number || { echo "no box for $kind$side"; exit 1; }
		nodes+=("$kind$side"); number=$((number + 1))
	done
done
# With all kinds, for the moves.
if [ $# = 0 ]; then neighbour keepc box-keepa; nodes+=(keepc); fi
for node in "${nodes[@]}"; do launch "$node"; done
joining=()
for node in "${nodes[@]}"; do join_from "$node" & joining+=($!); done
for pid in "${joining[@]}"; do wait "$pid"; done
cat "$LAB"/*.joined | grep -i error
echo "kernel $(uname -r), $LAB_AGENT: ${#nodes[@]} nodes up after $((SECONDS - began)) s"
# The carrier starts anew, with a hairpin, when matrix.py asks for it.
restart_carrier() { stop TERM carrier; carrier_up --hairpin; }
trap restart_carrier USR1
LAB=$LAB LAB_PREFIX=$LAB_PREFIX BIN=$BIN MATRIX_SHELL=$$ python3 "$root/tests/nat/matrix.py" run "$@" &
driver=$!
while kill -0 $driver 2> /dev/null; do wait $driver; status=$?; done
exit "$status"
