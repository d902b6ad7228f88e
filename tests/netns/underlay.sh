#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The underlay's programs on the running kernel, between two hosts in namespaces of the test's own. The kernel may lack
# WireGuard: a stand-in sends what has its shape. Wants root. Ends with "N passed, M failed".
set -u
here=$(dirname "$(readlink -f "$0")"); repo=$here/../..
. "$repo/tests/vm/check.sh"
driver=$repo/build/bin/underlay-driver prefix=kernmesh-underlay-$$ tmp=$(mktemp -d)
public_port=4242 synth_port=1 wg_port=2
declare -A number=([a]=1 [b]=2) other=([a]=b [b]=a)

in_ns() { local n=$1; shift; nsenter --net=/run/netns/"$prefix-$n" "$@"; }
drive() { local n=$1; shift; in_ns "$n" "$driver" "$prefix-$n" "$@"; }
clean_up() {
	local n
	for n in a b; do [ ! -e /run/netns/"$prefix-$n" ] || drive $n remove; done
	for n in a b ua ub; do ip netns del "$prefix-$n" 2>/dev/null; done
	rm -rf "$tmp"
}
trap clean_up EXIT

host() { # NAME: the veth to the private namespace, the programs, who is where
	local n=$1 i=${number[$1]} p=${number[${other[$1]}]} in="nsenter --net=/run/netns/$prefix-$1"
	$in ip link add meshu0 address 02:00:00:00:00:01 type veth peer name under netns "$prefix-u$n" address 02:00:00:00:00:02
	in_ns u$n ip link set under arp off up; in_ns u$n ip addr add 240.255.255.254/8 dev under; $in ip link set meshu0 arp off up
	$in sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.uplink.rp_filter=1 net.ipv4.conf.meshu0.rp_filter=1
	drive $n config meshu0 $public_port $synth_port $wg_port; drive $n attach-out meshu0; drive $n attach-in uplink
	drive $n locals 10.0.1.$i fd01::$i
	drive $n source 240.0.0.$p 10.0.1.$p:$public_port 0; drive $n source 240.0.0.$p "[fd01::$p]:$public_port" 0
}
path() { # NAME v4|v6
	local i=${number[$1]} p=${number[${other[$1]}]}
	case $2 in v4) drive $1 path 240.0.0.$p 1 uplink,10.0.1.$i,10.0.1.$p:$public_port,1500,0;; v6) drive $1 path 240.0.0.$p 1 "uplink,fd01::$i,[fd01::$p]:$public_port,1500,0";; esac
}
hears() { in_ns u$1 ss -Hlun "sport = :$wg_port" | grep -q .; }
wait_until() { local end=$((SECONDS + 10)); until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.05; done; }

# carried FROM TYPE COUNT WANTED [INDEX]: what the other host's stand-in gets of COUNT messages; WANTED is what it prints
carried() {
	local n=$1 to=${other[$1]} seconds=5 listener; [ "$4" = "0 whole from" ] && seconds=3
	in_ns u$to python3 "$here/stand_in.py" receive $wg_port $3 $seconds > "$tmp/heard" & listener=$!
	wait_until hears $to || return 1
	in_ns u$n python3 "$here/stand_in.py" send $wg_port 240.0.0.${number[$to]} $synth_port $2 $3 ${5-7}
	wait $listener; cat "$tmp/heard"; [ "$(cat "$tmp/heard")" = "$4" ]
}
both() { # TYPE
	carried a $1 20 "20 whole from 240.0.0.1:$synth_port" && carried b $1 20 "20 whole from 240.0.0.2:$synth_port"
}
count() { drive $1 counters $2; }
rises() { # NAME COUNTER BY COMMAND...: the command succeeds and the counter rises by so much
	local n=$1 c=$2 by=$3 before; shift 3; before=$(count $n $c)
	"$@" && echo "$c +$(($(count $n $c) - before))" && [ $(($(count $n $c) - before)) = "$by" ]
}
forged() { # from the other host's own socket, with any source port but the public one
	local listener
	in_ns ua python3 "$here/stand_in.py" receive $wg_port 1 3 > "$tmp/heard" & listener=$!
	wait_until hears a || return 1
	local type; for type in 1 2 3 4; do
		in_ns b python3 "$here/stand_in.py" send 5555 10.0.1.1 $public_port $type 5 424242
		in_ns b python3 "$here/stand_in.py" send 5555 10.0.1.1 $wg_port $type 5 424242
	done
	wait $listener; cat "$tmp/heard"; [ "$(cat "$tmp/heard")" = "0 whole from" ]
}

echo "kernel $(uname -r)"
for n in a b ua ub; do ip netns add "$prefix-$n"; in_ns $n ip link set lo up; done
ip link add uplink netns "$prefix-a" type veth peer name uplink netns "$prefix-b"
for n in a b; do
	in_ns $n ip addr add 10.0.1.${number[$n]}/24 dev uplink; in_ns $n ip addr add fd01::${number[$n]}/64 dev uplink nodad
	in_ns $n ip link set uplink up; host $n
done
check "without a path nothing leaves, and it is counted" rises a out_no_path 5 carried a 4 5 "0 whole from"
for kind in v4 v6; do
	path a $kind; path b $kind
	for type in 1 2 3 4; do check "messages of type $type pass both ways over IP$kind" both $type; done
done
for n in a b; do in_ns u$n ethtool -K under tx off > /dev/null; done
path a v4; path b v4; check "with checksums that the sender has filled: IPv4" both 4
path a v6; path b v6; check "with checksums that the sender has filled: IPv6" both 4
path a v4; path b v4
check "nothing passes from another port of the peer's address" rises a in_unknown_initiation 5 forged
drive b unsource 10.0.1.1:$public_port
check "data from an address that is nobody's does not pass" rises b in_unknown_data 5 carried a 4 5 "0 whole from" 99
check "nor does an initiation" rises b in_unknown_initiation 5 carried a 1 5 "0 whole from" 99
check "which is reported with its address" grep -q "10.0.1.1:$public_port -> 10.0.1.2" <<< "$(drive b events)"
# tcx is not in older tools' lists, so: the programs that use our maps, by id.
attached() {
	local pin; for pin in /sys/fs/bpf/kernmesh/"$prefix"-*/*/config; do bpftool map show pinned "$pin" | sed -n 's/^\([0-9]*\):.*/\1/p'; done > "$tmp/maps"
	bpftool -j prog show | python3 -c 'import json, sys
ours = {int(line) for line in open(sys.argv[1])}
print(*[p["id"] for p in json.load(sys.stdin) if ours & set(p.get("map_ids", []))])' "$tmp/maps"
}
gone() { local id; for id in "$@"; do ! bpftool prog show id $id > /dev/null 2>&1 || return 1; done; }
programs=$(attached)
check "four programs are attached" [ "$(wc -w <<< "$programs")" = 4 ]
in_ns a ip link del meshu0
for n in a b; do drive $n remove; done
check "remove leaves no program" wait_until gone $programs
check "and no pin" [ -z "$(find /sys/fs/bpf/kernmesh -name "$prefix-*" 2>/dev/null)" ]
check_summary
