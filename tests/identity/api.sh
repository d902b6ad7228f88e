#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Admin API as others use it: the worked examples in Python and Go, and meshadm, against a real mesh-server on loopback. Looks
# afterwards for secrets in everything that was written.
# usage: tests/identity/api.sh [DIRECTORY_OF_BINARIES]
set -uo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
bin=$(readlink -f "${1:-$root/build/bin}")
work=$(mktemp -d); server_pid=
finish() {
	[ -z "$server_pid" ] || { kill "$server_pid"; wait "$server_pid"; } 2> /dev/null
	rm -rf "$work"
}
trap finish EXIT
passed=0; failed=0
check() { # WHAT EXPECTED GOT
	if [[ "$3" == $2 ]]; then
		echo "ok    $1"; passed=$((passed + 1))
	else
		printf 'FAIL  %s\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3"; failed=$((failed + 1))
	fi
}
wait_for() { # SECONDS COMMAND...
	local deadline=$((SECONDS + $1)); shift
	until "$@"; do [ $SECONDS -lt "$deadline" ] || return 1; sleep 0.05; done
}
adm() { "$bin/meshadm" --server "$server" --token-file "$1" "${@:2}"; }

"$bin/mesh-server" --listen 127.0.0.1:0 --http-listen '' --state-dir "$work/state" --audit-log "$work/audit.jsonl" \
	> "$work/server.out" 2> "$work/server.log" &
server_pid=$!
wait_for 20 grep -q KERNMESH_SERVER "$work/server.out" || { cat "$work/server.log"; echo "FAIL  the server does not start"; exit 1; }
server=127.0.0.1:$(sed -n 's/.*KERNMESH_SERVER=localhost:\([0-9]*\).*/\1/p' "$work/server.out")
root_token=$work/state/admin.token

# Who the examples are: an administrator with a token of his own.
adm "$root_token" user create ada --role admin > /dev/null
(umask 077; adm "$root_token" token create --user ada --comment orchestrator --json | jq -r .secret > "$work/token")
check "whoami names user, token and role" "user ada, token 1: role admin, scope all, expires in * days" "$(adm "$work/token" whoami)"

# Stubs by Debian's protoc; generated code is not kept.
mkdir -p "$work/py" "$work/go"
protoc -I "$root/proto" --python_out="$work/py" --plugin=protoc-gen-grpc_python="$(command -v grpc_python_plugin)" \
	--grpc_python_out="$work/py" mesh/v1/types.proto mesh/v1/admin.proto
protoc -I "$root/proto" --python_out="$work/py" google/rpc/status.proto google/rpc/error_details.proto
# google is a package of others too, so that ours is looked for behind theirs.
python_says=$(PYTHONPATH=$work/py /usr/bin/python3 -c '
import google, runpy, sys
google.__path__.append(sys.argv[1] + "/google")
script, sys.argv = sys.argv[2], sys.argv[2:]
runpy.run_path(script, run_name="__main__")' "$work/py" "$root/tests/identity/client.py" "$server" "$work/token" "$work/state/ca.crt" pia "$work/pia.key" 2>&1)
expected() { # USER CODE CODE
	printf '%s\n' "caller: user ada, token 1, role admin" "user: $1, key made" "events: user.create user $1; key.create join key *" \
		"error: $2, kernmesh NOT_FOUND of /mesh.v1.Admin/GetNode" "error: $3, field name" "listed: yes"
}
check "the example in Python" "$(expected pia NOT_FOUND INVALID_ARGUMENT)" "$python_says"

files=Mmesh/v1/types.proto=kernmesh/meshv1,Mmesh/v1/admin.proto=kernmesh/meshv1
protoc -I "$root/proto" --go_out="$work/go" --go_opt="module=kernmesh,$files" --go-grpc_out="$work/go" --go-grpc_opt="module=kernmesh,$files" \
	mesh/v1/types.proto mesh/v1/admin.proto
cp "$root"/tests/identity/{client.go,go.mod,go.sum} "$work/go/"
# Modules as go.sum has them; fetched the first time.
export GOFLAGS=-mod=readonly GOTOOLCHAIN=local
(cd "$work/go" && go mod download && GOPROXY=off nice go build -o "$work/client" .) ||
	{ echo "FAIL  the example in Go does not compile"; failed=$((failed + 1)); }
go_says=$("$work/client" "$server" "$work/token" "$work/state/ca.crt" gopher "$work/gopher.key" 2>&1)
check "the example in Go" "$(expected gopher NotFound InvalidArgument)" "$go_says"

# What a token may not, and that it is written down by whom.
adm "$root_token" user create mia > /dev/null
(umask 077; adm "$root_token" token create --user mia --json | jq -r .secret > "$work/mia")
check "a member is refused and told what it takes" "*takes the role admin, and this token has member*" "$(adm "$work/mia" user create eve 2>&1)"
check "the refusal is in the log, by name and address" "user mia, token 2 127.0.0.1:* call.denied" \
	"$(adm "$work/token" audit --action call.denied --json | jq -r '.events[0] | "\(.actor) \(.from) \(.action)"')"
adm "$work/token" token revoke 2 > /dev/null
check "a revoked token is nobody's" "*not of this server, or was revoked*" "$(adm "$work/mia" whoami 2>&1)"

# Following: what happens after the first line was shown comes as it happens.
"$bin/meshadm" --server "$server" --token-file "$work/token" audit --follow --action user --json > "$work/follow" &
follow_pid=$!
wait_for 20 grep -q user.create "$work/follow"
adm "$work/token" user create bob > /dev/null
wait_for 20 grep -q '"user bob"' "$work/follow"
check "audit --follow shows it" "user bob" "$(jq -r .subject "$work/follow" | tail -1)"
kill -INT "$follow_pid"; wait "$follow_pid"
check "and ends well with Ctrl-C" 0 $?

# The file and the store tell the same.
kill "$server_pid"; wait "$server_pid" 2> /dev/null; server_pid=
check "the file has every event of the store" "$(sqlite3 "$work/state/server.db" 'SELECT count(*) FROM audit')" "$(wc -l < "$work/audit.jsonl")"
for user in pia gopher; do
	check "the example's join key is in a file of its owner's" "600 mk-*" "$(stat -c %a "$work/$user.key") $(cat "$work/$user.key")"
done
leaks=$(for file in token mia state/admin.token pia.key gopher.key; do tr -d '\n' < "$work/$file" | tail -c 43; echo; done | grep -rlFf - "$work" --include=*.log --include=*.jsonl --include=*.out --include=follow --include='server.db*')
check "no secret in a log, the file or the database" "" "$leaks"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
