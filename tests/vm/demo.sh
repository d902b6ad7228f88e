#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demo's own part: runs where the kernel has WireGuard (ci/demo chooses the place). Any step that is not as
# expected ends it with status 1 and says which.
here=$(dirname "$(readlink -f "$0")")
LAB_PREFIX=kernmesh-demo-
# shellcheck source=lab.sh
. "$here/lab.sh"
# shellcheck source=mesh/relay.sh
. "$here/mesh/relay.sh"
shell=; [ "${1-}" = --shell ] && shell=1
bold=; dim=; green=; red=; plain=
if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then bold=$'\e[1m'; dim=$'\e[2m'; green=$'\e[32m'; red=$'\e[31m'; plain=$'\e[0m'; fi
step=
trap lab_down EXIT
trap 'exit 130' INT TERM

step() { step=$1; printf '\n%s== %s%s\n' "$bold" "$1" "$plain"; }
ok() { printf '   %sok%s  %s\n' "$green" "$plain" "$1"; }
fail() {
	printf '   %sFAILED%s at step "%s": %s\n' "$red" "$plain" "$step" "$1"
	local log
	for log in "$LAB"/*.log; do [ -s "$log" ] && { echo "   --- $(basename "$log"), last lines"; tail -8 "$log" | sed 's/^/   /'; }; done
	exit 1
}
# Shows a command as typed on a host, then its output.
show() { local host=$1 shown=$2; shift 2; printf '   %s%s$ %s%s\n' "$dim" "$host" "$shown" "$plain"; "$@" 2>&1 | sed 's/^/   /'; [ "${PIPESTATUS[0]}" = 0 ]; }

ping_start() { # HOST ADDRESS COUNT INTERVAL: in the background, into $LAB/ping
	nsenter --net="/run/netns/$LAB_PREFIX$1" ping -n -q -i "$4" -c "$3" -W 5 "$2" > "$LAB/ping" 2>&1 &
	ping_pid=$!
}
ping_result() { # waits, sets $sent $got $lost
	wait "$ping_pid"
	read -r sent got < <(sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) received.*/\1 \2/p' "$LAB/ping")
	lost=$((${sent:-0} - ${got:-0}))
	[ "${sent:-0}" -gt 0 ]
}

printf '%sKernmesh demo%s on Linux %s\n' "$bold" "$plain" "$(uname -r)"
printf 'Three hosts and a server, each a network namespace on a subnet of its own, joined by a router.\n'
lab_up alpha beta gamma || { step="network"; fail "the namespaces could not be made"; }

step "The server starts"
began=$(now_ms); start_server || fail "mesh-server did not come up"
ok "listening on $SERVER after $(($(now_ms) - began)) ms; it made its own certificate authority"

step "A user and a join key"
show server "meshadm user create ada" admin user create ada || fail "no user"
key=$(admin --json key create --user ada --reusable | jq -r .secret)
case $key in mk-*) ok "key ${key:0:9}… (it carries the server's fingerprint, so joining needs nothing else)";; *) fail "no join key";; esac

step "Three nodes join"
for host in alpha beta gamma; do
	start_agent "$host" || fail "the agent of $host did not start"
	began=$(now_ms)
	show "$host" "meshadm up --server $SERVER --key ${key:0:9}…" join "$host" "$key" || fail "$host did not join"
	ok "$host joined in $(($(now_ms) - began)) ms"
done

step "They reach each other"
beta=$(address_of beta)
wait_for 10 in_ns alpha ping -n -c 1 -W 1 "$beta" || fail "alpha does not reach beta ($beta)"
show alpha "ping -c 3 $beta" in_ns alpha ping -n -c 3 -i 0.2 -W 2 "$beta" || fail "alpha does not reach beta"
beta6=$(node beta --json status | jq -r '.node.addresses[] | select(contains(":"))')
show alpha "ping -c 1 $beta6" in_ns alpha ping -n -c 1 -W 5 "$beta6" || fail "alpha does not reach beta by IPv6"
in_ns gamma ping -n -q -c 1 -W 5 "$beta" > /dev/null || fail "gamma does not reach beta"

step "What alpha sees"
show alpha "meshadm status" node alpha status || fail "meshadm status"
show alpha "meshadm ping -c 2 beta" node alpha ping -c 2 -i 0.2 beta || fail "meshadm ping"

step "Ordinary kernel objects, and a synthetic endpoint that never changes"
show alpha "wg show mesh0 endpoints" in_ns alpha wg show mesh0 endpoints || fail "wg show"
endpoints=$(in_ns alpha wg show mesh0 endpoints | cut -f2)
[ "$(grep -c '^240\.' <<< "$endpoints")" = 2 ] || fail "an endpoint is not synthetic"
show alpha "ip rule" in_ns alpha ip rule || fail "ip rule"

step "beta moves to another address while alpha pings it"
ping_start alpha "$beta" 150 0.1
began=$(now_ms)
ip_ns beta address del 10.77.2.2/24 dev eth0
ip_ns beta address add 10.77.2.99/24 dev eth0
ip_ns beta address del fd77:2::2/64 dev eth0
ip_ns beta route replace default via 10.77.2.1
moved() { node alpha --json status | jq -e '.peers[] | select(.name == "beta") | .path.endpoint | startswith("10.77.2.99:")'; }
wait_for 10 moved || fail "alpha did not learn beta's new address within 10 s"
took=$(($(now_ms) - began))
ping_result || fail "ping did not run"
[ "$lost" -lt 50 ] || fail "$lost of $sent pings lost"
ok "new path after $took ms; $lost of $sent pings lost on the way"
[ "$(in_ns alpha wg show mesh0 endpoints | cut -f2)" = "$endpoints" ] || fail "WireGuard's endpoint changed"
ok "WireGuard never noticed: its endpoints are the same"

step "The policy decides, in the kernel: port 8080 is open, 9090 is not"
cat > "$LAB/policy.hujson" <<POLICY
{
  // Everybody may ping, and use port 8080.
  "acls": [
    {"action": "accept", "src": ["*"], "dst": ["*:8080"]},
    {"action": "accept", "src": ["*"], "dst": ["*:*"], "proto": "icmp"},
  ],
}
POLICY
show server "cat policy.hujson" cat "$LAB/policy.hujson" || fail "no policy"
show server "meshadm policy set policy.hujson --wait" admin policy set "$LAB/policy.hujson" --wait || fail "the policy was not accepted"
nsenter --net="/run/netns/${LAB_PREFIX}beta" python3 "$here/talk.py" serve "$beta" 8080 9090 > /dev/null 2>&1 &
LAB_PID[talk]=$!
listening() { in_ns beta ss -Hltn | grep -q :9090; }
wait_for 10 listening || fail "nothing listens on beta"
ask() { in_ns alpha python3 "$here/talk.py" ask "$beta" "$1" > "$LAB/asked"; local status=$?; sed 's/^/   /' "$LAB/asked"; return "$status"; }
ask 8080 || fail "the open port does not answer"
if ask 9090; then fail "the closed port answers"; fi
grep -q "Connection refused" "$LAB/asked" || fail "the closed port does not refuse at once"
show beta "meshadm acl explain alpha 8080" node beta acl explain alpha 8080 || fail "acl explain does not find the rule"
if show beta "meshadm acl explain alpha 9090" node beta acl explain alpha 9090; then fail "acl explain admits the closed port"; fi
show beta "meshadm drops --last 1" node beta drops --last 1 || fail "meshadm drops"

step "The permission is taken away while a connection uses it"
nsenter --net="/run/netns/${LAB_PREFIX}alpha" python3 "$here/talk.py" talk "$beta" 8080 > "$LAB/talk" 2>&1 &
talk_pid=$!
wait_for 10 grep -q connected "$LAB/talk" || fail "the connection was not made"
sed -i 's/8080"/8081"/' "$LAB/policy.hujson"
began=$(now_ms)
show server "meshadm policy set policy.hujson --wait     # with 8081 in place of 8080" admin policy set "$LAB/policy.hujson" --wait || fail "the policy was not accepted"
wait "$talk_pid"
ended=$(sed -n 's/.* at \([0-9]*\)\.\([0-9]*\)$/\1\2/p' "$LAB/talk")
grep -q "Connection reset" "$LAB/talk" || fail "the connection was not cut: $(tail -1 "$LAB/talk")"
ok "the connection $(sed -n 's/, at .*//p' "$LAB/talk" | tail -1), $((ended - began)) ms after \`policy set\` was called"
stop TERM talk

step "Two nodes behind NATs, one of them behind a hard one"
modprobe -qa nf_tables nft_ct nft_masq nft_chain_nat 2> /dev/null || :
# A router that lets in what was asked for from inside, and gives it one port each (home) or a new one for every place (office).
nat_router() { # NAME SUBNET FLAGS NODE
	LAB_SUBNET[$1]=$2; lab_host "$1"
	in_ns "$1" sysctl -qw net.ipv4.ip_forward=1
	ip_ns "$1" -6 address flush dev eth0 scope global
	in_ns "$1" nft "table ip nat { chain out { type nat hook postrouting priority 100; oifname eth0 masquerade $3; };
		chain in { type filter hook input priority 0; policy accept; iifname eth0 ct state new drop; };
		chain through { type filter hook forward priority 0; policy accept; iifname eth0 ct state new drop; }; }" || return 1
	ip netns add "$LAB_PREFIX$4"; ip_ns "$4" link set lo up
	ip link add lan netns "$LAB_PREFIX$1" type veth peer name eth0 netns "$LAB_PREFIX$4"
	ip_ns "$1" address add 192.168.1.1/24 dev lan; ip_ns "$1" link set lan up
	ip_ns "$4" address add 192.168.1.2/24 dev eth0; ip_ns "$4" link set eth0 up; ip_ns "$4" route add default via 192.168.1.1
}
# A firewall between delta's network and alpha's lets no UDP through.
wall() {
	in_ns router nft 'table inet wall { chain c { type filter hook forward priority 0; policy accept;
		ip saddr 10.77.11.0/24 ip daddr 10.77.1.0/24 meta l4proto udp drop; ip saddr 10.77.1.0/24 ip daddr 10.77.11.0/24 meta l4proto udp drop; }; }'
}
nat_router home 11 "" delta || fail "no NAT for delta"
nat_router office 12 random,fully-random epsilon || fail "no NAT for epsilon"
show server "meshadm key create --relay" admin key create --relay || fail "no relay key"
relay_key=$(admin --json key create --relay --reusable | jq -r .secret)
# Two, since one alone does not show whether a NAT gives each place another port.
for relay in relay1 relay2; do relay_host "$relay" "$relay_key" || fail "$relay did not start"; done
wait_for 20 relays_online 2 || fail "the relays do not appear in the network"
show server "meshadm relay list" admin relay list || fail "no list of relays"
wall || fail "no firewall"
for host in delta epsilon; do
	start_agent "$host" || fail "the agent of $host did not start"
	show "$host" "meshadm up --server $SERVER --key ${key:0:9}…" join "$host" "$key" || fail "$host did not join"
done
delta=$(address_of delta); epsilon=$(address_of epsilon)
wait_for 30 has_home delta && wait_for 30 has_home epsilon || fail "they found no relay"
show epsilon "meshadm netcheck" node epsilon netcheck || fail "meshadm netcheck"
maps() { [ "$(node "$1" --json netcheck | jq -r .mapping)" = "$2" ]; }
wait_for 20 maps epsilon varies || fail "epsilon does not see that its NAT is a hard one"
wait_for 20 maps delta same || fail "delta does not see that its NAT gives it one port"
ok "office gives epsilon another port for every place, home gives delta one port"
# Ends with the first direct answer.
show epsilon "meshadm ping alpha" in_ns epsilon timeout 60 "$BIN/meshadm" --socket "$LAB/epsilon.sock" ping alpha || fail "epsilon finds no direct path to alpha"
path_of() { node "$1" --json status | jq -r --arg n "$2" '.peers[] | select(.name == $n) | .path.kind'; }
is_on() { [ "$(path_of "$1" "$2")" = "$3" ]; }
ok "epsilon reaches alpha, which has no NAT: $(path_of epsilon alpha)"

step "A firewall keeps delta and alpha apart; it is opened while they talk"
alpha=$(address_of alpha)
wait_for 30 in_ns delta ping -n -c 1 -W 1 "$alpha" || fail "delta does not reach alpha"
ping_start delta "$alpha" 3000 0.1
answers_by() { [ "$(grep -c " via $1" "$LAB/upgrade")" -ge "$2" ]; } # PATH COUNT
printf '   %sdelta$ meshadm ping alpha%s\n' "$dim" "$plain"
: > "$LAB/upgrade"
nsenter --net="/run/netns/${LAB_PREFIX}delta" timeout 120 "$BIN/meshadm" --socket "$LAB/delta.sock" ping alpha > >(tee "$LAB/upgrade" | sed -u 's/^/   /') 2>&1 &
probe_pid=$!
wait_for 60 answers_by relay 3 || fail "delta does not reach alpha through the relay"
! grep -q " via direct" "$LAB/upgrade" || fail "there is a direct path through the firewall"
show router "nft delete table inet wall" in_ns router nft delete table inet wall || fail "the firewall stays"
began=$(now_ms)
wait "$probe_pid" || fail "delta finds no direct path to alpha"
wait_for 5 answers_by direct 1 || fail "the ping ended without a direct answer"
took=$(($(now_ms) - began))
kill -INT "$ping_pid"; ping_result || fail "ping did not run"
[ "$lost" -lt 10 ] || fail "$lost of $sent pings lost"
ok "through the relay at first, direct $took ms after the firewall was opened; $lost of $sent pings lost meanwhile"

step "Where no hole can be made the relay stays"
wait_for 30 in_ns delta ping -n -c 1 -W 1 "$epsilon" || fail "delta does not reach epsilon"
show delta "ping -c 3 $epsilon" in_ns delta ping -n -c 3 -i 0.5 -W 5 "$epsilon" || fail "delta does not reach epsilon"
show delta "meshadm ping -c 1 epsilon" node delta ping -c 1 epsilon || fail "no answer from epsilon"
wait_for 20 is_on delta epsilon relay || fail "not by way of the relay, which its NAT leaves as the only one"
ok "delta reaches epsilon through the relay: a port that is another one for every peer cannot be guessed"
for host in delta epsilon; do node "$host" down > /dev/null || fail "$host did not go down"; done
for relay in relay1 relay2; do stop TERM "$relay"; remove_relay "$relay"; done

step "The server dies while traffic goes on"
ping_start alpha "$beta" 200 0.01
old=${LAB_PID[server]}
stop KILL server
[ ! -e "/proc/$old" ] || fail "process $old is still there"
ping_result || fail "ping did not run"
[ "$lost" = 0 ] || fail "$lost of $sent pings lost"
ok "0 of $sent pings lost"

step "alpha's agent is killed with -9 and started again, the server still gone"
ping_start alpha "$beta" 800 0.01
old=${LAB_PID[alpha]}
stop KILL alpha
[ ! -e "/proc/$old" ] || fail "process $old is still there"
ok "agent $old killed; the kernel goes on"
start_agent alpha || fail "the agent did not start again"
up_again() { [ "$(node alpha --json status | jq -r .state)" = up ]; }
wait_for 10 up_again || fail "the agent did not come up from its stored netmap"
ok "agent ${LAB_PID[alpha]} back, with the netmap from its disk"
ping_result || fail "ping did not run"
[ "$lost" = 0 ] || fail "$lost of $sent pings lost"
ok "0 of $sent pings lost"

if [ -n "$shell" ]; then
	start_server || fail "the server did not start again"
	cat <<TEXT

The mesh is live. Hosts are the namespaces ${LAB_PREFIX}alpha, ${LAB_PREFIX}beta, ${LAB_PREFIX}gamma. Try:
  node alpha status          meshadm on a node
  admin node list            meshadm as the administrator
  in_ns alpha ping $beta     any command on a host
  in_ns alpha bpftool map    what the programs hold
Leave with "exit"; everything is taken away then.
TEXT
	export LAB LAB_PREFIX BIN SERVER
	bash --rcfile <(echo "$(declare -f in_ns ip_ns node admin); PS1='kernmesh-demo$ '") -i || :
fi

step "Down leaves nothing behind"
for host in alpha beta gamma; do show "$host" "meshadm down" node "$host" down || fail "$host did not go down"; done
for host in alpha beta gamma; do
	left=$(in_ns "$host" ip -o link | grep -cE 'mesh0|meshu0')
	[ "$left" = 0 ] || fail "$host still has an interface"
	[ -z "$(in_ns "$host" ip rule | grep 27515)" ] || fail "$host still has a rule"
done
[ -z "$(ip netns list | grep '^kernmesh-[0-9]')" ] || fail "a private namespace is left"
[ -z "$(find /sys/fs/bpf/kernmesh -type f 2>/dev/null)" ] || fail "a pin is left"
ok "no link, rule, namespace or pin"
printf '\n%sAll steps went as expected.%s\n' "$green" "$plain"
