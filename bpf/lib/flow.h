/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows that this node opened, and those without connections that it serves: what is remembered,
 * for how long, and what counts as an answer. */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/acl_state.h"
#include "bpf/lib/acl_maps.h"
#include "bpf/lib/inner.h"
#include "bpf/lib/message.h"

#define NS_PER_S 1000000000ull

/* How long a flow that says nothing is remembered: the kernel's defaults
 * (nf_conntrack_proto_tcp.c, _udp.c, _icmp.c, _sctp.c, _generic.c). */
static __always_inline __u64 patience_ns(__u8 protocol, __u32 state)
{
	const int is_replied = state == MESH_FLOW_REPLIED;

	switch (protocol) {
	case IPPROTO_TCP:
		return (is_replied ? 432000 : 120) * NS_PER_S;
	case IPPROTO_UDP:
		return (is_replied ? 180 : 30) * NS_PER_S;
	case IPPROTO_SCTP:
		return (is_replied ? 210 : 30) * NS_PER_S;
	case IPPROTO_ICMP:
	case PROTOCOL_ICMPV6:
		return 30 * NS_PER_S;
	default:
		return 600 * NS_PER_S;
	}
}

static __always_inline int is_live(const struct mesh_flow *f, __u8 protocol, __u64 now_ns)
{
	/* Another CPU may have stamped it after `now_ns` was read. */
	return f->seen_ns >= now_ns || now_ns - f->seen_ns < patience_ns(protocol, f->state);
}

/* Once a second is enough for patience, and keeps the line of a busy flow clean. */
static __always_inline void touch(struct mesh_flow *f, __u64 now_ns)
{
	if (f->seen_ns + NS_PER_S <= now_ns)
		f->seen_ns = now_ns;
}

static __always_inline void key_of(struct mesh_flow_key *k, const struct inner *p, int is_inbound)
{
	__builtin_memset(k, 0, sizeof(*k));
	k->local = is_inbound ? p->dst : p->src;
	k->remote = is_inbound ? p->src : p->dst;
	k->protocol = p->protocol;
	if (is_icmp(p)) {
		k->local_port = p->sport;
		k->remote_port = icmp_request(p);
		return;
	}
	k->local_port = is_inbound ? p->dport : p->sport;
	k->remote_port = is_inbound ? p->sport : p->dport;
}

static __always_inline void advance(struct mesh_flow *f, const struct inner *p, __u32 next)
{
	if (p->protocol == IPPROTO_TCP && p->flags & (TCP_FIN | TCP_RST))
		next = MESH_FLOW_CLOSING;
	if (next > f->state)
		f->state = next;
}

/* Whether an arriving packet is an answer on a flow that this node opened. */
static __always_inline int is_answer(const struct inner *p, const struct mesh_flow_key *key,
				     __u64 now_ns)
{
	struct mesh_flow *f;

	if (is_icmp(p) && (icmp_request(p) < 0 || icmp_request(p) == p->flags))
		return 0;
	f = bpf_map_lookup_elem(&flows, key);
	if (!f || !is_live(f, p->protocol, now_ns))
		return 0;
	/* A SYN is an answer only while both ends open at once (RFC 9293 3.5); later it asks for
	 * a connection of its own. */
	if (p->protocol == IPPROTO_TCP && (p->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
	    f->state != MESH_FLOW_OPENED)
		return 0;
	advance(f, p, MESH_FLOW_REPLIED);
	touch(f, now_ns);
	return 1;
}

/* Whether a packet that leaves is on a flow that this node opened and that is still one. */
static __always_inline int continues_flow(const struct inner *p, const struct mesh_flow_key *key,
					  __u64 now_ns)
{
	struct mesh_flow *f = bpf_map_lookup_elem(&flows, key);

	if (!f || !is_live(f, p->protocol, now_ns))
		return 0;
	if (p->protocol == IPPROTO_TCP && (p->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
	    f->state == MESH_FLOW_CLOSING)
		return 0; /* the ports are used again */
	/* An ACK of ours says that the peer has answered, which a rule may have let in. */
	advance(f, p,
		p->protocol == IPPROTO_TCP && p->flags & TCP_ACK ? MESH_FLOW_REPLIED
								 : MESH_FLOW_OPENED);
	touch(f, now_ns);
	return 1;
}

static __always_inline int remember(void *table, const struct mesh_flow_key *key, __u64 now_ns)
{
	struct mesh_flow fresh = {.opened_ns = now_ns, .seen_ns = now_ns};

	return bpf_map_update_elem(table, key, &fresh, BPF_ANY);
}

/* Whether a peer opened it, of what has no connections. An entry that is met again has the longer
 * patience. */
static __always_inline int is_served(const struct inner *p, const struct mesh_flow_key *key,
				     __u64 now_ns)
{
	struct mesh_flow *f = bpf_map_lookup_elem(&served, key);

	if (!f || !is_live(f, p->protocol, now_ns))
		return 0;
	if (f->state != MESH_FLOW_REPLIED)
		f->state = MESH_FLOW_REPLIED;
	touch(f, now_ns);
	return 1;
}
