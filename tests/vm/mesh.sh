#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole product on a real kernel: server, agents, meshadm. Run inside the VM, or where WireGuard is:
#   ci/vm -k 6.1 -- tests/vm/mesh.sh [SECTION...]      sections: join objects acl flood layouts ipv6 survive move change refuse faults down
here=$(dirname "$(readlink -f "$0")")
LAB_PREFIX=km-
# shellcheck source=lab.sh
. "$here/lab.sh"
# shellcheck source=check.sh
. "$here/check.sh"
# shellcheck source=mesh/sections.sh
. "$here/mesh/sections.sh"
# shellcheck source=mesh/flood.sh
. "$here/mesh/flood.sh"
# shellcheck source=mesh/layouts.sh
. "$here/mesh/layouts.sh"
# shellcheck source=mesh/bypass.sh
. "$here/mesh/bypass.sh"
# shellcheck source=mesh/watching.sh
. "$here/mesh/watching.sh"
trap lab_down EXIT
sections=${*:-join objects acl flood layouts ipv6 survive move change refuse faults down}

echo "kernel $(uname -r)"
programs_before=$(our_programs)
lab_up alpha beta gamma
start_server || { not_ok "the server starts"; cat "$LAB/server.log"; exit 1; }
admin user create ada > /dev/null || { not_ok "an administrator can make a user"; exit 1; }
key=$(new_key --reusable)
for host in alpha beta gamma; do start_agent "$host" || { not_ok "the agent of $host starts"; cat "$LAB/$host.log"; exit 1; }; done
for section in $sections; do
	echo "== $section"
	"section_$section"
done
if [ "$checks_failed" -gt 0 ]; then tail -n 15 "$LAB"/*.log; fi
check_summary
