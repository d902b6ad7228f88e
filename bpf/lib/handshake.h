/* SPDX-License-Identifier: GPL-2.0-only */
/* WireGuard's handshakes on their way: the agent is told of this node's own and of strangers', and
 * of two that cross one stands. */
#pragma once

#include <linux/bpf.h>
#include <asm/byteorder.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/handshake.h"
#include "bpf/lib/packet.h"
#include "bpf/lib/underlay_maps.h"
#include "bpf/lib/wireguard.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024); /* of about 1,400 peers at once */
} handshakes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __be32);
	__type(value, struct mesh_begun);
} begun SEC(".maps");

/* Tells the agent who knocked, within a budget that a flood of forged sources cannot exceed. */
static __always_inline void report_initiation(struct __sk_buff *skb, const struct udp_packet *p)
{
	__u32 zero = 0;
	__u64 now = bpf_ktime_get_boot_ns();
	struct mesh_event_budget *b = bpf_map_lookup_elem(&event_budget, &zero);
	struct mesh_unknown_initiation *e;

	if (!b)
		return;
	if (now - b->window_start_ns >= 1000000000ull) {
		b->window_start_ns = now;
		b->sent = 0;
	}
	if (b->sent >= MESH_EVENTS_PER_SECOND)
		return;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return;
	b->sent++;
	e->src = p->src;
	e->dst = p->dst;
	e->boot_ns = now;
	e->ifindex = skb->ifindex;
	e->sport = p->udp.source;
	e->zero = 0;
	bpf_ringbuf_submit(e, 0);
}

/* Gives the agent the handshake message at that place: an initiation, or else a response. What
 * finds no room there WireGuard repeats. */
static __always_inline void tell_handshake(struct __sk_buff *skb, __u32 at, __be32 synth,
					   __u32 type, __u32 sent)
{
	struct mesh_handshake *e = bpf_ringbuf_reserve(&handshakes, sizeof(*e), 0);
	long refused;

	if (!e)
		return;
	__builtin_memset(e, 0, sizeof(*e));
	e->boot_ns = bpf_ktime_get_boot_ns();
	e->synth = synth;
	e->length = type == WG_INITIATION ? WG_INITIATION_BYTES : WG_RESPONSE_BYTES;
	e->sent = sent;
	if (type == WG_INITIATION)
		refused = bpf_skb_load_bytes(skb, at, e->message, WG_INITIATION_BYTES);
	else
		refused = bpf_skb_load_bytes(skb, at, e->message, WG_RESPONSE_BYTES);
	if (refused)
		bpf_ringbuf_discard(e, 0);
	else
		bpf_ringbuf_submit(e, 0);
}

static __always_inline void note_begun(__be32 synth, __u32 index)
{
	struct mesh_begun own = {.boot_ns = bpf_ktime_get_boot_ns(), .index = index};

	bpf_map_update_elem(&begun, &synth, &own, BPF_ANY);
}

/* Whether the initiation of that index crosses one of ours that stands. */
static __always_inline int gives_way(__be32 synth, __u32 index)
{
	struct mesh_begun *own = bpf_map_lookup_elem(&begun, &synth);

	return own && bpf_ktime_get_boot_ns() - own->boot_ns < MESH_CROSSING_NS &&
	       __le32_to_cpu(own->index) > __le32_to_cpu(index);
}
