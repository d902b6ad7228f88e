#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ports mapped at a gateway of others, miniupnpd over nftables: a host behind it, and one outside that sends to what was
# mapped. Addresses are as on the Internet, in namespaces of the test's own. Wants root. Ends with "N passed, M failed".
set -u
here=$(dirname "$(readlink -f "$0")"); repo=$here/../..
. "$repo/tests/vm/check.sh"
bin=$repo/build/bin prefix=kmportmap$$ tmp=$(mktemp -d) gateway_pid= keeper= liar=
gateway=192.168.1.1 here_address=192.168.1.7 public=5.6.7.8 outside=9.9.9.9 port=41641

in_ns_exec() { local n=$1; shift; exec nsenter --net=/run/netns/"$prefix-$n" "$@"; } # in the background: its pid is the program's
in_ns() { (in_ns_exec "$@"); }
end() { [ -z "$1" ] || { kill "-${2-TERM}" "$1"; wait "$1"; } 2> /dev/null; }
clean_up() {
	end "$keeper" KILL; end "$liar" KILL; end "$gateway_pid" KILL
	local n; for n in home gateway outside; do ip netns del "$prefix-$n" 2> /dev/null; done
	rm -rf "$tmp"
}
trap clean_up EXIT
wait_until() { local end=$((SECONDS + 20)); until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.05; done; }

for n in home gateway outside; do ip netns add "$prefix-$n"; in_ns $n ip link set lo up; done
ip link add eth0 netns "$prefix-home" type veth peer name lan0 netns "$prefix-gateway"
ip link add wan0 netns "$prefix-gateway" type veth peer name eth0 netns "$prefix-outside"
in_ns home ip addr add $here_address/24 dev eth0; in_ns home ip link set eth0 up; in_ns home ip route add default via $gateway
in_ns gateway ip addr add $gateway/24 dev lan0; in_ns gateway ip addr add $public/32 peer $outside dev wan0
in_ns gateway ip link set lan0 up; in_ns gateway ip link set wan0 up
in_ns outside ip addr add $outside/32 peer $public dev eth0; in_ns outside ip link set eth0 up
in_ns gateway sysctl -qw net.ipv4.ip_forward=1

start_gateway() { # SETTING...: miniupnpd with nothing mapped
	end "$gateway_pid"
	in_ns gateway nft flush ruleset
	in_ns gateway nft -f - <<-NFT
		table inet filter {
			chain miniupnpd { }
			chain prerouting_miniupnpd { }
			chain postrouting_miniupnpd { }
			chain forward { type filter hook forward priority 0; policy drop; ct state established,related accept; iifname lan0 accept; jump miniupnpd; }
			chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
			chain postrouting { type nat hook postrouting priority 100; jump postrouting_miniupnpd; oifname wan0 masquerade; }
		}
	NFT
	{
		printf '%s\n' ext_ifname=wan0 listening_ip=lan0 http_port=5000 secure_mode=yes system_uptime=yes uuid=2d4f1d3c-0000-4000-8000-000000000001 \
			upnp_table_name=filter upnp_nat_table_name=filter upnp_forward_chain=miniupnpd \
			upnp_nat_chain=prerouting_miniupnpd upnp_nat_postrouting_chain=postrouting_miniupnpd \
			min_lifetime=120 max_lifetime=86400 lease_file="$tmp/leases"
		printf '%s\n' "$@" "allow 1024-65535 192.168.1.0/24 1024-65535" "deny 0-65535 0.0.0.0/0 0-65535"
	} > "$tmp/conf"
	rm -f "$tmp/leases"; : > "$tmp/leases"
	in_ns_exec gateway miniupnpd -d -f "$tmp/conf" -P "$tmp/pid" > "$tmp/gateway.log" 2>&1 &
	gateway_pid=$!
	wait_until is_listening
}
is_listening() { [ -n "$(in_ns gateway ss -Hlun 'sport = :1900 or sport = :5351')" ]; }
try() { in_ns home "$bin/portmap-driver" try "$1" $gateway $here_address "${2-$port}"; }
mapped() { sed -n 's/^mapped \([^ ]*\).*/\1/p' <<< "$1"; }
# A datagram from outside to ADDRESS:PORT arrives at the host's port.
arrives() { # ADDRESS:PORT [PORT HERE]
	python3 - "/run/netns/$prefix" "${1%:*}" "${1##*:}" "${2-$port}" <<-'P'
		import ctypes, os, socket, sys
		where, address, port, here = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
		def socket_in(name):
		    with open(f"{where}-{name}") as space:
		        if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), 0x40000000) != 0: raise OSError(ctypes.get_errno(), "setns")
		    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		inside = socket_in("home"); inside.bind(("0.0.0.0", here)); inside.settimeout(2)
		word = os.urandom(8)
		socket_in("outside").sendto(word, (address, port))
		try: sys.exit(0 if inside.recv(64) == word else 1)
		except socket.timeout: sys.exit(1)
	P
}
refused_by() { # WORDS COMMAND...
	local words=$1 seen; shift
	if seen=$("$@" 2>&1); then echo "worked: $seen"; return 1; fi
	echo "$seen"; grep -qE "$words" <<< "$seen"
}
works() { # PROTOCOL
	local seen; seen=$(try "$1") || { cat "$tmp/gateway.log" | tail -5; return 1; }
	echo "$seen"; [ "${seen##* }" -gt 0 ] && arrives "$(mapped "$seen")"
}

check "nobody listens: PCP says so" refused_by "PCP: no answer" try pcp
check "NAT-PMP says so" refused_by "NAT-PMP: no answer" try nat-pmp
check "UPnP says so" refused_by "UPnP: no gateway device" try upnp
check "without a mapping nothing arrives" eval '! arrives $public:$port'

start_gateway enable_natpmp=yes enable_upnp=no || cat "$tmp/gateway.log"
check "PCP: mapped, and what is sent there arrives" works pcp
check "NAT-PMP: the same port of the same host again" works nat-pmp
# This one says nothing when its configuration does not allow a port.
check "PCP: a port that the gateway keeps to itself is not mapped" refused_by "PCP: no answer" try pcp 80
check "nor by NAT-PMP" refused_by "NAT-PMP: no answer" try nat-pmp 80

# As the agent does it, which looks for the gateway itself.
start_gateway enable_natpmp=yes enable_upnp=no || cat "$tmp/gateway.log"
keep() { in_ns_exec home "$bin/portmap-driver" keep "$1" $port > "$tmp/keeper" 2>&1 & keeper=$!; }
is_mapped_by() { grep -E '^(mapped|none)' "$tmp/keeper" | tail -1 | grep -q "^mapped $public:$port $1"; }
check_mapped() { wait_until is_mapped_by "$1" || { cat "$tmp/keeper"; return 1; }; }
rules() { in_ns gateway nft list chain inet filter prerouting_miniupnpd 2> /dev/null || in_ns gateway nft list chain ip filter prerouting_miniupnpd; }
has_rule() { rules | grep -q "dnat.*$here_address:$port"; }
keep alpha
check "kept: by the first protocol" check_mapped PCP
check "what is sent there arrives" arrives $public:$port
end "$keeper" KILL
check "a node that was killed leaves it mapped" has_rule
keep alpha
check "and comes back to it by the same protocol" check_mapped PCP
start_gateway enable_natpmp=yes enable_upnp=no || cat "$tmp/gateway.log"
check "a gateway that has restarted has forgotten" eval '! has_rule'
kill -USR1 "$gateway_pid" # this one announces itself when it is told to, not when it starts
check "once it announces itself it is asked again" wait_until has_rule
in_ns home ip route del default
check "without a default route there is no mapping" wait_until eval 'tail -1 "$tmp/keeper" | grep -q "^none"'
in_ns home ip route add default via $gateway
check "with it there is one again" check_mapped PCP
end "$keeper"
check "a node that leaves takes its mapping away" eval '! has_rule'
check "and nothing arrives any more" eval '! arrives $public:$port'

end "$gateway_pid"; gateway_pid=
lie() { # private|elsewhere: a gateway whose address is not public; one whose answers come from another address
	in_ns_exec gateway python3 - "$1" <<-'P' & liar=$!
		import socket, sys
		def at(address):
		    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((address, 5351)); return s
		asked, other = at("192.168.1.2"), at("192.168.1.1")
		external = bytes((10, 9, 9, 9) if sys.argv[1] == "private" else (5, 6, 7, 8))
		while True:
		    data, who = asked.recvfrom(1100)
		    if len(data) < 60 or data[0] != 2: continue
		    header = bytes((2, 0x81, 0, 0)) + data[4:8] + bytes((0, 0, 0, 1)) + bytes(12)
		    answer = header + data[24:42] + data[40:42] + bytes(10) + b"\xff\xff" + external
		    (asked if sys.argv[1] == "private" else other).sendto(answer, who)
	P
	wait_until is_listening
}
in_ns gateway ip addr add 192.168.1.2/24 dev lan0
in_ns home ip route replace default via 192.168.1.2
lie elsewhere
gateway=192.168.1.2
check "an answer from another address than was asked is none" refused_by "PCP: no answer" try pcp
end "$liar"; lie private
check "a gateway says that its address is a private one" eval 'try pcp | grep "mapped 10.9.9.9"'
keep alpha
check "it is not believed: the other protocols are tried" wait_until grep -q "UPnP: no gateway device" "$tmp/keeper"
check "and nothing is mapped" eval '! grep -q "^mapped" "$tmp/keeper"'
end "$keeper"; end "$liar"; keeper= liar=
gateway=192.168.1.1
in_ns home ip route replace default via $gateway

start_gateway enable_natpmp=no enable_upnp=yes || cat "$tmp/gateway.log"
check "UPnP: mapped, and what is sent there arrives" works upnp
keep gamma
check "kept by UPnP when the others do not answer" check_mapped UPnP
end "$keeper"; keeper=
check "and taken away by it" wait_until eval '! has_rule'
end "$gateway_pid"; gateway_pid=

# A gateway that answers the search, and then streams a description that never ends, or a byte now and then.
drag() { # flood|drip
	in_ns_exec gateway python3 - "$1" <<-'P' & liar=$!
		import socket, sys, threading, time
		here = "192.168.1.1"
		search = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); search.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		search.bind(("239.255.255.250", 1900))
		search.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.255.255.250") + socket.inet_aton(here))
		listener = socket.create_server((here, 5000))
		kind = b"urn:schemas-upnp-org:device:InternetGatewayDevice:1"
		def drag(client):
		    try:
		        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n")
		        while True: # 16 MiB a second: enough, and no harm to the machine
		            client.sendall(b"<" * (1 << 20) if sys.argv[1] == "flood" else b"<")
		            time.sleep(1 / 16 if sys.argv[1] == "flood" else 1)
		    except OSError: pass
		def serve():
		    while True: threading.Thread(target=drag, args=(listener.accept()[0],), daemon=True).start()
		threading.Thread(target=serve, daemon=True).start()
		while True:
		    who = search.recvfrom(2048)[1]
		    search.sendto(b"HTTP/1.1 200 OK\r\nST: " + kind + b"\r\nUSN: uuid:1::" + kind + b"\r\nLOCATION: http://192.168.1.1:5000/d.xml\r\n\r\n", who)
	P
	wait_until is_listening
}
# One attempt by UPnP fails, within 25 s, and neither it nor what it began was ever larger than 96 MiB.
stays_small() {
	in_ns home python3 - "$bin/portmap-driver" try upnp $gateway $here_address $port <<-'P'
		import os, resource, subprocess, sys, time
		begun = time.monotonic()
		run = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
		try: said = run.communicate(timeout=60)[0]
		except subprocess.TimeoutExpired: run.kill(); said = run.communicate()[0] + "did not end in 60 s"
		took, mib = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
		print(f"{said.strip()}: {took:.1f} s, {mib:.0f} MiB")
		sys.exit(0 if run.returncode == 1 and "UPnP: " in said and took < 25 and mib < 96 else 1)
	P
}
upnp_process() { local p; for p in $(ip netns pids "$prefix-home"); do [ "$(cat "/proc/$p/comm" 2> /dev/null)" != upnp-attempt ] || echo "$p"; done; }
is_confined() {
	local p; p=$(upnp_process); [ -n "$p" ] || return 1
	[ "$(grep -cE '^(CapInh|CapPrm|CapEff|NoNewPrivs):.(0{16}|1)$' "/proc/$p/status")" = 4 ] && [ "$(readlink "/proc/$p"/fd/* | grep -vcE '^(/dev/null|pipe:.*|socket:.*)$')" = 0 ]
}
drag flood
check "a description without an end: no mapping, and no memory eaten" stays_small
end "$liar"; drag drip
keep beta
check "it is read without capabilities, privileges, other descriptors" wait_until is_confined
end "$keeper" KILL; keeper=
check "one that comes byte by byte holds nobody up" stays_small
end "$liar"; liar=
check "no process stays behind, not even of an agent that was killed" wait_until eval '[ -z "$(upnp_process)" ]'
check "the agent can be such a process as well" eval '"$bin/mesh-agent" --upnp-attempt x < /dev/null | grep "^unavailable "'
check_summary
