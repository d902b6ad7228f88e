#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A kernel without the WireGuard driver: joining fails, says what is missing and who has it, and leaves nothing behind.
# Skipped, aloud, where the running kernel has the driver.
here=$(dirname "$(readlink -f "$0")")
LAB_PREFIX=kmnowg-
# shellcheck source=../vm/lab.sh
. "$here/../vm/lab.sh"
# shellcheck source=../vm/check.sh
. "$here/../vm/check.sh"
if unshare --net ip link add wgprobe type wireguard 2>/dev/null; then
	echo "SKIP  this kernel has WireGuard; the check is for kernels that have not"
	exit 0
fi
trap lab_down EXIT
# Of this host's agent, and not of another mesh on this machine.
pins() { find "/sys/fs/bpf/kernmesh/$(stat -Lc %i "/run/netns/${LAB_PREFIX}alpha")-mesh0" -type f 2>/dev/null; }
lab_up alpha
start_server || { not_ok "the server starts"; tail "$LAB/server.log"; exit 1; }
admin user create ada > /dev/null
start_agent alpha || { not_ok "the agent starts"; tail "$LAB/alpha.log"; exit 1; }
key=$(admin --json key create --user ada | jq -r .secret)
refused "joining names the missing driver and the kernel that has it" "no WireGuard driver.*from 6\.1 on" join alpha "$key"
check "the node is logged out, as before" test "$(node alpha --json status | jq -r .state)" = logged_out
check "the key is as good as before" test "$(admin --json key list | jq '.keys[0].use_count')" = 0
check "the server has no node" test "$(admin --json node list | jq '.nodes | length')" = 0
check "no link is left" test -z "$(in_ns alpha ip -o link | grep -E 'mesh0|meshu0')"
check "no private namespace is left" test -z "$(ip netns list | grep '^kernmesh-[0-9].*mesh0' | grep -f <(stat -Lc %i "/run/netns/${LAB_PREFIX}alpha"))"
check "no pin is left" test -z "$(pins)"
check_summary
