/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the programs on mesh0 remember and tell beside the policy's image: settings, flows,
 * fragments, counters, samples. Read and written by bpf/acl.bpf.c; settings are the agent's. */
#pragma once

#include "bpf/abi/addr.h"

/* Constants of the loaded programs, in .rodata. */
struct mesh_acl_constants {
	__u32 l2_bytes; /* in front of the IP header: 0 on WireGuard's interface, 14: Ethernet */
	__u32 counted_rules; /* slots that rule_counters has for each CPU */
};

/* acl_config, ARRAY of 1. All zero is a working setting. */
enum mesh_acl_flags {
	MESH_ACL_QUIET = 1,        /* denied packets are dropped without an answer */
	MESH_ACL_FOLLOW_FLOWS = 2, /* new flows are reported, not only denials */
};
struct mesh_acl_config {
	__u64 owner; /* as mesh_underlay_config's; never 0 once an agent has opened it */
	__u32 abi;   /* MESH_ABI_VERSION of who wrote it */
	__u32 flags;
	__u64 deny_after_ns; /* CLOCK_BOOTTIME: from then on everything drops; 0: never */
};

/* flows and served, LRU_HASH. `flows` are those that this side of the tunnel opened: their answers
 * may come in. `served` are those without connections that a peer opened and the policy admitted:
 * what this side sends on them is an answer and opens nothing. */
struct mesh_flow_key {
	struct mesh_addr local;
	struct mesh_addr remote;
	__be16 local_port;  /* ICMP: the identifier; other protocols without ports: 0 */
	__be16 remote_port; /* ICMP: the type of the request, so that only its answer comes in */
	__u8 protocol;
	__u8 zero[3];
};
enum mesh_flow_state {
	MESH_FLOW_OPENED, /* nothing has come back */
	MESH_FLOW_REPLIED,
	MESH_FLOW_CLOSING, /* a FIN or RST was seen */
};
struct mesh_flow {
	__u64 opened_ns; /* CLOCK_MONOTONIC */
	__u64 seen_ns;   /* no more often than once a second */
	__u32 state;
	__u32 zero;
};

/* fragments, LRU_HASH: datagrams whose first fragment was admitted. */
struct mesh_fragment_key {
	struct mesh_addr src;
	struct mesh_addr dst;
	__be32 id;
	__u8 protocol;
	__u8 zero[3];
};
struct mesh_fragment {
	__u64 seen_ns;
	__u32 end;        /* first byte that no fragment has brought yet */
	__u32 generation; /* of the policy that admitted the first one */
};
#define MESH_FRAGMENT_S 30 /* as ipfrag_time: the host itself waits no longer */

/* rule_counters, ARRAY: CPU * counted_rules + counter slot. A per-CPU array would cost two cache
 * lines a packet, a pointer and the value. */
struct mesh_acl_count {
	__u64 packets;
	__u64 bytes;
};

/* acl_budget, PERCPU_ARRAY of 1: what this CPU did in this second. */
struct mesh_acl_budget {
	__u64 second;
	__u32 events;
	__u32 refusals;
};
#define MESH_ACL_EVENTS_PER_SECOND   256  /* each CPU; 16 KiB/s */
#define MESH_ACL_REFUSALS_PER_SECOND 1000 /* each CPU; as icmp_msgs_per_sec */

/* acl_events, RINGBUF of these. */
enum mesh_acl_direction {
	MESH_ACL_IN,
	MESH_ACL_OUT,
};
struct mesh_acl_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	struct mesh_addr src;
	struct mesh_addr dst;
	__be16 sport; /* ICMP: the identifier */
	__be16 dport;
	__u32 node; /* whose address the remote end is; 0: nobody's */
	__u32 generation;
	__u32 slot; /* of the rule; 0: none */
	__u32 length;
	__u8 protocol;
	__u8 direction;
	__u8 reason;
	__u8 detail; /* TCP: flags; ICMP: type */
};

/* Mark of an answer to a denied packet on its way back into the tunnel. WireGuard clears marks of
 * what it receives, and a local packet with this mark lacks the incoming interface. */
#define MESH_MARK_REFUSAL 0x4b4d0002u

MESH_ABI_ASSERT(sizeof(struct mesh_acl_config) == 24, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_flow_key) == 40, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_flow) == 24, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_fragment_key) == 40, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_fragment) == 16, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_acl_event) == 64, "layout is shared");
