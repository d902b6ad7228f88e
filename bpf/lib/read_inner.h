/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading a packet inside the tunnel: whole, of a form that can be judged, or a reason to drop it.
 * Nothing here writes. */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/acl_reasons.h"
#include "bpf/lib/inner.h"
#include "bpf/lib/inner_v6.h"
#include "bpf/lib/transport.h"

#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_OFFSET         0x1fff

static __always_inline __u32 read_inner_v4(struct __sk_buff *skb, struct inner *p)
{
	struct iphdr ip;
	__u32 bits;

	if (load(skb, 0, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5 || !ip.ttl)
		return MESH_ACL_IN_MALFORMED;
	p->length = bpf_ntohs(ip.tot_len);
	p->l4 = ip.ihl * 4u;
	if (p->length < p->l4 || l2_bytes + p->length > skb->len)
		return MESH_ACL_IN_MALFORMED;
	addr_from_v4(&p->src, ip.saddr);
	addr_from_v4(&p->dst, ip.daddr);
	p->protocol = ip.protocol;
	p->is_v6 = 0;
	if (ip.ihl != 5) /* a source route would lead past the check of the destination */
		return MESH_ACL_IN_OPTIONS;
	bits = bpf_ntohs(ip.frag_off);
	p->fragment_id = ip.id;
	p->fragment_offset = (bits & IPV4_OFFSET) * 8;
	if (p->fragment_offset)
		p->fragment = FRAGMENT_LATER;
	else if (bits & IPV4_MORE_FRAGMENTS)
		p->fragment = FRAGMENT_FIRST;
	if (p->fragment && (bits & IPV4_MORE_FRAGMENTS) && (p->length - p->l4) % 8)
		return MESH_ACL_IN_MALFORMED;
	return p->protocol == PROTOCOL_ICMPV6 ? MESH_ACL_IN_MALFORMED : 0;
}

/* Reads a packet; `p` is zero before. 0, or the reason to drop it, with what could be read in p. */
static __always_inline __u32 read_inner(struct __sk_buff *skb, struct inner *p)
{
	__u32 problem = MESH_ACL_IN_MALFORMED;

	if (skb->protocol == bpf_htons(ETH_P_IP))
		problem = read_inner_v4(skb, p);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		problem = read_inner_v6(skb, p);
	if (problem)
		return problem;
	if (p->fragment_offset + p->length - p->l4 > 65535)
		return MESH_ACL_IN_MALFORMED; /* would pass the largest packet when put together */
	return p->fragment == FRAGMENT_LATER ? 0 : read_transport(skb, p);
}
