/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Every way a packet can end in the programs of bpf/underlay.bpf.c: one list, of which the enum,
 * the labels and the documentation are made. */
#pragma once

/* counters, PERCPU_ARRAY of __u64: one for each way a packet can end. X(NAME, "label", "meaning")
 */
#define MESH_UNDERLAY_REASONS(X)                                                                   \
	X(IN_PASS, "in_pass", "not for this node's public port: left to the host")                 \
	X(IN_PASS_UNCONFIGURED, "in_pass_unconfigured",                                            \
	  "the agent has not configured the programs")                                             \
	X(IN_PASS_FRAGMENT, "in_pass_fragment",                                                    \
	  "fragment to a local address: left to the host, never WireGuard")                        \
	X(IN_PASS_CONTROL, "in_pass_control",                                                      \
	  "to the public port and not WireGuard: STUN, disco, a relay's word, anything else")      \
	X(IN_ADDRESS, "in_address", "delivered, sender known by address and port")                 \
	X(IN_INDEX, "in_index", "delivered, sender known by receiver index")                       \
	X(IN_RELAY, "in_relay", "delivered, sender known by relay channel")                        \
	X(IN_UNKNOWN_INITIATION, "in_unknown_initiation",                                          \
	  "dropped: handshake initiation that no path explains, or that crosses ours")             \
	X(IN_UNKNOWN_DATA, "in_unknown_data",                                                      \
	  "dropped: response, cookie or data, neither source nor index known")                     \
	X(IN_UNKNOWN_CHANNEL, "in_unknown_channel", "dropped: relay channel that is not bound")    \
	X(IN_BAD_INNER, "in_bad_inner",                                                            \
	  "dropped: bound relay channel that carries no WireGuard message")                        \
	X(IN_MERGED, "in_merged", "dropped: merged by GRO on a path that must be translated")      \
	X(IN_NO_REWRITE, "in_no_rewrite", "dropped: a kernel helper refused to rewrite")           \
	X(IN_PLAINTEXT, "in_plaintext",                                                            \
	  "dropped: in the clear, to or in the name of this node's address inside the mesh")       \
	X(OUT_DIRECT, "out_direct", "sent straight to the peer")                                   \
	X(OUT_RELAY, "out_relay", "sent through a relay")                                          \
	X(OUT_UNCONFIGURED, "out_unconfigured",                                                    \
	  "dropped: the agent has not configured the programs")                                    \
	X(OUT_UNEXPECTED, "out_unexpected",                                                        \
	  "dropped: not an unfragmented WireGuard message from WireGuard's socket")                \
	X(OUT_NO_PATH, "out_no_path", "dropped: no path to this peer")                             \
	X(OUT_TOO_BIG, "out_too_big", "dropped: larger than the path's MTU")                       \
	X(OUT_NO_COPY, "out_no_copy", "the second copy could not be made; the first went out")     \
	X(OUT_NO_REWRITE, "out_no_rewrite", "dropped: a kernel helper refused to rewrite")

enum mesh_underlay_reason {
#define MESH_REASON_ENUM(name, label, meaning) MESH_UNDERLAY_##name,
	MESH_UNDERLAY_REASONS(MESH_REASON_ENUM)
#undef MESH_REASON_ENUM
		MESH_UNDERLAY_REASON_COUNT
};
