/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading the transport header: TCP, UDP, SCTP, ICMP, or nothing of another protocol. */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/acl_reasons.h"
#include "bpf/lib/inner.h"

/* The sets of flags that a TCP may send (RFC 9293; the same list as nf_conntrack's), as bits of a
 * word that the flags FIN, SYN, RST, ACK and URG index. */
static __always_inline int is_known_flags(__u8 flags)
{
	const __u64 known = 1ull << TCP_SYN | 1ull << (TCP_SYN | TCP_URG) |
			    1ull << (TCP_SYN | TCP_ACK) | 1ull << TCP_RST |
			    1ull << (TCP_RST | TCP_ACK) | 1ull << (TCP_FIN | TCP_ACK) |
			    1ull << (TCP_FIN | TCP_ACK | TCP_URG) | 1ull << TCP_ACK |
			    1ull << (TCP_ACK | TCP_URG);

	return known >> (flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK | TCP_URG)) & 1;
}

/* Reads the transport header of anything but a later fragment. 0, or why not. */
static __always_inline __u32 read_transport(struct __sk_buff *skb, struct inner *p)
{
	const __u32 available = p->length - p->l4;
	const __u32 short_of = p->fragment ? MESH_ACL_IN_TINY : MESH_ACL_IN_MALFORMED;
	struct {
		__be16 sport, dport; /* ICMP: type, code and sum */
		__be32 word1;        /* UDP: length and sum; ICMP: identifier */
	} head;
	__u8 tcp[2]; /* data offset and flags */

	if (p->protocol == IPPROTO_TCP) {
		if (available < 20)
			return short_of;
		if (load(skb, p->l4, &head, 4) || load(skb, p->l4 + 12, tcp, sizeof(tcp)))
			return MESH_ACL_IN_MALFORMED;
		if (tcp[0] >> 4 < 5 || (tcp[0] >> 4) * 4u > available)
			return short_of;
		if (!is_known_flags(tcp[1]))
			return MESH_ACL_IN_TCP_FLAGS;
		p->sport = head.sport;
		p->dport = head.dport;
		p->flags = tcp[1];
		return 0;
	}
	if (p->protocol != IPPROTO_UDP && p->protocol != IPPROTO_ICMP &&
	    p->protocol != PROTOCOL_ICMPV6 && p->protocol != IPPROTO_SCTP)
		return 0;
	if (available < 8)
		return short_of;
	if (load(skb, p->l4, &head, sizeof(head)))
		return MESH_ACL_IN_MALFORMED;
	if (p->protocol == IPPROTO_ICMP || p->protocol == PROTOCOL_ICMPV6) {
		p->flags = bpf_ntohs(head.sport) >> 8;
		p->code = bpf_ntohs(head.sport);
		p->sport = (__u16)head.word1; /* as it lies in the packet */
		return 0;
	}
	if (p->protocol == IPPROTO_UDP) {
		__u32 udp_len = bpf_ntohl(head.word1) >> 16;

		/* A merged packet says the length of its parts, a first fragment that of the whole.
		 */
		if (udp_len < 8 || (!p->fragment && udp_len > available))
			return MESH_ACL_IN_MALFORMED;
	}
	p->sport = head.sport;
	p->dport = head.dport;
	return 0;
}
