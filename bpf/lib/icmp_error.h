/* SPDX-License-Identifier: GPL-2.0-only */
/* What an ICMP error quotes: the packet that this node is said to have sent. */
#pragma once

#include <linux/bpf.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/flow.h"
#include "bpf/lib/read_inner.h"

enum {
	ICMP_FRAGMENTATION_NEEDED = 4, /* code of "unreachable" */
	ICMPV6_TOO_BIG = 2,
};

/* No honest path is narrower: ip_rt_min_pmtu of the kernel, and RFC 8200 5. */
#define MIN_PMTU_V4 552
#define MIN_PMTU_V6 1280

/* Whether the MTU that an error tells is one that a path may have. */
static __always_inline int is_honest_mtu(struct __sk_buff *skb, const struct inner *p)
{
	__be32 word;

	if (p->is_v6 ? p->flags != ICMPV6_TOO_BIG
		     : p->flags != 3 || p->code != ICMP_FRAGMENTATION_NEEDED)
		return 1;
	if (load(skb, p->l4 + 4, &word, sizeof(word)))
		return 0;
	if (p->is_v6)
		return bpf_ntohl(word) >= MIN_PMTU_V6;
	return (bpf_ntohl(word) & 0xffff) >= MIN_PMTU_V4;
}

/* Reads the quoted packet, which may be cut after 8 bytes of transport header. 0, or -1 when it
 * cannot be told whose it is. `q` is zero before. */
static __noinline int read_quoted(struct __sk_buff *skb, const struct inner *p, struct inner *q)
{
	const __u32 start = p->l4 + 8;
	struct iphdr v4;
	struct ipv6hdr v6;
	struct {
		__be16 sport, dport;
		__be16 id, sequence;
	} head;

	if (p->is_v6) {
		q->l4 = start + sizeof(v6);
		if (q->l4 + sizeof(head) > p->length || load(skb, start, &v6, sizeof(v6)) ||
		    v6.version != 6)
			return -1;
		__builtin_memcpy(&q->src, &v6.saddr, sizeof(q->src));
		__builtin_memcpy(&q->dst, &v6.daddr, sizeof(q->dst));
		q->protocol = v6.nexthdr;
		q->is_v6 = 1;
		if (is_extension(q->protocol) || q->protocol == IPPROTO_ICMP ||
		    addr_is_v4(&q->src) || addr_is_v4(&q->dst))
			return -1;
	} else {
		q->l4 = start + sizeof(v4);
		if (q->l4 + sizeof(head) > p->length || load(skb, start, &v4, sizeof(v4)) ||
		    v4.version != 4 || v4.ihl != 5 || v4.frag_off & bpf_htons(IPV4_OFFSET))
			return -1;
		addr_from_v4(&q->src, v4.saddr);
		addr_from_v4(&q->dst, v4.daddr);
		q->protocol = v4.protocol;
		if (q->protocol == PROTOCOL_ICMPV6)
			return -1;
	}
	if (load(skb, q->l4, &head, sizeof(head)))
		return -1;
	if (is_icmp(q)) {
		q->flags = bpf_ntohs(head.sport) >> 8;
		q->sport = head.id;
		return icmp_request(q) < 0 ? -1 : 0;
	}
	if (q->protocol == IPPROTO_TCP || q->protocol == IPPROTO_UDP ||
	    q->protocol == IPPROTO_SCTP) {
		q->sport = head.sport;
		q->dport = head.dport;
	}
	return 0;
}
