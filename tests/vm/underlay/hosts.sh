# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts of this folder and by benchmarks: two hosts with kernel WireGuard over the virtual underlay.
#
#   ua|a --- r --- b|ub     a, b: hosts; ua, ub: their private namespaces; r: a router
#      `----------'         a second, direct link between the hosts
#
# Host N has mesh address 100.64.0.N and fd64::N; seen from the other one its WireGuard is 240.0.0.N:$synth_port.
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd); driver=$repo/build/bin/underlay-driver
. "$repo/tests/vm/check.sh"
public_port=4242 synth_port=1 wg_port=2 relay_port=3479 tmp=$(mktemp -d)
declare -A number=([a]=1 [b]=2) other=([a]=b [b]=a)

in_ns() { local n=$1; shift; nsenter --net=/run/netns/"$n" "$@"; }
drive() { local n=$1; shift; in_ns "$n" "$driver" "$n" "$@"; }
expect() { # NAME CONDITION(a command); $seen is printed
	local name=$1; shift
	if "$@"; then ok "$name" "$seen"; else not_ok "$name" "$seen"; fi
	seen=
}
is() { [ "$@" ]; }
wait_until() { # COMMAND...: true before 10 seconds have gone
	local end=$((SECONDS + 10)); until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.1; done
}
sniffs() { in_ns $1 ss -H --packet -p 2>/dev/null | grep -q tcpdump; }
wire() { # NS DEV ADDRESS6 ADDRESS4  NS DEV ADDRESS6 ADDRESS4
	ip link add "$2" netns "$1" type veth peer name "$6" netns "$5"
	ip -n "$1" addr add "$4" dev "$2"; ip -n "$5" addr add "$8" dev "$6"
	ip -n "$1" addr add "$3" dev "$2" nodad; ip -n "$5" addr add "$7" dev "$6" nodad
	ip -n "$1" link set "$2" up; ip -n "$5" link set "$6" up
}
namespaces() {
	local m n; for m in wireguard veth 8021q sch_ingress cls_bpf nf_tables nft_ct nft_chain_nat nft_masq nf_conntrack; do modprobe -q $m; done
	for n in a b r ua ub; do
		ip netns add $n; ip -n $n link set lo up
		in_ns $n sysctl -qw net.ipv4.conf.{all,default}.rp_filter=1 net.ipv6.conf.{all,default}.accept_dad=0
	done
	in_ns r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	wire r ra fd01::1/64 10.0.1.1/24 a va fd01::2/64 10.0.1.2/24; wire r rb fd02::1/64 10.0.2.1/24 b vb fd02::2/64 10.0.2.2/24
	wire a wa fd09::1/64 10.0.9.1/24 b wb fd09::2/64 10.0.9.2/24
	for n in a:1 b:2; do
		ip -n ${n%:*} route add default via 10.0.${n#*:}.1; ip -n ${n%:*} route add default via fd0${n#*:}::1
	done
}
mesh_host() { # NS: the interface is born in the private namespace, where its socket stays
	local n=$1 i=${number[$1]}
	(umask 077; wg genkey > $tmp/$n.key); wg pubkey < $tmp/$n.key > $tmp/$n.pub
	ip -n u$n link add mesh0 type wireguard; ip -n u$n link set mesh0 netns $n
	ip -n $n link add meshu0 address 02:00:00:00:00:01 type veth peer name under netns u$n address 02:00:00:00:00:02
	ip -n u$n link set under arp off up; ip -n u$n addr add 240.255.255.254/8 dev under; ip -n $n link set meshu0 arp off up
	in_ns $n wg set mesh0 private-key $tmp/$n.key listen-port $wg_port
	ip -n $n addr add 100.64.0.$i/10 dev mesh0; ip -n $n addr add fd64::$i/64 dev mesh0 nodad; ip -n $n link set mesh0 mtu 1408 up
	drive $n config meshu0 $public_port $synth_port $wg_port
	drive $n attach-out meshu0; for d in $2; do drive $n attach-in $d; done
	drive $n locals ${3}
}
mesh_peer() { # NS
	local p=${other[$1]}; local i=${number[$p]}
	in_ns $1 wg set mesh0 peer "$(cat $tmp/$p.pub)" allowed-ips 100.64.0.$i/32,fd64::$i/128 endpoint 240.0.0.$i:$synth_port
}
hosts() { namespaces; mesh_host a "va wa" "10.0.1.2 10.0.9.1 fd01::2 fd09::1"; mesh_host b "vb wb" "10.0.2.2 10.0.9.2 fd02::2 fd09::2"; mesh_peer a; mesh_peer b; }
rekey() { for n in a b; do in_ns $n wg set mesh0 peer "$(cat $tmp/${other[$n]}.pub)" remove; mesh_peer $n; done; }

# A path of both hosts: paths USE KIND [KIND], kinds: v4 v6 direct relay relay6; MTU in $mtu
mtu=1500
hop() { # NS KIND
	case $1/$2 in
	a/v4) echo va,10.0.1.2,10.0.2.2:$public_port,$mtu,0;; b/v4) echo vb,10.0.2.2,10.0.1.2:$public_port,$mtu,0;;
	a/v6) echo va,fd01::2,[fd02::2]:$public_port,$mtu,0;; b/v6) echo vb,fd02::2,[fd01::2]:$public_port,$mtu,0;;
	a/direct) echo wa,10.0.9.1,10.0.9.2:$public_port,$mtu,0;; b/direct) echo wb,10.0.9.2,10.0.9.1:$public_port,$mtu,0;;
	a/relay) echo va,10.0.1.2,10.0.1.1:$relay_port,$mtu,0xa1;; b/relay) echo vb,10.0.2.2,10.0.1.1:$relay_port,$mtu,0xb1;;
	a/relay6) echo va,fd01::2,[fd01::1]:$relay_port,$mtu,0xa1;; b/relay6) echo vb,fd02::2,[fd01::1]:$relay_port,$mtu,0xb1;;
	esac
}
paths() {
	drive a path 240.0.0.2 $1 "$(hop a $2)" "$([ -z "${3-}" ] || hop a $3)" & local first=$!
	drive b path 240.0.0.1 $1 "$(hop b $2)" "$([ -z "${3-}" ] || hop b $3)"; wait $first
}
sources() { # every address each host may be seen from
	local d; for d in 10.0.2.2 10.0.9.2 [fd02::2]; do drive a source 240.0.0.2 $d:$public_port 0; done
	for d in 10.0.1.2 10.0.9.1 [fd01::2]; do drive b source 240.0.0.1 $d:$public_port 0; done
	for d in 10.0.1.1 [fd01::1]; do drive a source 240.0.0.2 $d:$relay_port 0xa1; drive b source 240.0.0.1 $d:$relay_port 0xb1; done
}

endpoints() { for n in a b; do in_ns $n wg show mesh0 endpoints | cut -f2; done | tr '\n' ' '; }
synthetic() { [ "$(endpoints)" = "240.0.0.2:$synth_port 240.0.0.1:$synth_port " ]; }
handshakes() { for n in a b; do in_ns $n wg show mesh0 latest-handshakes | cut -f2; done | tr '\n' ' '; }
# Since BEFORE none but those that WireGuard makes of its own accord when a session is 120 s old (REKEY_AFTER_TIME).
only_timed_handshakes() { awk '{exit ($3 != $1 && $3 - $1 < 120) || ($4 != $2 && $4 - $2 < 120)}' <<< "$1 $(handshakes)"; }
count() { drive $1 counters $2; }
pings() { # NS COUNT [PING ARGUMENTS] -> received
	local n=$1 c=$2; shift 2; in_ns $n ping -q -c $c -i 0.02 -W 5 "$@" 100.64.0.${number[${other[$n]}]} 2>/dev/null | sed -n 's/.* \([0-9]*\) received.*/\1/p'
}
tunnel() { [ "$(pings a 1)" = 1 ]; }
settle() { pings a 3 > /dev/null; pings b 3 > /dev/null; } # a relay binds, a handshake that both began ends
both_ways() { # NAME [CONDITION...]: pings both ways, endpoints where they belong
	local name=$1 p q first; shift; pings a 10 > $tmp/pings & first=$!
	q=$(pings b 10); wait $first; p=$(cat $tmp/pings); seen="$p/10 $q/10 ${seen-}"
	expect "$name" eval '[ $p$q = 1010 ] && synthetic' "${@/#/&& }"
}
tcp() { # NS -> Mbit/s
	in_ns $1 timeout 20 iperf3 --connect-timeout 5000 -c 100.64.0.${number[${other[$1]}]} -t ${2:-1} -f m 2>&1 | awk '/receiver/{print int($7)}'
}
