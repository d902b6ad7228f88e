#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mesh-relay between two clients in namespaces of the test's own, over veth pairs and a router: native and generic XDP,
# with checksums that senders fill or leave to a device, and receivers that verify them. Wants root.
# Ends with "N passed, M failed".
set -u
here=$(dirname "$(readlink -f "$0")"); repo=$here/../..
. "$repo/tests/vm/check.sh"
bin=$repo/build/bin prefix=kmrelay$$ tmp=$(mktemp -d) relay_pid= server_pid= coturn=
page=127.0.0.1:9478

in_ns() { local n=$1; shift; nsenter --net=/run/netns/"$prefix-$n" "$@"; }
stop_relay() { [ -z "$relay_pid" ] || { kill "${1--TERM}" "$relay_pid" 2>/dev/null; wait "$relay_pid" 2>/dev/null; relay_pid=; }; }
clean_up() {
	stop_relay; [ -z "$coturn" ] || kill "$coturn" 2>/dev/null
	[ -z "$server_pid" ] || kill "$server_pid" 2>/dev/null
	in_ns relay "$bin/mesh-relay" --instance "$prefix" --remove 2>/dev/null
	in_ns router "$bin/relay-driver" detach-pass 2>/dev/null
	local n; for n in relay router a b c; do ip netns del "$prefix-$n" 2>/dev/null; done
	rm -rf "$tmp"
}
trap clean_up EXIT
wait_until() { local end=$((SECONDS + 30)); until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.05; done; }

link() { # NAME NUMBER: a namespace behind the router, 10.9.NUMBER.1 and fd09:NUMBER::1 there, .254 and ::254 the router
	local n=$1 i=$2
	ip link add wan0 netns "$prefix-$n" type veth peer name "to$n" netns "$prefix-router"
	in_ns "$n" ip link set lo up; in_ns "$n" ip link set wan0 up; in_ns router ip link set "to$n" up
	in_ns "$n" ip addr add 10.9."$i".1/24 dev wan0; in_ns router ip addr add 10.9."$i".254/24 dev "to$n"
	in_ns "$n" ip addr add fd09:"$i"::1/64 dev wan0 nodad; in_ns router ip addr add fd09:"$i"::254/64 dev "to$n" nodad
	in_ns "$n" ip route add default via 10.9."$i".254; in_ns "$n" ip -6 route add default via fd09:"$i"::254
}
for n in relay router a b c; do ip netns add "$prefix-$n"; done
in_ns router ip link set lo up
link relay 9; link a 1; link b 2; link c 3
in_ns router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
"$bin/relay-driver" ticket-key > "$tmp/ticket.pub"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=relay -keyout "$tmp/tls.key" -out "$tmp/tls.crt" 2>/dev/null

start_relay() { # ARGUMENTS
	: > "$tmp/log" # the shell's own truncation comes later than the first look below
	nsenter --net=/run/netns/"$prefix-relay" "$bin/mesh-relay" --instance "$prefix" --state-dir "$tmp/state" --ticket-key "$tmp/ticket.pub" \
		--listen-tls 443 --tls-cert "$tmp/tls.crt" --tls-key "$tmp/tls.key" --http-listen $page "$@" > "$tmp/log" 2>&1 &
	relay_pid=$!
	wait_until grep -q "ready on" "$tmp/log" || { cat "$tmp/log"; return 1; }
	key=$(sed -n 's/.*key \([^ ]*\)$/\1/p' "$tmp/log")
}
mode() { sed -n 's/.*wan0: XDP mode \([a-z]*\) (.*/\1/p' "$tmp/log" | tail -1; }
metric() { in_ns relay curl -s "http://$page/metrics" | awk -v name="$1" '$1 == name {print $2}'; }
kernel_count() { echo $(($(metric 'kernmesh_relay_packets_total{reason="sent_back"}') + $(metric 'kernmesh_relay_packets_total{reason="redirected"}'))); }

declare -A at=([v4]=10.9.9.1:3478 [v6]='[fd09:9::1]:3478' [tls]=10.9.9.1:443)
talk() { # FAMILY_A FAMILY_B SIZE [SECONDS]: all messages arrive whole, both ways
	local carrier_a=udp carrier_b=udp
	[ "$1" = tls ] && carrier_a=tls; [ "$2" = tls ] && carrier_b=tls
	"$bin/relay-driver" talk "$key" "$prefix-a,$carrier_a,${at[$1]}" "$prefix-b,$carrier_b,${at[$2]}" "${4-0.4}" "$3"
}
in_kernel() { # FAMILY_A FAMILY_B SIZE: and all but the first few of it in the kernel
	local before seen all; before=$(kernel_count)
	seen=$(talk "$@") || { echo "$seen"; return 1; }
	all=$(sed 's/.*A>B \([0-9]*\).*B>A \([0-9]*\).*/\1 + \2/' <<< "$seen")
	has_carried() { carried=$(($(kernel_count) - before)); [ $carried -ge $((all - 4)) ]; }
	local carried status; wait_until has_carried; status=$? # the page is renewed once a second
	echo "$seen, $carried in the kernel"; return $status
}
offload() { local n; for n in a b; do in_ns $n ethtool -K wan0 tx "$1" > /dev/null; done; }
all_ways() { # WHAT CHECK
	local pair sums
	for sums in on off; do
		offload $sums
		for pair in "v4 v4" "v6 v6" "v4 v6" "v6 v4"; do
			# shellcheck disable=SC2086
			check "$1: ${pair/ / to }, sender's checksum offload $sums" "$2" $pair 148
		done
	done
	offload on
}
# RFC 8489 by somebody else's client. It prints the address that it was told.
stun() { in_ns "$1" turnutils_stunclient -p 3478 "$2" 2>&1 | tee "$tmp/stun"; grep -q "reflexive addr: $3" "$tmp/stun"; }
stun_both() { stun a 10.9.9.1 10.9.1.1: && stun b fd09:9::1 "\\[\\?fd09:2::1"; }
# And our client asks somebody else's server.
coturn_answers() {
	nsenter --net=/run/netns/"$prefix-router" turnserver -n --stun-only --no-cli --no-tls --no-dtls --listening-ip 10.9.9.254 \
		--listening-ip fd09:9::254 --listening-port 3479 --pidfile "$tmp/coturn.pid" --log-file "$tmp/coturn.log" --simple-log > /dev/null 2>&1 &
	coturn=$!
	wait_until has_answered
}
has_answered() { [[ $(in_ns a "$bin/relay-driver" stun 10.9.9.254:3479) == 10.9.1.1:* && $(in_ns b "$bin/relay-driver" stun '[fd09:9::254]:3479') == '[fd09:2::1]:'* ]]; }
resolve() { in_ns relay ping -c 1 -W 1 10.9.9.254 > /dev/null; in_ns relay ping -c 1 -W 1 fd09:9::254 > /dev/null; }
is_mode() { mode; [ "$(mode)" = "$1" ]; }

echo "kernel $(uname -r)"
in_ns router ethtool -K torelay gro off > /dev/null

start_relay --interface none || exit 1
check "without XDP the daemon forwards alone" talk v4 v6 148
check "and answers coturn's STUN client" stun_both
coturn_answers; check "our STUN client is answered by coturn, IPv4 and IPv6" has_answered; kill $coturn; wait $coturn 2>/dev/null; coturn=
check "a client on TLS and one on UDP" talk tls v6 148
check "two clients on TLS" talk tls tls 1200
check "a connection that its client has left for another ends" "$bin/relay-driver" leave "$key" "$prefix-a,tls,${at[tls]}"
check "messages of 1400 bytes" talk v4 v4 1400
is_draining() { [ "$(metric kernmesh_relay_draining)" = 1 ]; }
kill -USR1 "$relay_pid"; check "SIGUSR1 drains" wait_until is_draining
kill -TERM "$relay_pid"; wait "$relay_pid"; check "SIGTERM ends it well" [ $? = 0 ]; relay_pid=

resolve; start_relay --interface wan0 || exit 1; resolve
check "far end without NAPI: the self-test falls back to generic XDP" is_mode generic
# What a socket leaves to a device is handed up in generic mode, so only filled checksums stay in the kernel.
offload off
for pair in "v4 v4" "v6 v6" "v4 v6" "v6 v4"; do
	# shellcheck disable=SC2086
	check "generic: ${pair/ / to } in the kernel" in_kernel $pair 148
done
offload on; check "generic: unfilled checksums arrive right, too" talk v4 v6 148
check "generic: coturn's STUN client" stun_both
stop_relay; in_ns relay "$bin/mesh-relay" --instance "$prefix" --remove

in_ns router ethtool -K torelay gro on > /dev/null; resolve
start_relay --interface wan0 || exit 1; resolve
check "far end with GRO: native XDP" is_mode native
all_ways "native, redirect" in_kernel
check "native, redirect: coturn's STUN client" stun_both
stop_relay; in_ns relay "$bin/mesh-relay" --instance "$prefix" --remove

in_ns router "$bin/relay-driver" attach-pass torelay; resolve
start_relay --interface wan0 || exit 1; resolve
check "far end with an XDP program: native XDP" is_mode native
all_ways "native, XDP_TX" in_kernel
check "native, XDP_TX: coturn's STUN client" stun_both
check "a client on TLS and one whose data XDP hands up" talk tls v4 148

# The daemon ends and another one starts while two clients talk.
between() { :; } # What happens meanwhile.
restart_under_traffic() { # TERM|KILL INTERFACE [SECONDS]
	local talking status; talk v4 v6 148 "${3-6}" > "$tmp/talk" & talking=$!
	# Clients talk for a while before, without a daemon, and after: spans of time, there is nothing to wait for.
	sleep 4; stop_relay "-$1"; between; sleep 0.3; start_relay --interface "$2" || return 1
	wait $talking; status=$?; return $status
}
reported() { cat "$tmp/talk"; return "$1"; }
# Not inside check, whose subshell would keep the new daemon's number to itself.
restart_under_traffic TERM wan0; check "nothing is lost when the daemon is restarted" reported $?
check "the new one goes on with its clients" [ "$(metric kernmesh_relay_clients)" -ge 2 ]
restart_under_traffic KILL wan0; check "nothing is lost when it is killed" reported $?
stop_relay
. "$here/relay/flood.sh"
in_ns relay "$bin/mesh-relay" --instance "$prefix" --remove
in_ns router "$bin/relay-driver" detach-pass; in_ns router ethtool -K torelay gro on > /dev/null
. "$here/relay/interfaces.sh"
. "$here/relay/layouts.sh"
. "$here/relay/drain.sh"
start_relay || exit 1; stop_relay; in_ns relay "$bin/mesh-relay" --instance "$prefix" --remove
check "--remove leaves no program" [ -z "$(in_ns relay ip link show wan0 | grep -o 'prog/xdp')" ]
check "and no pin" [ -z "$(find /sys/fs/bpf/kernmesh -name "relay-$prefix" 2>/dev/null)" ]
check_summary
