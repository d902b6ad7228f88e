/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Maps of the gate on mesh0: who a packet is from, and apart from that who may send here. Written
 * by the agent through controller/bpf, read by bpf/gate.bpf.c. */
#pragma once

#include "bpf/abi/addr.h"

/* gate_config, ARRAY of 1. Zero: everything drops, both ways. */
struct mesh_gate_config {
	__u32 armed; /* 1: identities and rules are complete; 0: default deny */
	__u32 zero;
	__u64 generation; /* which set of tables this is; for people, the programs do not read it */
};

/* identities, HASH: key struct mesh_addr, an overlay address of a peer; value __u64 node id. */

/* rules, HASH: key __u64 node id, or MESH_GATE_ANY_NODE for every identity; value __u32 rule id. */
#define MESH_GATE_ANY_NODE 0ull

/* gate_counters, PERCPU_ARRAY of __u64. X(NAME, "label", "meaning") */
#define MESH_GATE_REASONS(X)                                                                       \
	X(IN_ALLOWED, "in_allowed", "admitted by a rule")                                          \
	X(IN_NOT_ARMED, "in_not_armed", "dropped: the gate has no policy yet")                     \
	X(IN_MALFORMED, "in_malformed", "dropped: not a whole IPv4 or IPv6 packet")                \
	X(IN_UNKNOWN_SOURCE, "in_unknown_source", "dropped: inner source is no peer's address")    \
	X(IN_MULTICAST, "in_multicast", "dropped: multicast or broadcast destination")             \
	X(IN_DENIED, "in_denied", "dropped: no rule admits this node")                             \
	X(OUT_ALLOWED, "out_allowed", "sent")                                                      \
	X(OUT_NOT_ARMED, "out_not_armed", "dropped: the gate has no policy yet")

enum mesh_gate_reason {
#define MESH_REASON_ENUM(name, label, meaning) MESH_GATE_##name,
	MESH_GATE_REASONS(MESH_REASON_ENUM)
#undef MESH_REASON_ENUM
		MESH_GATE_REASON_COUNT
};

MESH_ABI_ASSERT(sizeof(struct mesh_gate_config) == 16, "layout is shared");
