/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Every way a packet can end in the programs of bpf/acl.bpf.c: one list, of which the enum, the
 * labels and the documentation are made. */
#pragma once

/* acl_counters, PERCPU_ARRAY of __u64. X(NAME, "label", "meaning") */
#define MESH_ACL_REASONS(X)                                                                        \
	X(IN_ALLOWED, "in_allowed", "admitted by a rule")                                          \
	X(IN_FLOW, "in_flow", "answer on a flow that this node opened")                            \
	X(IN_FRAGMENT, "in_fragment", "later fragment of an admitted datagram")                    \
	X(IN_ERROR, "in_error", "ICMP error about a packet that this node may send")               \
	X(IN_NOT_ARMED, "in_not_armed", "dropped: there is no policy yet")                         \
	X(IN_STALE, "in_stale", "dropped: the policy is older than it may be")                     \
	X(IN_MALFORMED, "in_malformed", "dropped: not a whole packet of a known form")             \
	X(IN_OPTIONS, "in_options", "dropped: IPv4 options, or IPv6 routing header in use")        \
	X(IN_EXTENSIONS, "in_extensions", "dropped: too many IPv6 extension headers")              \
	X(IN_TCP_FLAGS, "in_tcp_flags", "dropped: TCP flags that no connection has")               \
	X(IN_MULTICAST, "in_multicast", "dropped: multicast, broadcast or link-local address")     \
	X(IN_NEIGHBOUR, "in_neighbour", "dropped: router, neighbour or redirect message")          \
	X(IN_UNKNOWN_SOURCE, "in_unknown_source", "dropped: inner source is no peer's address")    \
	X(IN_NOT_OURS, "in_not_ours", "dropped: destination is not served by this node")           \
	X(IN_TINY, "in_tiny", "dropped: first fragment too short to judge")                        \
	X(IN_OVERLAP, "in_overlap", "dropped: fragment that overlaps or comes out of order")       \
	X(IN_ORPHAN, "in_orphan", "dropped: later fragment without an admitted first one")         \
	X(IN_BAD_ERROR, "in_bad_error", "dropped: ICMP error that quotes nothing of this node's")  \
	X(IN_DENIED, "in_denied", "dropped: no rule admits it")                                    \
	X(IN_REFUSED, "in_refused", "dropped and answered: no rule admits it")                     \
	X(OUT_ALLOWED, "out_allowed", "answer to what a rule admits")                              \
	X(OUT_FLOW, "out_flow", "on a flow that this node opened")                                 \
	X(OUT_OPENED, "out_opened", "opens a flow")                                                \
	X(OUT_UNTRACKED, "out_untracked", "sent without a flow: ICMP error, later fragment")       \
	X(OUT_REFUSAL, "out_refusal", "answer to a denied packet")                                 \
	X(OUT_NO_STATE, "out_no_state", "opens a flow that could not be remembered")               \
	X(OUT_NOT_ARMED, "out_not_armed", "dropped: there is no policy yet")                       \
	X(OUT_STALE, "out_stale", "dropped: the policy is older than it may be")                   \
	X(OUT_MALFORMED, "out_malformed", "dropped: not a whole packet of a known form")           \
	X(OUT_REVOKED, "out_revoked", "dropped: answer to what no rule admits (any more)")

enum mesh_acl_reason {
#define MESH_REASON_ENUM(name, label, meaning) MESH_ACL_##name,
	MESH_ACL_REASONS(MESH_REASON_ENUM)
#undef MESH_REASON_ENUM
		MESH_ACL_REASON_COUNT
};
