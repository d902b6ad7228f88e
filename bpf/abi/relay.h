/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Maps of the relay: which channel leads where. Written by mesh-relay through controller/bpf, read
 * by bpf/relay.bpf.c; where it is the other way round the struct says so. */
#pragma once

#include "bpf/abi/addr.h"
#include "bpf/abi/relay_reasons.h"

enum mesh_relay_flags {
	MESH_RELAY_NO_TX = 1, /* send back by redirect: veth carries it where XDP_TX is lost */
};

/* relay_config, ARRAY of 1. Everything but the self-test passes while port is 0. */
struct mesh_relay_config {
	__be16 port; /* data, control and STUN */
	__u16 zero;
	__u32 flags;          /* enum mesh_relay_flags */
	__u64 ns_per_mib;     /* what 2^20 bytes cost a channel; 0: no limit */
	__u64 burst_ns;       /* how far a channel may run ahead of its rate */
	__u64 stun_source_ns; /* what an answer costs a source address; IPv6 counts by /64 */
	__u64 stun_all_ns;    /* and what it costs each CPU */
	__u64 stun_burst;     /* answers that a source may run ahead */
	__be32 probe; /* self-test: a neighbour's IPv4 address whose ARP reply goes back; 0: none */
	__u32 zero_end;
};

/* relay_locals, HASH: key struct mesh_addr, an address at which the relay is reached; value
 * __u32 1.
 */

/* relay_ports, HASH: key __u32 ifindex of an interface that has the program; value __u32 enum
 * mesh_relay_port. Between two of them data is redirected, but not from a native to a generic one.
 */
enum mesh_relay_port {
	MESH_RELAY_PORT_NATIVE = 1,
	MESH_RELAY_PORT_GENERIC = 2,
};

/* relay_channels, HASH: where data goes that comes from `addr`, `port` on `channel`. */
struct mesh_relay_key {
	struct mesh_addr addr;
	__be32 channel;
	__be16 port;
	__u16 zero;
};

enum mesh_relay_onward_flags {
	MESH_RELAY_TO_STREAM = 1, /* the peer is on TLS: the daemon forwards */
};

/* One cache line. Replaced whole, so a packet sees the old way or the new one. */
struct mesh_relay_onward {
	struct mesh_addr local; /* the relay's address that the sender uses */
	struct mesh_addr src;   /* the relay's address that the peer uses */
	struct mesh_addr dst;   /* the peer's */
	__be32 channel;         /* the peer's name for the pair */
	__u32 slot;             /* index into relay_usage */
	__be16 dport;
	__u16 flags; /* enum mesh_relay_onward_flags */
	__u32 zero;
};

/* relay_usage, ARRAY: one for each channel, zeroed by the daemon when it gives the slot away; the
 * program writes. Bytes are UDP payload; times CLOCK_BOOTTIME, 0: never. */
struct mesh_relay_usage {
	__u64 pkts, bytes, last_ns;
	__u64 due_ns; /* when what was forwarded would have been sent at exactly the rate */
	__u64 dropped_pkts;
	__u64 zero[3];
};

/* relay_stun_sources, LRU_HASH: key struct mesh_addr, value __u64: as due_ns, for answers; kept by
 * the program. relay_stun_all, PERCPU_ARRAY of 1: the same for all sources. */

MESH_ABI_ASSERT(sizeof(struct mesh_relay_config) == 56, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_relay_key) == 24, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_relay_onward) == 64, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_relay_usage) == 64, "layout is shared");
