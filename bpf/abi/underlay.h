/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Maps of the virtual underlay: how WireGuard's packets to a synthetic address leave on a real path
 * and come back. Written by the agent through controller/bpf, read by bpf/underlay.bpf.c; where it
 * is the other way round the struct says so. docs/abi.md lists the maps. */
#pragma once

#include "bpf/abi/addr.h"
#include "bpf/abi/underlay_reasons.h"

/* The whole world of WireGuard's namespace is 240.0.0.0/8 (class E, RFC 1112 section 4): host byte
 * order. This node has the last usable address; .255.255.255 stays free, it is the broadcast. */
#define MESH_SYNTH_NET  0xf0000000u
#define MESH_SYNTH_MASK 0xff000000u
#define MESH_SYNTH_SELF 0xf0fffffeu

/* First 16 bits of the relay header, network order value: top bits 11 are neither STUN's (00) nor a
 * WireGuard type (1..4 little-endian), the low byte is the version. */
#define MESH_SHIM_MAGIC 0xd101u

/* First 32 bits of a message of path discovery, network order value (controller/core/path/disco.h).
 */
#define MESH_DISCO_MAGIC 0xd4600d15u

/* Ends of the veth pair: [host, private]; locally administered. */
#define MESH_MAC_HOST                                                                              \
	{                                                                                          \
		2, 0, 0, 0, 0, 1                                                                   \
	}
#define MESH_MAC_PRIVATE                                                                           \
	{                                                                                          \
		2, 0, 0, 0, 0, 2                                                                   \
	}

/* skb mark of the second copy when a packet takes both hops. Lives between two runs of underlay_out
 * on one device only; a veth between namespaces clears marks, so nobody else can set it. */
#define MESH_MARK_SECOND_COPY 0x4b4d0001u

/* config, ARRAY of 1. All zero until the agent fills it: then inbound passes and outbound drops.
 * owner and abi keep their place in every version of the layout: an agent that finds programs
 * without pins knows by them whose they are and how to read the rest. */
struct mesh_underlay_config {
	__u64 owner; /* FNV-1a of the instance's name; never 0 once an agent has opened it */
	__u32 abi;   /* MESH_ABI_VERSION of who wrote it */
	__u32 meshu_ifindex; /* host end of the veth */
	__be32 self_synth;   /* this node inside the namespace */
	__be16 public_port;  /* P: source and destination port on real networks */
	__be16 synth_port;   /* port of every peer's synthetic endpoint */
	__be16 wg_port;      /* WireGuard's listen port inside the namespace */
	__u16 zero[3];
};

/* One way to a peer. With `channel` it leads to a relay and carries the relay header. */
struct mesh_hop {
	struct mesh_addr src; /* one of the node's own addresses; same family as dst */
	struct mesh_addr dst; /* the peer's or the relay's */
	__u32 ifindex;  /* real interface, the route is looked up through it alone; 0: no hop */
	__be32 channel; /* 0: direct */
	__be16 dport;
	__u16 mtu; /* largest IP packet that the way is known to carry, bytes; 0: not checked */
	__u32 zero;
};

enum mesh_use {
	MESH_USE_PRIMARY = 1,   /* hop[0] */
	MESH_USE_SECONDARY = 2, /* hop[1] */
	MESH_USE_BOTH = 3,
};

/* paths, HASH: key __be32 synthetic address of a peer. Replaced whole, so a packet sees the old or
 * the new path and never half of each. A peer without a path has an entry without hops, so that
 * what WireGuard tries to send it is noted. What every packet reads comes first: with the kernel's
 * 56 bytes in front it fills one cache line. */
struct mesh_path {
	__u64 deadline_ns; /* CLOCK_BOOTTIME; past it hop[1] is used as well, if there is one. 0:
			      never */
	__u32 use;         /* enum mesh_use; 0: no path */
	__u32 slot;        /* index into traffic, kept as long as the entry is; 0: not counted */
	struct mesh_hop hop[2];
};

/* sources, HASH: who sends from there. Key: mesh_source, value: mesh_sender. */
struct mesh_source {
	struct mesh_addr addr;
	__be32 channel; /* 0: direct */
	__be16 port;
	__u16 zero;
};

struct mesh_sender {
	__be32 synth;
	__u32 slot; /* as in the peer's mesh_path; channels of a peer have one apart */
};

/* indices, LRU_HASH: key __le32 WireGuard sender index of ours (as on the wire), value __be32
 * synthetic address. Written by underlay_out only, from our own handshake messages. */

/* locals, HASH: key struct mesh_addr, an address of this host; value __u32 enum mesh_local. */
enum mesh_local {
	MESH_LOCAL_UNDERLAY = 1, /* on a real network: WireGuard's packets arrive here */
	MESH_LOCAL_OVERLAY = 2,  /* inside the mesh: nothing arrives here but through the tunnel */
};

/* traffic, ARRAY: index is the slot that paths and sources name; slot 0 belongs to nobody. The
 * agent zeroes a slot when it gives it to a peer, the programs add. One cache line for each peer
 * and not one for each peer and CPU: a peer's packets mostly stay on one CPU, and the size does not
 * grow with the machine. Bytes are UDP payload; times CLOCK_BOOTTIME, 0: never. tx_last_ns also
 * moves when a packet finds no path. Received packets are not authenticated yet when they are
 * counted. */
struct mesh_traffic {
	__u64 rx_pkts, rx_bytes, rx_last_ns;
	__u64 tx_pkts, tx_bytes, tx_last_ns;
	__u64 zero[2];
};

/* events, RINGBUF: a handshake initiation whose source no path explains, so that the agent can look
 * for the sender. At most MESH_EVENTS_PER_SECOND a second and CPU. Not authenticated. */
#define MESH_EVENTS_PER_SECOND 32
struct mesh_unknown_initiation {
	struct mesh_addr src, dst;
	__u64 boot_ns;
	__u32 ifindex;
	__be16 sport;
	__u16 zero;
};

/* event_budget, PERCPU_ARRAY of 1, kept by the program. */
struct mesh_event_budget {
	__u64 window_start_ns;
	__u64 sent;
};

MESH_ABI_ASSERT(sizeof(struct mesh_underlay_config) == 32, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_hop) == 48, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_path) == 112, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_source) == 24, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_sender) == 8, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_traffic) == 64, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_unknown_initiation) == 48, "layout is shared");
