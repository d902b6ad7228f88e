# SPDX-License-Identifier: Apache-2.0
# Where the relay forwards: on the interfaces that default routes lead to unless somebody says otherwise, and what it does
# where that cannot be. Sourced by tests/netns/relay.sh, whose functions it uses; wan0's far end has GRO on.
# shellcheck shell=bash disable=SC2154

has_program() { in_ns relay ip link show "${1-wan0}" | grep -o 'prog/xdp.*'; }
has_none() { ! has_program "$@"; }
has_pins() { [ -n "$(find /sys/fs/bpf/kernmesh -name "relay-$prefix" 2>/dev/null)" ]; }
nothing_left() { has_none && ! has_pins; }
says() { grep -o "$1" "$tmp/log"; }
ready() { says "ready on UDP port 3478, $1, key"; }
in_userspace() { ready "forwards in userspace" && talk v4 v6 148; }
# Ends with an error that matches, and has changed nothing.
ends_with() {
	local pattern=$1; shift
	timeout 30 nsenter --net=/run/netns/"$prefix-relay" "$bin/mesh-relay" --instance "$prefix" --state-dir "$tmp/state" "$@" > "$tmp/log" 2>&1
	[ $? -eq 1 ] && says "$pattern" && nothing_left
}

start_relay --interface none || exit 1
check "--interface none: in userspace, and the log says so" in_userspace
check "and nothing in the kernel" nothing_left
stop_relay
resolve; start_relay || exit 1; resolve
check "without --interface: XDP where the default route leads, and the log says so" ready 'forwards in XDP on wan0 (native)'
check "the program is there" has_program
check "and forwards" in_kernel v4 v6 148
stop_relay
check "it stays when the daemon ends" has_program
start_relay || exit 1
check "the next one takes it over" says 'wan0: XDP mode native (taken over from an earlier run)'
stop_relay; start_relay --interface none || exit 1
check "--interface none takes an earlier run's program away" nothing_left
check "and its clients go on in userspace" in_userspace
# The daemon is away for a bit more than 0.3 of 10 s. If nobody went on after it, a third would arrive.
restart_under_traffic TERM none 10
loses_no_more() { echo "$(cat "$tmp/talk"), at the worse end $(share "$tmp/talk") of 1000"; [ "$(share "$tmp/talk")" -ge 600 ]; }
check "restarted in userspace: only what comes meanwhile is lost" loses_no_more
stop_relay

ip link add wan1 netns "$prefix-relay" type veth peer name torelay1 netns "$prefix-router"
in_ns relay ip link set wan1 up; in_ns router ip link set torelay1 up
in_ns relay ip addr add 10.9.8.1/24 dev wan1; in_ns relay ip addr add fd09:8::1/64 dev wan1 nodad
in_ns relay ip route add default via 10.9.8.254 metric 200; resolve; start_relay || exit 1
check "two default routes, one to a host that is silent: XDP on the other" ready 'forwards in XDP on wan0 (native), in userspace on wan1'
check "with a warning" says ' warning wan1: no XDP, no frame came back from 10.9.8.254'
check "and a metric" [ "$(metric 'kernmesh_relay_interface{interface="wan1",mode="none"}')" = 1 ]
stop_relay; in_ns relay "$bin/mesh-relay" --instance "$prefix" --remove
check "the silent one by name: an error" ends_with 'cannot forward in XDP on wan1: no frame came back' --interface wan0 --interface wan1
# The far end's GRO is off, so wan1 can only be generic, and takes nothing that wan0 redirects natively.
in_ns router ip addr add 10.9.8.254/24 dev torelay1; in_ns router ethtool -K torelay1 gro off > /dev/null
in_ns relay ip route add 10.9.2.0/24 via 10.9.8.254 dev wan1; in_ns relay ping -c 1 -W 1 10.9.8.254 > /dev/null
at[wan1]=10.9.8.1:3478
resolve; start_relay --interface wan0 --interface wan1 || exit 1; resolve
check "a native interface and a generic one" ready 'forwards in XDP on wan0 (native), wan1 (generic)'
both_carry() { offload "$1"; talk v4 wan1 148; local status=$?; offload on; return $status; }
check "data crosses between the two, both ways" both_carry off
check "also with unfilled checksums" both_carry on
goes_up() { [ "$(metric 'kernmesh_relay_packets_total{reason="up_port"}')" -ge 100 ]; }
check "from the native to the generic one by the daemon" wait_until goes_up
stop_relay; in_ns relay "$bin/mesh-relay" --instance "$prefix" --remove
in_ns relay ip link del wan1
check "one that does not exist: an error" ends_with 'cannot forward in XDP on nosuch0: no such interface' --interface nosuch0
check "none beside another: an error" ends_with 'goes with no other interface' --interface none --interface wan0

in_ns relay "$bin/relay-driver" attach-pass wan0
start_relay || exit 1
check "somebody else's program on the interface: a warning" says ' warning wan0: no XDP, .*has another XDP program'
check "userspace" in_userspace
check "and it stays there" has_program
stop_relay; start_relay --interface wan0 || exit 1
check "the same when the interface was named" in_userspace
stop_relay; in_ns relay "$bin/relay-driver" detach-pass

in_ns relay ip route del default; in_ns relay ip route add 10.9.0.0/16 via 10.9.9.254
resolve; start_relay || exit 1; resolve
check "a default route of IPv6 alone counts" ready 'forwards in XDP on wan0 ([a-z]*)'
stop_relay; in_ns relay "$bin/mesh-relay" --instance "$prefix" --remove
in_ns relay ip -6 route del default; in_ns relay ip -6 route add fd09::/16 via fd09:9::254
start_relay || exit 1
check "no default route: in userspace" in_userspace
check "and nothing in the kernel" nothing_left
stop_relay
in_ns relay ip route add default via 10.9.9.254; in_ns relay ip -6 route add default via fd09:9::254

# What becomes of wan0 while the relay runs. Its far end has GRO, so that a native program can send back to it.
resolve; start_relay || exit 1; resolve
in_ns relay ip link set dev wan0 xdp off
check "a program that somebody took off comes back" wait_until has_program
offload off # generic mode, should it come to that, hands up what a socket leaves to a device
check "and forwards" in_kernel v4 v6 148
in_ns relay ip link del wan0
carries_again() { [ "$(metric 'kernmesh_relay_interface{interface="wan0",mode="native"}')$(metric 'kernmesh_relay_interface{interface="wan0",mode="generic"}')" = 1 ]; }
gone() { [ "$(metric 'kernmesh_relay_interface{interface="wan0",mode="none"}')" = 1 ]; }
check "an interface that vanishes: the metric says so" wait_until gone
link relay 9; in_ns router ethtool -K torelay gro on > /dev/null; resolve
check "when it is back the program is on it" wait_until has_program
check "and forwards again" in_kernel v4 v6 148
check "the metric says so" wait_until carries_again
offload on
stop_relay; in_ns relay "$bin/mesh-relay" --instance "$prefix" --remove
