/* SPDX-License-Identifier: GPL-2.0-only */
/* Headers of the answer to a denied packet. */
#pragma once

#include <linux/bpf.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/checksum.h"
#include "bpf/lib/inner.h"

enum {
	ICMP_UNREACHABLE = 3,
	ICMP_PROHIBITED = 13, /* RFC 1812 5.2.7.1 */
	ICMPV6_UNREACHABLE = 1,
	ICMPV6_PROHIBITED = 1, /* RFC 4443 3.1 */
};

/* The kernel's own header of this name needs the C library's. */
struct icmp_head {
	__u8 type, code;
	__u16 sum;
	__u32 unused;
};

static __always_inline __u64 csum_words(const void *from, __u32 bytes, __u64 sum)
{
	const __u32 *w = from;

	_Pragma("unroll") for (__u32 i = 0; i < bytes / 4; i++) sum += w[i];
	return sum;
}

static __always_inline int fill_rst(struct __sk_buff *skb, const struct inner *p, struct tcphdr *to)
{
	struct tcphdr th;
	__u32 data;

	if (load(skb, p->l4, &th, sizeof(th)))
		return -1;
	data = p->length - p->l4 - th.doff * 4u;
	__builtin_memset(to, 0, sizeof(*to));
	to->source = th.dest;
	to->dest = th.source;
	to->doff = sizeof(*to) / 4;
	to->rst = 1;
	if (th.ack) {
		to->seq = th.ack_seq;
	} else {
		to->ack = 1;
		to->ack_seq = bpf_htonl(bpf_ntohl(th.seq) + th.syn + th.fin + data);
	}
	return 0;
}

static __always_inline void fill_ip4(struct iphdr *ip, const struct inner *p, __u8 protocol,
				     __u16 length)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = IP_DEFAULT_TTL;
	ip->protocol = protocol;
	ip->tot_len = bpf_htons(length);
	ip->frag_off = bpf_htons(IP_DONT_FRAGMENT);
	ip->saddr = p->dst.w[3];
	ip->daddr = p->src.w[3];
	csum_fill_ip(ip);
}

static __always_inline void fill_ip6(struct ipv6hdr *ip, const struct inner *p, __u8 protocol,
				     __u16 payload)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->hop_limit = IP_DEFAULT_TTL;
	ip->nexthdr = protocol;
	ip->payload_len = bpf_htons(payload);
	__builtin_memcpy(&ip->saddr, &p->dst, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &p->src, sizeof(ip->daddr));
}

static __always_inline __u64 csum_pseudo(const struct inner *p, __u8 protocol, __u16 length)
{
	return csum_addr(&p->src, p->is_v6) + csum_addr(&p->dst, p->is_v6) + bpf_htons(protocol) +
	       bpf_htons(length);
}
