# SPDX-License-Identifier: Apache-2.0
# docs/json.md against what meshadm prints of a live network. Sourced by tests/vm/mesh.sh after sections.sh.
# shellcheck shell=bash disable=SC2154

# Runs the rest of the line; its output has the shape of the document's block.
shaped() { # HEADING [--block N] [--each NAME] : COMMAND...
	local wanted=() said; while [ "$1" != : ]; do wanted+=("$1"); shift; done; shift
	said=$("$@" 2>&1) || { echo "failed: $said"; return 1; }
	python3 "$here/json_shape.py" "$here/../../docs/json.md" "${wanted[@]}" <<< "$said" || { head -c 400 <<< "$said"; return 1; }
}
as_documented() { check "docs/json.md: $1" shaped "$@"; }
# The command fails, and what it says on standard error is an object.
error_of() { local said; said=$("$@" 2>&1 > /dev/null) && return 1; echo "$said"; }
# A policy that says no is status 1, and an answer all the same.
whatever() { "$@" || :; }

of_this_machine() {
	local alpha; alpha=$(address_of alpha)
	as_documented Errors : error_of node alpha --json ping nobody
	as_documented status : node alpha --json status
	as_documented ping : node alpha --json ping -c 2 -i 0.1 beta
	as_documented routes : node alpha --json routes
	as_documented version : node alpha --json version
	as_documented down : node gamma --json down
	as_documented up : node gamma --json up
	as_documented "acl show" : node beta --json acl show
	as_documented "acl explain" : node beta --json acl explain alpha 8080
	check "docs/json.md: acl explain, denied" shaped "acl explain" : whatever node beta --json acl explain alpha 9090
	as_documented "acl stats" : node beta --json acl stats
	ask alpha "$beta" 8080; ask alpha "$beta" 9090
	as_documented "drops, flows" --each drops : node beta --json drops
	check "docs/json.md: flows" shaped "drops, flows" --block 2 --each flows : node beta --json flows
	as_documented completion : node alpha --json completion bash
}
of_the_network() {
	local id
	as_documented Users : admin --json user create eve --email eve@example.com --role admin
	check "docs/json.md: user list" shaped Users : eval 'admin --json user list | jq ".users[] | {user: .}"'
	as_documented "Join keys" : admin --json key create --user eve
	id=$(admin --json key list | jq '[.keys[] | select(.user == "eve")][0].id')
	check "docs/json.md: key list, revoke" keys_agree "$id"
	of_tokens eve
	check "docs/json.md: user delete" shaped Users --block 2 : admin --json user delete --yes eve
	as_documented Nodes : admin --json node show beta
	check "docs/json.md: node rename" shaped Nodes : admin --json node rename gamma delta
	check "docs/json.md: node rename, back" shaped Nodes : admin --json node rename delta gamma
	check "docs/json.md: node expiry" shaped Nodes : admin --json node expiry gamma --never
	check "docs/json.md: node renew" shaped Nodes : admin --json node renew gamma
	as_documented Settings : admin --json settings show
	check "docs/json.md: node list" nodes_agree
	as_documented logout : node gamma --json logout
	join gamma "$key" > /dev/null
	check "docs/json.md: node expire" shaped Nodes : admin --json node expire --yes gamma
	check "docs/json.md: node remove" shaped Nodes --block 2 : admin --json node remove --yes gamma
	check "docs/json.md: logout that the server does not know of" shaped logout : node gamma --json logout
	check "gamma joins again" join gamma "$key"
}
of_tokens() { # USER, who has a role
	local token
	as_documented "API tokens" : admin --json token create --user "$1"
	token=$(admin --json token create --user "$1" --role auditor | jq -r .secret)
	check "docs/json.md: whoami" shaped "API tokens" --block 2 : admin --json --token "$token" whoami
	check "docs/json.md: token list" shaped "API tokens" : eval 'admin --json token list | jq ".tokens[] | {token: ., secret: \"\"}"'
	check "docs/json.md: token revoke" eval 'admin --json token revoke 1 | jq -e ". == {removed: {token: \"1\"}}"'
	check "docs/json.md: user roles" shaped Users : admin --json user roles "$1" auditor
	as_documented audit : admin --json audit --last 20
}
# The objects of a list are those of the single command, with what the document says beside it.
keys_agree() { # ID
	shaped "Join keys" : eval 'jq -n --argjson k "$(admin --json key list | jq ".keys[0] | del(.state)")" "{key: \$k, secret: \"\", command: \"\"}"' &&
		admin --json key list | jq -e '.keys | length > 0 and all(.state | IN("valid", "used", "expired", "revoked"))' &&
		shaped "Join keys" : eval "jq -n --argjson k \"\$(admin --json key revoke $1 | jq .key)\" '{key: \$k, secret: \"\", command: \"\"}'"
}
nodes_agree() {
	admin --json node list | jq -e 'keys == ["nodes", "version"] and (.version | keys == ["epoch", "revision"])' > /dev/null &&
		shaped Nodes : eval 'admin --json node list | jq ".nodes[] | {node: .}"'
}
of_policies() {
	echo '{"acls": [{"action": "accept", "src": ["group:none"], "dst": ["*:*"]}]}' > "$LAB/wrong.hujson"
	echo '{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:8081"]}]}' > "$LAB/other.hujson"
	check "docs/json.md: policy check" shaped "policy check" : whatever admin --json policy check "$LAB/wrong.hujson"
	as_documented "policy diff" : whatever admin --json policy diff "$LAB/other.hujson"
	check "docs/json.md: policy explain" shaped "policy explain" : whatever admin --json policy explain alpha beta:9090
	as_documented "policy get, policy history" : admin --json policy get
	check "docs/json.md: policy history" shaped "policy get, policy history" : eval 'admin --json policy history | jq ".policies[] | {policy: (. + {text: \"\"})}"'
	as_documented "policy set, policy revert" : admin --json policy set "$LAB/other.hujson" --wait
}
# In the section relay, where there are some.
of_relays() { # NAME
	as_documented netcheck : node alpha --json netcheck
	as_documented Relays : admin --json relay show "$1"
	check "docs/json.md: relay drain, undone" shaped Relays : admin --json relay drain --undo "$1"
	check "docs/json.md: relay list" eval 'admin --json relay list | jq -e "keys == [\"relays\"]" && shaped Relays : eval "admin --json relay list | jq \".relays[] | {relay: .}\""'
}
section_json() {
	local beta; beta=$(address_of beta)
	open_ports 8080 > /dev/null
	run_on beta python3 "$here/talk.py" serve "$beta" 8080 9090 > /dev/null 2>&1; LAB_PID[talk]=$!
	wait_for 10 listens beta 9090
	of_this_machine
	of_the_network
	of_policies
	stop TERM talk
	everything_is_open
}
