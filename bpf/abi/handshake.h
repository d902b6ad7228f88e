/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Maps of WireGuard's handshakes between this node and its peers, beside those of
 * bpf/abi/underlay.h: what lets a session begin as soon as there is a path. Handshake messages
 * alone are looked up here. */
#pragma once

#include "bpf/abi/addr.h"

/* handshakes, RINGBUF: the initiations and responses of this node's WireGuard. The agent sends what
 * found no path as soon as there is one, and again what left on a new path and is not answered;
 * WireGuard would begin again after 5 s. WireGuard makes at most one initiation for each peer in
 * that time, and answers 50 a second, so this has no budget of its own. */
#define MESH_HANDSHAKE_BYTES 148 /* of the longest, an initiation */
struct mesh_handshake {
	__u64 boot_ns;
	__be32 synth; /* the peer's */
	__u32 length; /* of the message, bytes */
	__u32 sent;   /* 1: it left; 0: there was no path */
	__u8 message[MESH_HANDSHAKE_BYTES];
};

/* begun, LRU_HASH: key __be32 synthetic address of a peer, value the initiation that this node sent
 * it last. Linux has one handshake for each peer: an end that answers forgets what it began, so of
 * two initiations that cross both would fail. The one with the greater index stands: within
 * MESH_CROSSING_NS of it its sender drops the other. Longer than most round trips, and shorter than
 * what the agent repeats an unanswered one for. */
#define MESH_CROSSING_NS 700000000ull
struct mesh_begun {
	__u64 boot_ns;
	__u32 index; /* little-endian, as on the wire */
	__u32 zero;
};

MESH_ABI_ASSERT(sizeof(struct mesh_handshake) == 168, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_begun) == 16, "layout is shared");
