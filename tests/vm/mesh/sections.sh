# SPDX-License-Identifier: Apache-2.0
# Sections of tests/vm/mesh.sh, sourced by it.
# shellcheck shell=bash disable=SC2154

new_key() { admin --json key create --user ada "$@" | jq -r .secret; }
state_of() { node "$1" --json status | jq -r .state; }
peer_field() { node "$1" --json status | jq -r --arg n "$2" ".peers[] | select(.name == \$n) | $3"; } # HOST PEER FIELD
reaches() { in_ns "$1" ping -n -q -c 1 -W 1 "$2" > /dev/null; }
connected() { [ "$(node "$1" --json status | jq -r .server.connected)" = true ]; }
sees() { [ "$(node "$1" --json status | jq '.peers | length')" = "$2" ]; } # HOST COUNT
is_up() { [ "$(state_of "$1")" = up ]; }
path_leads_to() { peer_field "$1" "$2" .path.endpoint | grep -q "^$3:"; } # HOST PEER ADDRESS
has_peer() { [ -n "$(peer_field "$1" "$2" .name)" ]; } # HOST PEER
has_peers() { [ "$(in_ns "$1" wg show mesh0 peers | wc -l)" = "$2" ]; } # HOST COUNT, in the driver
problem_names() { node "$1" --json status | jq -er --arg w "$2" '.problems[] | select(contains($w))'; } # HOST WORDS
# All but the warning of a copied key, which section clone leaves for a day.
problems_of() { node "$1" --json status | jq -c '[.problems[] | select(contains("copying its state directory") | not)]'; } # HOST
no_problem_on() { [ "$(node "$1" --json status | jq -c .problems)" = "[]" ]; }
disconnected() { ! connected "$1"; }
endpoints() { in_ns "$1" wg show mesh0 endpoints | sort; }
handshakes() { in_ns "$1" wg show mesh0 latest-handshakes | sort; }
# WireGuard makes a new session of its own accord when one is 120 s old (its paper, REKEY_AFTER_TIME).
only_timed_handshakes() { # HOST BEFORE: since then none but those
	command join <(echo "$2") <(handshakes "$1") | awk '$3 != $2 && $3 - $2 < 120 {bad = 1} END {exit bad || NR == 0}'
}

# pinged HOST ADDRESS COUNT COMMAND...: runs the command while HOST pings every 10 ms; sets $lost and $sent.
pinged() {
	local host=$1 address=$2 count=$3; shift 3
	in_ns "$host" ping -n -q -i 0.01 -c "$count" -W 5 "$address" > "$LAB/ping" 2>&1 &
	local pid=$!
	"$@"
	local status=$?
	wait $pid
	read -r sent got < <(sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) received.*/\1 \2/p' "$LAB/ping")
	lost=$((sent - got))
	return $status
}
no_loss() { echo "$lost of $sent lost"; [ "$sent" -gt 0 ] && [ "$lost" = 0 ]; }

section_join() {
	local host began
	for host in alpha beta gamma; do
		began=$(now_ms)
		check "$host joins with a key" join "$host" "$key"
		echo "      $(($(now_ms) - began)) ms"
	done
	check "every node sees the two others" wait_for 10 sees alpha 2
	local from to address
	for from in alpha beta gamma; do
		for to in alpha beta gamma; do
			[ "$from" = "$to" ] && continue
			for address in $(node "$to" --json status | jq -r '.node.addresses[]'); do
				check "$from reaches $to at $address" wait_for 10 reaches "$from" "$address"
			done
		done
	done
	check "large packets pass whole (1380 bytes inside, no fragments)" in_ns alpha ping -n -q -c 3 -i 0.1 -M do -s 1380 "$(address_of beta)"
	check "meshadm ping names the direct path" grep -q "direct 10.77.2.2:\|direct \[fd77:2::2\]:" <(node alpha ping -c 1 beta)
	check "the applied netmap is acknowledged to the server" wait_for 5 acknowledged
}
acknowledged() { admin --json node list | jq -e '[.nodes[].applied.revision] | all(. != null and . > 0)'; }

section_objects() {
	check "WireGuard's endpoints are all synthetic" test "$(endpoints alpha | cut -f2 | grep -c '^240\.0\.0\.[0-9]*:24240$')" = 2
	check "the host has no WireGuard socket" test -z "$(in_ns alpha ss -Hlun 'sport = :24240')"
	check "ip -d link shows a WireGuard interface, marked ours" grep -q 'alias kernmesh' <(in_ns alpha ip -d link show mesh0)
	check "ip rule: one rule for each family" test "$(in_ns alpha ip rule | grep -c 'lookup 27515')$(in_ns alpha ip -6 rule | grep -c 'lookup 27515')" = 11
	check "ip route: the overlay's ranges" test "$(in_ns alpha ip route show table 27515 dev mesh0 | wc -l)" = 1
	check "bpftool lists the programs by name" test "$(bpftool prog show | grep -cE 'name (underlay_in|underlay_out|acl_in|acl_out)')" -ge 4
	if [ "$(node alpha --json status | jq -r .attach_kind)" = cls_bpf ]; then
		check "tc filter show names the inbound program" grep -q underlay_in <(in_ns alpha tc filter show dev eth0 ingress)
	else
		check "tcx is used on this kernel" test "$(node alpha --json status | jq -r .attach_kind)" = tcx
	fi
	check "MTU: 1500 outside, 1408 inside" grep -q 'mtu 1408' <(in_ns alpha ip link show mesh0)
	check "meshadm routes: everything is installed" node alpha --json routes
	detour_is_named
	hand_made_changes_are_undone
}

# Pings, and everybody may use these ports; in force on every node when it returns.
open_ports() { # PORT...
	local port rules=
	for port in "$@"; do rules+=$'\n'"{\"action\": \"accept\", \"src\": [\"*\"], \"dst\": [\"*:$port\"]},"; done
	echo "{\"acls\": [$rules"$'\n{"action": "accept", "proto": "icmp", "src": ["*"], "dst": ["*:*"]}]}' > "$LAB/policy.hujson"
	admin policy set "$LAB/policy.hujson" --wait
}
ask() { in_ns "$1" python3 "$here/talk.py" ask "$2" "$3"; } # HOST ADDRESS PORT
listens() { in_ns "$1" ss -Hltn | grep -q ":$2 "; } # HOST PORT
# Ends with what the socket is told, or with a time-out, which says nothing.
ask_udp() { in_ns "$1" bash -c "exec 3<>/dev/udp/$2/$3; echo word >&3; read -rt 2 -u 3"; } # HOST ADDRESS PORT
drop_of() { node "$1" --json drops | jq -e --arg p "$2" --argjson n "$3" '.drops[] | select(.peer == $p and .destination_port == $n and .reason == "in_denied" and .protocol == "tcp")'; } # HOST PEER PORT
rule_counts() { node "$1" --json acl show | jq -e --arg s "$2" '.rules[] | select(.services | index($s)) | .packets > 0'; } # HOST SERVICE
shows_star() { node "$1" --json acl show | jq -e --arg s "$2" '.rules[] | select(.services | index($s)) | .sources == ["*"]'; } # HOST SERVICE
ended() { ! kill -0 "$1" 2> /dev/null; }

section_acl() {
	local beta talk; beta=$(address_of beta)
	check "a policy that opens port 8080: every node has it" open_ports 8080
	nsenter --net="/run/netns/${LAB_PREFIX}beta" python3 "$here/talk.py" serve "$beta" 8080 9090 > /dev/null 2>&1 &
	LAB_PID[talk]=$!
	wait_for 10 listens beta 9090
	check "the open port answers" ask alpha "$beta" 8080
	refused "the closed one is refused" "Connection refused after [0-9]{1,3} ms" ask alpha "$beta" 9090
	refused "closed UDP gets an ICMP error" "refused|unreachable|No route|prohibited" ask_udp alpha "$beta" 9090
	check "drops names reason and peer" drop_of beta alpha 9090
	check "acl explain: allowed, by which line" grep -q "allowed by line 2 of" <(node beta acl explain alpha 8080)
	refused "acl explain: denied, and what comes near" "line 2 of .* lets the source use" node beta acl explain alpha 9090
	check "acl show counts" rule_counts beta tcp/8080
	check "acl show: everybody is a star" shows_star beta tcp/8080
	followers_are_told "$beta"
	no_bypass "$beta"
	no_plaintext_from_outside "$beta"
	no_way_in_anothers_name "$beta"
	nsenter --net="/run/netns/${LAB_PREFIX}alpha" python3 "$here/talk.py" talk "$beta" 8080 > "$LAB/talk" 2>&1 &
	talk=$!
	wait_for 10 grep -q connected "$LAB/talk"
	check "the port is closed while a connection uses it" open_ports 8081
	check "the connection ends within a second" wait_for 1 ended "$talk"
	tail -1 "$LAB/talk" | sed 's/^/      /'
	open_ports 8080 > /dev/null
	stop KILL beta
	check "agent killed -9: the open port answers" ask alpha "$beta" 8080
	refused "and the closed one stays closed" "Connection refused" ask alpha "$beta" 9090
	start_agent beta --http-listen 127.0.0.1:9444
	wait_for 10 is_up beta
	metrics_agree beta
	stop TERM talk
	echo '{}' > "$LAB/policy.hujson"
	check "a policy without rule lists opens everything again" admin policy set "$LAB/policy.hujson" --wait
}

# D13: a redirection by others opens no port, and no word goes over the underlay in the clear.
no_bypass() { # ADDRESS
	nsenter --net="/run/netns/${LAB_PREFIX}router" python3 "$here/sniff.py" to-beta "$LAB/sniffed" hello & LAB_PID[sniff]=$!
	modprobe -qa nft_redir nft_nat nft_chain_nat 2> /dev/null || :
	in_ns beta nft 'table ip others { chain c { type nat hook prerouting priority -100; policy accept; tcp dport 9090 redirect to :8080; }; }' ||
		{ not_ok "D13 another program redirects the closed port"; return; }
	refused "D13 the closed port redirected to the open one stays closed" "Connection refused" ask alpha "$1" 9090
	in_ns beta nft delete table ip others
	check "the open port answers as before" ask alpha "$1" 8080
	stop TERM sniff
	check "D13 the underlay carried frames, none with the word in the clear" awk '$1 < 5 || $2 > 0 {exit 1}' "$LAB/sniffed"
}

restart_agent() { stop KILL "$1"; start_agent "$1"; wait_for 10 is_up "$1"; }
section_survive() {
	local beta before endpoints_before; beta=$(address_of beta); endpoints_before=$(endpoints alpha)
	wait_for 10 reaches alpha "$beta"; before=$(handshakes alpha); first_pid=${LAB_PID[alpha]}
	pinged alpha "$beta" 600 restart_agent alpha; check "agent killed -9 and restarted under ping: nothing lost" no_loss
	check "and no handshake was needed" only_timed_handshakes alpha "$before"
	check "the agent is another process" test "${LAB_PID[alpha]}" != "$first_pid"
	pinged alpha "$beta" 600 restart_agent beta; check "the peer's agent killed -9 and restarted: nothing lost" no_loss
	pinged alpha "$beta" 300 stop KILL server; check "server killed: nothing lost" no_loss
	pinged alpha "$beta" 900 restart_both; check "both agents restarted while the server is gone: nothing lost" no_loss
	check "status says that the server is gone, and why" wait_for 15 disconnected alpha
	check "same mesh from the stored netmap" sees alpha 2
	check "endpoints are the same" test "$(endpoints alpha)" = "$endpoints_before"
	c12_a_day_without_the_server "$beta"
	start_server; check "the server comes back" admin node list
	check "agents connect again by themselves" wait_for 60 connected alpha
	check "and its peer" wait_for 60 connected beta
	key=$(new_key --reusable) # the one before is as old as the clock was set on
}
# The clock stays ahead: back would mean new node keys (section clock).
c12_a_day_without_the_server() { # ADDRESS
	step_clock $((25 * 3600))
	pinged alpha "$1" 300 disconnected alpha; check "c12: 25 hours without the server: nothing lost" no_loss
	pinged alpha "$1" 900 restart_both; check "c12: both agents restarted a day later: nothing lost" no_loss
	check "c12: the same mesh, from a netmap of the day before" sees alpha 2
	check "c12: a session that begins a day later, under the same keys" recovers
	check "c12: status says why there is no server" wait_for 15 says_why_disconnected alpha
}
says_why_disconnected() { node "$1" --json status | jq -er 'select(.server.connected | not) | .server.error | select(length > 0)'; }
restart_both() { restart_agent alpha && restart_agent beta; }

move() { # HOST OLD NEW SUBNET
	ip_ns "$1" address del "10.77.$4.$2/24" dev eth0
	ip_ns "$1" -6 address flush dev eth0 scope global
	ip_ns "$1" address add "10.77.$4.$3/24" dev eth0
	ip_ns "$1" route replace default via "10.77.$4.1"
}
section_move() {
	local beta began endpoints_before; beta=$(address_of beta); endpoints_before=$(endpoints alpha)
	stop KILL server; stop KILL beta; stop KILL alpha
	move beta 2 77 2
	start_agent alpha; start_agent beta; began=$(now_ms)
	check "server gone, agents restarted, one moved: reachable within 10 s" wait_for 10 reaches alpha "$beta"
	echo "      after $(($(now_ms) - began)) ms"
	began=$(now_ms); move beta 77 78 2
	check "both are up by themselves" wait_for 10 is_up beta
	check "moved again under way: reachable within 10 s" wait_for 10 reaches alpha "$beta"
	echo "      after $(($(now_ms) - began)) ms"
	check "the path is the new address" wait_for 10 path_leads_to alpha beta 10.77.2.78
	check "endpoints are the same" test "$(endpoints alpha)" = "$endpoints_before"
	pinged alpha "$beta" 300 address_is_deprecated beta 78 79; check "its address is deprecated in favour of another: nothing lost" no_loss
	start_server; check "the server comes back" admin node list
	check "agents connect again by themselves" wait_for 60 connected alpha
	check "the server learns the new endpoint" wait_for 60 server_knows beta 10.77.2.79
	check "and not the deprecated one" wait_for 60 forgets_endpoint beta 10.77.2.78
}
forgets_endpoint() { ! server_knows "$@"; } # NODE ADDRESS
# As a privacy address of IPv6 is after a day, or an address whose DHCP server goes.
address_is_deprecated() { # NODE OLD NEW
	ip_ns "$1" address add "10.77.2.$3/24" dev eth0
	ip_ns "$1" address change "10.77.2.$2/24" dev eth0 preferred_lft 0 valid_lft forever
}
server_knows() { admin --json node show "$1" | jq -e --arg a "$2" '[.. | strings | select(startswith($a + ":"))] | length > 0'; }

section_change() {
	local gamma; gamma=$(address_of gamma)
	wait_for 60 connected alpha; wait_for 60 connected gamma
	check "rename reaches the peers" admin node rename gamma delta-9
	check "within two seconds" wait_for 2 has_peer alpha delta-9
	admin node rename delta-9 gamma > /dev/null
	check "an expired node is cut off by its peers" admin node expire gamma --yes
	check "within two seconds" wait_for 2 cut_off alpha "$gamma"
	check "a removed node leaves no peer behind" admin node remove gamma --yes
	check "within two seconds" wait_for 2 has_peers alpha 1
	check "its address is not given to the next node" joined_elsewhere "$gamma"
	check "mesh0 deleted by root comes back" recovers
	no_plaintext_without_mesh0
}
cut_off() { ! reaches "$1" "$2" && ! in_ns "$1" wg show mesh0 allowed-ips | grep -q "$2/32"; }
joined_elsewhere() {
	node gamma logout > /dev/null && join gamma "$key" > /dev/null && [ "$(address_of gamma)" != "$1" ] && address_of gamma
}
recovers() { ip_ns alpha link del mesh0 && wait_for 10 reaches alpha "$(address_of beta)"; }

section_refuse() {
	node gamma logout > /dev/null
	local single short revoked short_id
	single=$(new_key); short=$(new_key --expires 1s); short_id=$(newest_key)
	revoked=$(new_key); admin key revoke "$(newest_key)" > /dev/null
	check "a single-use key works once" join gamma "$single"
	node gamma logout > /dev/null
	refused "used-up key" "used" join gamma "$single"
	wait_for 10 key_is expired "$short_id"
	refused "expired key" "expired" join gamma "$short"
	refused "revoked key" "revoked" join gamma "$revoked"
	refused "mistyped key" "cut short or mistyped" join gamma "${single%????}"
	refused "a key of another server: wrong fingerprint" "fingerprint" join gamma "$(other_fingerprint "$single")"
	refused "an administrator token is no join key" "administrator token" join gamma "$(cat "$LAB/server/admin.token")"
	node gamma logout > /dev/null
	refused "no server there" "refused|unreachable|timed out|connect" node gamma up --server 10.77.9.2:9 --key "$single"
	check "a refused join leaves nothing" test -z "$(in_ns gamma ip -o link | grep -E 'mesh0|meshu0')"
	refused "wrong usage is status 2" "2" bash -c "$(declare -f in_ns); LAB_PREFIX=$LAB_PREFIX in_ns gamma $BIN/meshadm --frobnicate; echo status \$?; exit 1"
	date -s "2 years ago" > /dev/null
	refused "a clock that is off is named" "clock" join gamma "$(new_key_by_old_clock)"
	date -s "2 years" > /dev/null
	check "joined again" join gamma "$key"
}
newest_key() { admin --json key list | jq '[.keys[].id] | max'; }
key_is() { [ "$(admin --json key list | jq -r --argjson id "$2" '.keys[] | select(.id == $id).state')" = "$1" ]; } # STATE ID
new_key_by_old_clock() { echo "$key"; }
# The same key with another server's fingerprint in its first bytes.
other_fingerprint() { printf '%sAAAAAAAAAAAA%s' "${1:0:3}" "${1:15}"; }

section_faults() {
	refused "a second agent on the same interface" "another agent .*drives interface mesh0" \
		in_ns gamma "$BIN/mesh-agent" --state-dir "$LAB/second" --socket "$LAB/second.sock"
	stop TERM gamma
	check "SIGTERM leaves the mesh as it is" reaches alpha "$(address_of_stored gamma)"
	printf 'garbage' | dd of="$LAB/gamma/netmap" bs=1 seek=100 conv=notrunc status=none
	start_agent gamma; check "a corrupted netmap file: the agent starts" node gamma status
	check "and gets the map from the server" wait_for 20 is_up gamma
	stop TERM gamma; chown 12345 "$LAB/gamma"
	refused "a state directory of somebody else" "belongs to user 12345" in_ns gamma "$BIN/mesh-agent" --state-dir "$LAB/gamma" --socket "$LAB/gamma.sock"
	chown 0 "$LAB/gamma"
	mkdir -p "$LAB/full"; mount -t tmpfs -o size=4k full "$LAB/full"; head -c 4096 /dev/zero > "$LAB/full/filler" 2>/dev/null
	refused "a full disk" "No space left" in_ns gamma "$BIN/mesh-agent" --state-dir "$LAB/full" --socket "$LAB/full.sock"
	umount "$LAB/full"
	refused "missing capabilities: said which" "lacks CAP_NET_ADMIN and CAP_SYS_ADMIN" without_capabilities
	start_agent gamma
	ip_ns gamma route add 100.64.77.0/24 dev eth0
	node gamma down > /dev/null
	refused "a range that the host routes elsewhere" "100.64.77.0/24" node gamma up
	ip_ns gamma route del 100.64.77.0/24
	check "up again once the conflict is gone" node gamma up
	range_is_taken_while_up
	first_join_fails
}
# By a network that this host joins while its mesh is up: what the server says is obeyed all the same.
range_is_taken_while_up() {
	local beta; beta=$(address_of beta)
	check "a range that is taken while the mesh is up: beta is a peer" wait_for 20 wg_has gamma "$beta"
	ip_ns gamma route add 100.64.77.0/24 dev eth0
	admin node rename gamma gamma-2 > /dev/null; admin node rename gamma-2 gamma > /dev/null  # maps that are applied whole
	check "status names it" wait_for 20 named_in_status gamma 100.64.77.0/24
	admin node expire beta --yes > /dev/null
	check "a node that expires is cut off" wait_for 20 wg_has_not gamma "$beta"
	stop KILL gamma; start_agent gamma
	check "an agent that restarts goes on" wait_for 20 is_up gamma
	node beta logout > /dev/null; join beta "$key" > /dev/null
	check "and lets in who joins" wait_for 20 reaches gamma "$(address_of beta)"
	ip_ns gamma route del 100.64.77.0/24
}
wg_has() { in_ns "$1" wg show mesh0 allowed-ips | grep -q "$2/32"; }
wg_has_not() { ! wg_has "$@"; }
named_in_status() { node "$1" --json status | jq -e --arg text "$2" '.problems | any(contains($text))'; }
# It has registered by then.
first_join_fails() {
	node gamma logout > /dev/null
	local nodes; nodes=$(admin --json node list | jq '.nodes | length')
	ip_ns gamma route add 100.64.77.0/24 dev eth0
	refused "a first join that cannot be applied" "100.64.77.0/24" join gamma "$key"
	check "leaves no node behind" test "$(admin --json node list | jq '.nodes | length')" = "$nodes"
	ip_ns gamma route del 100.64.77.0/24
	check "and can be tried again" join gamma "$key"
}
address_of_stored() { admin --json node show gamma | jq -r '[.. | strings | select(startswith("100."))][0]'; }
# The agent starts (it needs no rights to read keys); bringing the interface up is what fails.
without_capabilities() {
	nsenter --net="/run/netns/${LAB_PREFIX}gamma" setpriv --bounding-set=-net_admin,-sys_admin,-bpf --inh-caps=-net_admin,-sys_admin,-bpf \
		"$BIN/mesh-agent" --state-dir "$LAB/gamma" --socket "$LAB/gamma.sock" > "$LAB/bare.log" 2>&1 &
	local pid=$! seen
	wait_for 10 grep -q CAP_ "$LAB/bare.log"
	kill -9 $pid; wait $pid 2>/dev/null
	seen=$(grep CAP_ "$LAB/bare.log" | head -1); echo "$seen"
	return 1
}

# Ids of the data plane's programs; another suite may have left some of its own in this VM before.
our_programs() { bpftool prog show | grep -E 'name (underlay_|acl_)' | cut -d: -f1 | sort; }
no_new_program() { [ -z "$(comm -13 <(echo "$programs_before") <(our_programs))" ]; }

section_down() {
	local host
	for host in alpha beta gamma; do check "$host: meshadm down" node "$host" down; done
	nothing_is_left alpha beta gamma
	check "up again after down" node alpha up
	check "with the old address, at once" node beta up
	check "and it works" wait_for 10 reaches alpha "$(address_of beta)"
	node beta down > /dev/null
	stop KILL alpha; check "mesh-agent --remove without a running agent" in_ns alpha "$BIN/mesh-agent" --remove
	nothing_is_left alpha
}
# The kernel frees programs, and the maps that they hold, some time after they were taken off.
nothing_is_left() { # HOST...
	local host
	for host in "$@"; do
		check "$host: no link" test -z "$(in_ns "$host" ip -o link | grep -E 'mesh0|meshu0')"
		check "$host: no clsact qdisc" test -z "$(in_ns "$host" tc qdisc show | grep clsact)"
		check "$host: no rule, no route" test -z "$(in_ns "$host" ip rule | grep 27515; in_ns "$host" ip -6 rule | grep 27515; in_ns "$host" ip route show table 27515 2>/dev/null; in_ns "$host" ip -6 route show table 27515 2>/dev/null)"
	done
	check "no private namespace" test -z "$(ip netns list | grep '^kernmesh-[0-9]')"
	check "no pin" test -z "$(find /sys/fs/bpf/kernmesh -type f 2>/dev/null)"
	check "no program" wait_for 5 no_new_program
}
