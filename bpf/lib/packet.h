/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading UDP out of a packet. Nothing here writes. */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/addr.h"

#define IP_DONT_FRAGMENT     0x4000 /* RFC 791, 3.1 */
#define IP_FRAGMENT_BITS     0x3fff /* more fragments, or an offset */
#define IP_DEFAULT_TTL       64     /* RFC 1700; what Linux uses */
#define IPV6_FRAGMENT_HEADER 44     /* RFC 8200, 4.5 */
#define V4_MAPPED_WORD       bpf_htonl(0x0000ffff)

enum packet_kind {
	PACKET_OTHER,    /* anything that is not whole and plain UDP */
	PACKET_FRAGMENT, /* of IPv4 or IPv6; only dst is filled */
	PACKET_UDP,
};

struct udp_packet {
	struct mesh_addr src, dst;
	struct udphdr udp;
	__u32 l4;          /* offset of the UDP header */
	__u32 payload_len; /* bytes after it, as UDP says; they are all there */
	__u8 tos;          /* TOS or traffic class: DSCP and ECN */
	__u8 is_v6;
};

static __always_inline void addr_from_v4(struct mesh_addr *a, __be32 v4)
{
	a->w[0] = 0;
	a->w[1] = 0;
	a->w[2] = V4_MAPPED_WORD;
	a->w[3] = v4;
}

static __always_inline int addr_is_v4(const struct mesh_addr *a)
{
	return !a->w[0] && !a->w[1] && a->w[2] == V4_MAPPED_WORD;
}

static __always_inline int addr_is(const struct mesh_addr *a, const struct mesh_addr *b)
{
	return a->w[0] == b->w[0] && a->w[1] == b->w[1] && a->w[2] == b->w[2] && a->w[3] == b->w[3];
}

static __always_inline enum packet_kind read_v4(struct __sk_buff *skb, __u32 l2,
						struct udp_packet *p)
{
	struct iphdr ip;
	__u32 total;

	if (bpf_skb_load_bytes(skb, l2, &ip, sizeof(ip)) || ip.version != 4)
		return PACKET_OTHER;
	addr_from_v4(&p->src, ip.saddr);
	addr_from_v4(&p->dst, ip.daddr);
	if (ip.frag_off & bpf_htons(IP_FRAGMENT_BITS))
		return PACKET_FRAGMENT;
	/* Options: a WireGuard peer never sends them, so such a packet is the host's business. */
	if (ip.ihl != 5 || ip.protocol != IPPROTO_UDP)
		return PACKET_OTHER;
	total = bpf_ntohs(ip.tot_len);
	p->l4 = l2 + sizeof(ip);
	p->tos = ip.tos;
	p->is_v6 = 0;
	if (l2 + total > skb->len || bpf_skb_load_bytes(skb, p->l4, &p->udp, sizeof(p->udp)))
		return PACKET_OTHER;
	if (total != sizeof(ip) + bpf_ntohs(p->udp.len))
		return PACKET_OTHER;
	return PACKET_UDP;
}

static __always_inline enum packet_kind read_v6(struct __sk_buff *skb, __u32 l2,
						struct udp_packet *p)
{
	struct ipv6hdr ip;
	__u32 length;

	if (bpf_skb_load_bytes(skb, l2, &ip, sizeof(ip)) || ip.version != 6)
		return PACKET_OTHER;
	__builtin_memcpy(&p->src, &ip.saddr, sizeof(p->src));
	__builtin_memcpy(&p->dst, &ip.daddr, sizeof(p->dst));
	if (addr_is_v4(&p->src) || addr_is_v4(&p->dst))
		return PACKET_OTHER;
	if (ip.nexthdr == IPV6_FRAGMENT_HEADER)
		return PACKET_FRAGMENT;
	if (ip.nexthdr != IPPROTO_UDP)
		return PACKET_OTHER;
	length = bpf_ntohs(ip.payload_len);
	p->l4 = l2 + sizeof(ip);
	p->tos = ip.priority << 4 | ip.flow_lbl[0] >> 4;
	p->is_v6 = 1;
	if (p->l4 + length > skb->len || bpf_skb_load_bytes(skb, p->l4, &p->udp, sizeof(p->udp)))
		return PACKET_OTHER;
	if (length != bpf_ntohs(p->udp.len))
		return PACKET_OTHER;
	return PACKET_UDP;
}

/* l2: bytes in front of the IP header. */
static __always_inline enum packet_kind read_udp(struct __sk_buff *skb, __u32 l2,
						 struct udp_packet *p)
{
	enum packet_kind kind = PACKET_OTHER;

	if (skb->protocol == bpf_htons(ETH_P_IP))
		kind = read_v4(skb, l2, p);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		kind = read_v6(skb, l2, p);
	if (kind != PACKET_UDP)
		return kind;
	if (bpf_ntohs(p->udp.len) < sizeof(p->udp))
		return PACKET_OTHER;
	p->payload_len = bpf_ntohs(p->udp.len) - sizeof(p->udp);
	return PACKET_UDP;
}
