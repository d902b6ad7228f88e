# SPDX-License-Identifier: Apache-2.0
# Flags of the agent, and two networks on one host. Sourced by tests/vm/mesh.sh after watching.sh.
# shellcheck shell=bash disable=SC2154

link_of() { ip_ns "$1" -o -d link show "$2"; } # HOST INTERFACE
no_link() { ! link_of "$1" "$2"; }
holds_port() { in_ns "$1" ss -Hlunp "sport = :$2" | grep mesh-agent; } # HOST PORT
path_ends_with() { peer_field "$1" "$2" .path.endpoint | grep ":$3\$"; } # HOST PEER PORT
has_room_for() { # FLOWS
	node gamma --json acl stats | jq -e --argjson n "$1" '.max_flows == $n' &&
		bpftool -j map show | jq -e --argjson n "$1" '[.[] | select(.name == "flows" and .max_entries == $n)] | length == 1'
}
hangs() { # HOST ADDRESS PORT: for three seconds nobody says a word
	in_ns "$1" timeout 3 bash -c 'exec 3<> "/dev/tcp/$0/$1"' "$2" "$3"
	local status=$?; echo "status $status"; [ $status = 124 ]
}

one_agent_with_flags() { # of gamma, which was up with another interface
	local gamma silent
	node gamma down > /dev/null; stop TERM gamma
	start_agent gamma --interface kmx0 --underlay kmu0 --port 41999 --max-flows 2048 --quiet
	check "an agent with flags of its own comes up" node gamma up
	gamma=$(address_of gamma)
	check "--interface: a WireGuard interface of that name" grep 'kmx0.*wireguard.*alias kernmesh' <(link_of gamma kmx0)
	check "--underlay: a veth of that name" grep 'kmu0.*veth' <(link_of gamma kmu0)
	check "and none of the usual names" eval 'no_link gamma mesh0 && no_link gamma meshu0'
	check "--port: it listens there" holds_port gamma 41999
	check "and that is where its peers send to" wait_for 20 path_ends_with alpha gamma 41999
	check "it is reached" wait_for 20 reaches alpha "$gamma"
	check "--max-flows: that is the kernel's table" has_room_for 2048
	open_ports 8080 > /dev/null
	run_on gamma python3 "$here/talk.py" serve "$gamma" 8080 9090; LAB_PID[talk]=$!
	wait_for 10 listens gamma 9090
	check "--quiet: the open port answers" ask alpha "$gamma" 8080
	silent=$(stat_of gamma in_denied)
	check "a closed one says nothing" hangs alpha "$gamma" 9090
	check "dropped and counted, nothing refused" test "$(($(stat_of gamma in_denied) > silent)) $(stat_of gamma in_refused)" = "1 0"
	stop TERM talk; everything_is_open
}

# A second network on beta and gamma, beside the first; its server is on the same host.
SECOND=10.77.9.2:8444
second() { local host=$1; shift; in_ns "$host" "$BIN/meshadm" --socket "$LAB/$host-2.sock" "$@"; }
second_admin() { in_ns server env KERNMESH_SERVER=127.0.0.1:8444 KERNMESH_TOKEN="$(cat "$LAB/server-2/admin.token")" "$BIN/meshadm" "$@"; }
second_server() {
	mkdir -p -m 700 "$LAB/server-2"
	run_on server "$BIN/mesh-server" --listen 0.0.0.0:8444 --http-listen "" --state-dir "$LAB/server-2" \
		--overlay-v4 10.200.0.0/16 --overlay-v6 fd20:200::/48 > "$LAB/server-2.log" 2>&1
	LAB_PID[server-2]=$!
	wait_for 20 test -s "$LAB/server-2/admin.token" && wait_for 20 second_admin user create eve
}
second_agent() { # HOST KEY
	run_on "$1" "$BIN/mesh-agent" --state-dir "$LAB/$1-2" --socket "$LAB/$1-2.sock" --interface kmy0 --underlay kmv0 > "$LAB/$1-2.log" 2>&1
	LAB_PID[$1-2]=$!
	wait_for 20 second "$1" --json status && second "$1" up --server "$SECOND" --key "$2" --hostname "$1-2"
}
second_address() { second "$1" --json status | jq -r '.node.addresses[] | select(contains(".0."))'; }
in_its_range() { [[ $1 == 10.200.* ]] && echo "$1"; }
# An agent warns of programs that run before its own: of another agent's, too, on their uplink and on that one's veth, which
# it guards as it does any interface without an address.
no_problem_but_the_other() {
	local found; found=$(node gamma --json status | jq -c .problems; second gamma --json status | jq -c .problems)
	echo "$found"
	jq -es 'add | all(test("^BPF program \"underlay_(in|out)\" runs before ours"))' <<< "$found"
}
rules_of() { in_ns "$1" ip rule | grep -c 'lookup 27515'; }

two_networks_on_one_host() {
	local key first other host
	check "a second server, with ranges of its own" second_server
	key=$(second_admin --json key create --user eve --reusable | jq -r .secret)
	first=$(address_of beta)
	for host in beta gamma; do second_agent "$host" "$key" > "$LAB/said" 2>&1; check "a second agent on $host joins it" test $? = 0; done
	other=$(second_address beta)
	check "--overlay-v4: its addresses" in_its_range "$other"
	check "gamma reaches beta in the second network" wait_for 20 reaches gamma "$other"
	check "and in the first" wait_for 20 reaches gamma "$first"
	check "one rule serves both" test "$(rules_of gamma)" = 1
	check "neither agent has anything to complain of but the other's program" no_problem_but_the_other
	pinged gamma "$first" 300 second gamma down > /dev/null; check "the second network goes down under a ping in the first: nothing lost" no_loss
	check "its interfaces are gone" eval 'no_link gamma kmy0 && no_link gamma kmv0'
	check "the rule stays for the first" test "$(rules_of gamma)" = 1
	second beta down > /dev/null
	for host in beta-2 gamma-2 server-2; do stop TERM "$host"; done
}

section_flags() {
	one_agent_with_flags
	two_networks_on_one_host
	node gamma down > /dev/null
	check "after down no rule is left" test "$(rules_of gamma)" = 0
	stop TERM gamma; start_agent gamma
	check "gamma is back with the usual names" node gamma up
}
