# SPDX-License-Identifier: Apache-2.0
# What becomes of a relay's program when the next version's maps have another layout, so that none of them goes on. A relay
# of another version is played by this one, whose pins are moved to that version's folder. Sourced by tests/netns/relay.sh
# after interfaces.sh, whose functions it uses.
# shellcheck shell=bash disable=SC2154

pins=/sys/fs/bpf/kernmesh/relay-$prefix
is_of_version() { [ "$(ls "$pins")" = "$1" ]; }
in_ns router "$bin/relay-driver" attach-pass torelay
resolve; start_relay --interface wan0 || exit 1; stop_relay
present=$(ls "$pins")
become() { mv "$pins/$present" "$pins/$1"; }
program_id() { in_ns relay ip -d link show "${1-wan0}" | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p'; }
before=$(program_id)
check "a relay ended, whose program and pins stay" is_of_version "$present"
become v1
resolve; start_relay || exit 1; resolve
check "one of another layout starts: XDP again, and the log says so" ready 'forwards in XDP on wan0 (native)'
check "with a program of its own" [ "$(program_id)" != "$before" ]
check "no pin of the other is left" is_of_version "$present"
check "it forwards" in_kernel v4 v6 148
between() { become v1; resolve; }
for signal in TERM KILL; do
	restart_under_traffic $signal wan0 7; check "an upgrade to another layout, SIG$signal: nothing is lost" reported $?
done
between() { :; }
check "and no pin of the other is left" is_of_version "$present"

stop_relay -KILL; become v1
start_relay --interface none || exit 1
check "--interface none takes another layout's program away" nothing_left
check "and forwards in userspace" in_userspace
stop_relay; resolve; start_relay || exit 1; stop_relay -KILL; become v99
in_ns relay "$bin/mesh-relay" --instance "$prefix" --remove
check "--remove takes another layout's program and pins" nothing_left

resolve; start_relay || exit 1; stop_relay -KILL
mv "$pins/$present/relay_usage" "$pins/$present/moved"; mv "$pins/$present/relay_locals" "$pins/$present/relay_usage"
start_relay || exit 1
check "maps that cannot be used where the default route leads: userspace" in_userspace
check "with a warning" says ' warning XDP is not possible here: .*of another shape'
check "and the earlier program is gone" nothing_left
stop_relay; resolve; start_relay || exit 1; stop_relay -KILL; become v1
may_not_detach() { setpriv --bounding-set -net_admin --inh-caps -net_admin "$@"; }
cannot_detach() { # ARGUMENTS
	! may_not_detach timeout 30 nsenter --net=/run/netns/"$prefix-relay" "$bin/mesh-relay" --instance "$prefix" --state-dir "$tmp/state" "$@" > "$tmp/log" 2>&1 &&
		says 'ip link set dev INTERFACE xdp off' && has_program
}
check "a program that cannot be taken off is an error, and the log says what to do" cannot_detach --interface none
check "also of --remove" cannot_detach --remove
in_ns relay "$bin/mesh-relay" --instance "$prefix" --remove
check "which works with the right to" nothing_left
in_ns router "$bin/relay-driver" detach-pass; in_ns router ethtool -K torelay gro on > /dev/null
