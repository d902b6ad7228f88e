#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The unit files of deploy/systemd under a running systemd: readiness, restarts that leave the mesh alone, and what the
# sandbox allows. Run inside the VM, whose file system forgets: programs and units are put where packages would.
#   ci/vm -k 6.1 -- bash tests/vm/systemd.sh
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=check.sh
. "$here/check.sh"
BIN=${BIN:-$(cd "$here/../.." && pwd)/build/bin}
units=/etc/systemd/system
# systemd is process 1 of a process namespace of its own; everything else is the VM's.
if [ "${1-}" != inside ]; then
	modprobe -q wireguard
	install -m 755 "$BIN/mesh-server" "$BIN/mesh-agent" "$BIN/mesh-relay" "$BIN/meshadm" /usr/sbin/
	cp "$here"/../../deploy/systemd/*.service $units/
	# Machinery for hardware and logins, which the VM of the tests has not.
	for unit in systemd-udevd systemd-udev-trigger systemd-modules-load systemd-tmpfiles-setup-dev systemd-random-seed \
		systemd-logind getty@tty1 console-getty systemd-remount-fs systemd-sysctl apt-daily; do ln -sf /dev/null "$units/$unit.service"; done
	cat > $units/checks.service <<-END
		[Unit]
		Description=$0
		DefaultDependencies=no
		[Service]
		Type=oneshot
		ExecStart=/bin/bash $(readlink -f "$0") inside
		StandardOutput=append:/run/checks.log
		StandardError=append:/run/checks.log
		ExecStopPost=/bin/systemctl exit --no-block
	END
	unshare --pid --fork --mount --mount-proc --propagation shared env container=tests \
		/lib/systemd/systemd --system --unit=checks.service --log-target=journal --show-status=no > /run/systemd.log 2>&1
	cat /run/checks.log 2>/dev/null || { echo "systemd did not come up:"; tail -20 /run/systemd.log; exit 1; }
	tail -1 /run/checks.log | grep -q ' 0 failed$'
	exit
fi

# wait_for SECONDS COMMAND...
wait_for() {
	local deadline=$(($(date +%s%N) + $1 * 1000000000)); shift
	until "$@" > /dev/null 2>&1; do
		[ "$(date +%s%N)" -lt "$deadline" ] || return 1
		read -rt 0.05 <> <(:) || :
	done
}
property() { systemctl show --value -p "$2" "$1"; } # UNIT NAME
is() { [ "$(property "$1" "$2")" = "$3" ] || { property "$1" "$2"; return 1; }; } # UNIT NAME VALUE
ifindex() { cat /sys/class/net/mesh0/ifindex; }
programs() { bpftool -j prog show | jq -c '[.[] | select(.name == "acl_in" or .name == "acl_out") | .id] | sort'; }
# What was attached is still loaded, so it is still attached; an agent that takes over has programs of its own beside.
same_mesh() { [ "$(ifindex)" = "$index" ] && [ "$(jq -n "$loaded - $(programs)")" = "[]" ]; }
is_up() { meshadm --json status | jq -e '.state == "up"'; }
other_process() { [ "$(property mesh-agent MainPID)" != "$pid" ] && is mesh-agent ActiveState active; }
unchanged() { systemd-analyze verify "$units/mesh-server.service" "$units/mesh-agent.service" "$units/mesh-relay.service"; }
relay_is() { meshadm --json relay list | jq -e ".relays[0].online == $1"; }
relay_says() { journalctl -o cat -u mesh-relay | grep -o "$1"; }
has_program() { ip link show uplink0 | grep -o "prog/xdp.*relay_xdp"; }

echo "systemd $(systemctl --version | sed -n '1s/^systemd \([^ ]*\).*/\1/p') on kernel $(uname -r)"
check "the unit files say nothing that systemd does not understand" unchanged
check "the server starts, and says when it is ready" systemctl start mesh-server
check "as a user of its own" test "$(property mesh-server DynamicUser)" = yes
state=/var/lib/private/kernmesh-server
check "its administrator's token is for root and itself alone" test "$(stat -c %a $state/admin.token)" = 600
export KERNMESH_SERVER=127.0.0.1:8443 KERNMESH_TOKEN_FILE=$state/admin.token
KERNMESH_TOKEN=$(cat $state/admin.token); export KERNMESH_TOKEN
key=$(meshadm user create ada > /dev/null && meshadm --json key create --user ada | jq -r .secret)
check "the agent starts, and says when it is ready" systemctl start mesh-agent
others=$(programs) # of meshes that ended a moment ago: the kernel takes its time
check "and joins inside its sandbox" meshadm up --server 127.0.0.1:8443 --key "$key"
check "this node is up" wait_for 20 is_up
index=$(ifindex); loaded=$(jq -cn "$(programs) - $others")
check "with access control" test "$(jq length <<< "$loaded")" = 2
pid=$(property mesh-agent MainPID); systemctl restart mesh-agent
check "restarted: another process, the same mesh" eval 'other_process && wait_for 20 is_up && same_mesh'
pid=$(property mesh-agent MainPID); systemctl kill -s KILL mesh-agent
check "killed: systemd brings it back" wait_for 15 other_process
check "over the same mesh" eval 'wait_for 20 is_up && same_mesh'
systemctl stop mesh-agent
check "stopped: it ends well" is mesh-agent Result success
check "and the mesh stays" same_mesh
systemctl start mesh-agent; wait_for 20 is_up
check "down takes the mesh away" eval 'meshadm down > /dev/null && ! ip link show mesh0 2> /dev/null'
# A default route, as any relay's host has one; the gateway is a namespace.
ip netns add gateway; ip link add uplink0 type veth peer name eth0 netns gateway
ip link set uplink0 up; ip addr add 10.88.0.2/24 dev uplink0; ip route add default via 10.88.0.1
ip -n gateway link set eth0 up; ip -n gateway addr add 10.88.0.1/24 dev eth0
echo "MESH_RELAY_ARGUMENTS=--server 127.0.0.1:8443 --key $(meshadm --json key create --relay | jq -r .secret)" > /etc/default/mesh-relay
check "the relay starts, and says when it is ready" systemctl start mesh-relay
check "it has joined" wait_for 20 relay_is true
check "it forwards in XDP inside its sandbox" relay_says "forwards in XDP on uplink0 ([a-z]*)"
systemctl stop mesh-relay
check "stopped: it ends well" is mesh-relay Result success
check "and its program stays" has_program
check "until it is removed" eval 'mesh-relay --remove && ! has_program'
pid=$(property mesh-server MainPID); systemctl stop mesh-server
check "the server ends well" is mesh-server Result success
if [ "$checks_failed" -gt 0 ]; then journalctl --no-pager -u mesh-server -u mesh-agent -u mesh-relay | tail -30; fi
check_summary
