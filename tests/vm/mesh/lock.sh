# SPDX-License-Identifier: Apache-2.0
# The network lock with real agents and a real WireGuard: it begins under traffic, a newcomer waits, a server in other hands adds nobody,
# keys change under it, signers come and go, it ends. Sourced by tests/vm/mesh.sh after life.sh.
# shellcheck shell=bash disable=SC2154

# meshadm with the agent of a host and as administrator of the network: where a signer sits.
signer() { local host=$1; shift; in_ns "$host" env KERNMESH_SERVER="$SERVER" KERNMESH_TOKEN="$(cat "$LAB/server/admin.token")" "$BIN/meshadm" --socket "$LAB/$host.sock" "$@"; }
lock_here() { node "$1" --json lock status | jq -r ".here.$2"; } # HOST FIELD
is_locked() { [ "$(lock_here "$1" state)" = "in force" ]; }
is_unlocked() { [ "$(lock_here "$1" state)" = ended ]; }
leaves_out() { node "$1" --json lock status | jq -e --arg n "$2" '.here.left_out | any(.name == $n)'; } # HOST PEER
left_out_as() { node "$1" --json lock status | jq -e --arg n "$2" --arg w "$3" '.here.left_out | any(.name == $n and (.reason | contains($w)))'; } # HOST PEER WORDS
leaves_out_nobody() { [ "$(lock_here "$1" 'left_out | length')" = 0 ]; }
wg_knows() { in_ns "$1" wg show mesh0 peers | grep -qF "$2"; } # HOST KEY
wg_knows_not() { ! wg_knows "$@"; }
# The database while nobody has it open; what guards it against the server's own mistakes first goes.
tamper() { # SQL
	stop TERM server
	sqlite3 "$LAB/server/server.db" "DROP TRIGGER IF EXISTS lock_statement_is_not_changed; DROP TRIGGER IF EXISTS lock_statement_is_not_removed; $1" || return 1
	start_server
}
saved_network() { "$BIN/mesh-server" --state-dir "$LAB/server" backup "$LAB/$1"; } # NAME
# In this shell, which has to know the server's process.
network_restored() { stop TERM server; "$BIN/mesh-server" --state-dir "$LAB/server" restore "$LAB/$1" > /dev/null 2>&1 && start_server; } # NAME
hex_key() { base64 -d <<< "$1" | od -An -tx1 | tr -d ' \n'; }
nothing_refused() { [ "$(lock_here "$1" problem)" = null ]; }
is_signer() { [ "$(lock_here "$1" signer)" = "$2" ]; } # HOST true|false
has_statement() { [ "$(lock_here "$1" statement)" = "$2" ]; } # HOST NUMBER
everybody_connects() { local host; for host in alpha beta gamma; do wait_for 60 connected "$host" || return 1; done; }

section_lock() {
	local beta gamma
	beta=$(address_of beta) gamma=$(address_of gamma)
	begins_under_traffic
	newcomer_waits
	server_in_other_hands
	keys_change_under_lock
	signers_come_and_go
	ends_and_begins_again
}

begins_under_traffic() {
	local began status
	began=$(now_ms)
	pinged alpha "$beta" 1000 lock_the_network; status=$?
	check "alpha locks the network" test "$status" = 0
	echo "      $(head -c 200 "$LAB/lock-init.err" | tr '\n' ' ')"
	check "no packet is lost while it begins" no_loss
	local host
	for host in alpha beta gamma; do
		check "$host has verified the lock" wait_for 10 is_locked "$host"
		check "$host leaves nobody out" leaves_out_nobody "$host"
	done
	check "the server has everybody signed" test "$(admin --json lock status | jq '.server.unsigned | length')" = 0
	check "docs/json.md: lock init" shaped "lock init, add, revoke, disable" : cat "$LAB/lock-init"
	check "docs/json.md: lock status" shaped "lock status" : signer alpha --json lock status
	check "the fingerprint on beta is the one that a signer saw" test -n "$(lock_here beta fingerprint)"
}
lock_the_network() { signer alpha --json lock init --yes > "$LAB/lock-init" 2> "$LAB/lock-init.err"; }

newcomer_waits() {
	node gamma logout > /dev/null
	check "gamma leaves, and joins as somebody new" join gamma "$key"
	wait_for 10 acknowledged
	check "alpha leaves it out" wait_for 10 leaves_out alpha gamma
	check "and WireGuard does not know it" wg_knows_not alpha "$(wg_key gamma)"
	gamma=$(address_of gamma)
	check "it is not reached" wait_for 5 unreached alpha "$gamma"
	check "gamma is told why" wait_for 10 problem_says gamma "peers do not take it in"
	check "metrics count it" grep -q '^kernmesh_server_nodes_locked_out 1' <(in_ns server curl -s http://127.0.0.1:9443/metrics)
	refused "beta, which is no signer, cannot sign it" "not trusted to sign" signer beta lock sign --yes gamma
	check "alpha signs it" signer alpha lock sign --yes gamma
	check "it is taken in" wait_for 10 reaches alpha "$gamma"
	check "by beta, too" wait_for 10 reaches beta "$gamma"
}

# What somebody could do who has the server.
server_in_other_hands() {
	local stranger addresses; stranger=$(wg genkey | wg pubkey)
	addresses=$(node gamma --json status | jq -r '.node.addresses | join(" ")')
	check "a backup of the server" saved_network good
	stop KILL gamma
	tamper "UPDATE node SET node_key = x'$(hex_key "$stranger")' WHERE name = 'gamma'"
	check "another key for gamma: alpha leaves it out" wait_for 60 left_out_as alpha gamma "another WireGuard key"
	check "WireGuard does not know that key" wg_knows_not alpha "$stranger"
	tamper "UPDATE node SET addresses = '100.64.9.9' WHERE name = 'gamma'"
	check "another address for gamma: left out" wait_for 60 left_out_as alpha gamma "other addresses"
	tamper "UPDATE node SET addresses = '$addresses' WHERE name = 'gamma'"
	tamper "UPDATE node SET endorsement = (SELECT endorsement FROM node WHERE name = 'beta') WHERE name = 'gamma'"
	check "beta's signature for gamma: gamma is left out" wait_for 60 left_out_as alpha gamma "another machine's"
	check "and beta stays" wait_for 10 reaches alpha "$beta"
	start_agent gamma
	check "gamma tells its own key and signature, and is taken in" wait_for 60 reaches alpha "$gamma"
	everybody_connects
	tamper "UPDATE node SET endorsement = x'' WHERE name = 'gamma'; DELETE FROM lock_statement"
	everybody_connects
	check "no lock any more: alpha keeps its own" wait_for 10 problem_says alpha "is not the one that this node has verified"
	check "and still leaves gamma out" wait_for 10 leaves_out alpha gamma
	stop KILL alpha; start_agent alpha; wait_for 30 connected alpha
	check "after a restart of the agent, too" wait_for 10 leaves_out alpha gamma
	check "beta is reached all the while" wait_for 10 reaches alpha "$beta"
	check "meshadm lock status says so" test "$(lock_here alpha problem)" != null
	network_restored good || not_ok "the backup is restored"
	everybody_connects
	check "the network of before: everybody is taken in" wait_for 60 reaches alpha "$gamma"
	check "and nobody is left out" wait_for 10 leaves_out_nobody alpha
	local host; for host in alpha beta gamma; do check "$host refuses nothing" wait_for 10 nothing_refused "$host"; done
}

keys_change_under_lock() {
	# A node that has just changed its key, as in section rotate, does so again after five minutes or a restart.
	stop KILL beta; start_agent beta; wait_for 30 connected beta
	rotation_loses_nothing beta alpha "both ways"
	check "alpha leaves nobody out" leaves_out_nobody alpha
	check "the server has everybody signed" test "$(admin --json lock status | jq '.server.unsigned | length')" = 0
	stop KILL beta; start_agent beta; wait_for 30 connected beta
	check "beta is there after a restart" wait_for 10 reaches alpha "$beta"
}

signers_come_and_go() {
	local secretfile=$LAB/lock.key public
	check "a backup of the server" saved_network older
	check "alpha trusts beta to sign" signer alpha lock add --yes beta
	check "beta has heard" wait_for 10 is_signer beta true
	check "and alpha" wait_for 10 has_statement alpha 1
	network_restored older || not_ok "the backup, which does not know of that, is restored"
	everybody_connects
	check "alpha keeps what it has verified" wait_for 10 problem_says alpha "run \`meshadm lock push\` here"
	check "and hands it to the server" signer alpha lock push
	check "nothing is refused any more" wait_for 10 nothing_refused alpha
	check "beta is a signer" is_signer beta true
	public=$(node alpha --json lock keygen "$secretfile" | jq -r .key)
	check "two signers: a third one is proposed by alpha, and a quorum of one takes it" signer alpha lock add --yes "$public"
	refused "alpha cannot go while nodes hang on it" "only alpha has signed" signer beta lock revoke --yes alpha
	wait_for 10 has_statement beta 2
	pinged alpha "$gamma" 500 signer beta --json lock revoke --yes --resign alpha > /dev/null
	check "beta signs them and revokes alpha: no packet is lost" no_loss
	check "alpha is no signer any more" wait_for 10 is_signer alpha false
	refused "and signs nobody" "not trusted to sign" signer alpha lock sign --yes gamma
	check "the key in the file signs" admin lock sign --yes --signing-key "$secretfile" gamma
	check "gamma is reached" wait_for 10 reaches alpha "$gamma"
}

ends_and_begins_again() {
	refused "a wrong secret ends nothing" "none of this lock" admin lock disable --yes --secret "ld-$(printf '0%.0s' {1..64})"
	check "one of its secrets ends it" eval 'jq -r ".secrets[0]" "$LAB/lock-init" | admin lock disable --yes --secret-file -'
	local host
	for host in alpha beta gamma; do check "$host has heard" wait_for 10 is_unlocked "$host"; done
	pinged alpha "$beta" 500 signer gamma --json lock init --yes > "$LAB/lock-init"
	check "gamma locks it anew: no packet is lost" no_loss
	check "alpha goes by the new one" wait_for 10 is_locked alpha
	check "the new one's secret ends it" eval 'jq -r ".secrets[1]" "$LAB/lock-init" | admin lock disable --yes --secret-file -'
	check "alpha has heard" wait_for 10 is_unlocked alpha
	check "all reach each other" wait_for 10 reaches beta "$gamma"
}
