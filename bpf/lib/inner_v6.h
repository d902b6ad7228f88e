/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading an IPv6 header and a bounded chain of extension headers (RFC 8200). */
#pragma once

#include <linux/bpf.h>
#include <linux/ipv6.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/acl_reasons.h"
#include "bpf/lib/inner.h"

/* RFC 8200 4.1 knows six kinds of extension headers, one of them twice. */
#define MAX_EXTENSIONS 7

/* One extension header at p->l4: moves behind it. 0, or why not. */
static __always_inline __u32 pass_extension(struct __sk_buff *skb, struct inner *p)
{
	struct {
		__u8 next, length;
		__be16 offset; /* fragment header; routing header: kind and segments left */
		__be32 id;
	} head;
	__u32 bytes, bits;

	if (p->l4 + sizeof(head) > p->length || load(skb, p->l4, &head, sizeof(head)))
		return MESH_ACL_IN_MALFORMED;
	bytes = (head.length + 1u) * 8;
	bits = bpf_ntohs(head.offset);
	if (p->protocol == PROTOCOL_ROUTING && bits & 0xff)
		return MESH_ACL_IN_OPTIONS; /* the next destination would not be judged */
	if (p->protocol == PROTOCOL_AUTHENTICATION)
		bytes = (head.length + 2u) * 4; /* RFC 4302 2.2 */
	if (p->protocol == PROTOCOL_FRAGMENT) {
		bytes = sizeof(head);
		if (p->fragment)
			return MESH_ACL_IN_MALFORMED; /* a fragment of a fragment */
		p->fragment_id = head.id;
		p->fragment_offset = bits & 0xfff8;
		if (p->fragment_offset)
			p->fragment = FRAGMENT_LATER;
		else if (bits & 1) /* without: atomic, a whole packet (RFC 6946) */
			p->fragment = FRAGMENT_FIRST;
		if (bits & 1 && (p->length - p->l4 - bytes) % 8)
			return MESH_ACL_IN_MALFORMED;
	}
	p->l4 += bytes;
	p->protocol = head.next;
	return p->l4 > p->length ? MESH_ACL_IN_MALFORMED : 0;
}

static __always_inline int is_extension(__u8 protocol)
{
	return protocol == PROTOCOL_ROUTING || protocol == PROTOCOL_FRAGMENT ||
	       protocol == PROTOCOL_AUTHENTICATION || protocol == PROTOCOL_DESTINATION ||
	       protocol == PROTOCOL_HOP_BY_HOP;
}

static __always_inline __u32 read_inner_v6(struct __sk_buff *skb, struct inner *p)
{
	struct ipv6hdr ip;
	__u32 problem;

	if (load(skb, 0, &ip, sizeof(ip)) || ip.version != 6 || !ip.hop_limit)
		return MESH_ACL_IN_MALFORMED;
	p->length = sizeof(ip) + bpf_ntohs(ip.payload_len);
	p->l4 = sizeof(ip);
	if (l2_bytes + p->length > skb->len)
		return MESH_ACL_IN_MALFORMED;
	__builtin_memcpy(&p->src, &ip.saddr, sizeof(p->src));
	__builtin_memcpy(&p->dst, &ip.daddr, sizeof(p->dst));
	p->protocol = ip.nexthdr;
	p->is_v6 = 1;
	if (addr_is_v4(&p->src) || addr_is_v4(&p->dst))
		return MESH_ACL_IN_MALFORMED;
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		/* What follows the header of a later fragment is data. */
		if (!is_extension(p->protocol) || p->fragment == FRAGMENT_LATER)
			break;
		if (p->protocol == PROTOCOL_HOP_BY_HOP && i)
			return MESH_ACL_IN_MALFORMED; /* only in front (RFC 8200 4.1) */
		problem = pass_extension(skb, p);
		if (problem)
			return problem;
	}
	if (p->fragment != FRAGMENT_LATER && is_extension(p->protocol))
		return MESH_ACL_IN_EXTENSIONS;
	return p->protocol == IPPROTO_ICMP ? MESH_ACL_IN_MALFORMED : 0;
}
