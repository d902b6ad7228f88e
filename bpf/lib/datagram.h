/* SPDX-License-Identifier: GPL-2.0-only */
/* Whole UDP datagrams in Ethernet frames, as XDP sees them. */
#pragma once

#include <linux/bpf.h>

#include "bpf/lib/checksum.h"
#include "bpf/lib/packet.h"

struct frame_v4 {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
} __attribute__((packed));

struct frame_v6 {
	struct ethhdr eth;
	struct ipv6hdr ip;
	struct udphdr udp;
} __attribute__((packed));

struct datagram {
	struct mesh_addr src, dst;
	struct udphdr udp;
	struct ethhdr eth;
	__u32 headers, payload_len; /* bytes in front of the payload, and of it */
	__u8 tos, hops, is_v6;
};

static __always_inline int ip_sum_is_right(const struct iphdr *ip)
{
	__u32 w[sizeof(*ip) / sizeof(__u32)];

	__builtin_memcpy(w, ip, sizeof(w));
	return csum_fold_to_16((__u64)w[0] + w[1] + w[2] + w[3] + w[4]) == 0xffff;
}

/* Lengths must agree to the byte: a frame with padding or a tail is for the host's stack. */
static __always_inline enum packet_kind frame_read_v4(const struct frame_v4 *f, __u32 size,
						      struct datagram *d)
{
	if (f->ip.version != 4 || f->ip.ihl != 5 || f->ip.protocol != IPPROTO_UDP)
		return PACKET_OTHER;
	if (f->ip.frag_off & bpf_htons(IP_FRAGMENT_BITS))
		return PACKET_FRAGMENT;
	if (bpf_ntohs(f->ip.tot_len) + sizeof(f->eth) != size || !ip_sum_is_right(&f->ip))
		return PACKET_OTHER;
	addr_from_v4(&d->src, f->ip.saddr);
	addr_from_v4(&d->dst, f->ip.daddr);
	d->udp = f->udp;
	d->eth = f->eth;
	d->tos = f->ip.tos;
	d->hops = f->ip.ttl;
	d->is_v6 = 0;
	d->headers = sizeof(*f);
	return PACKET_UDP;
}

static __always_inline enum packet_kind frame_read_v6(const struct frame_v6 *f, __u32 size,
						      struct datagram *d)
{
	if (f->ip.version != 6)
		return PACKET_OTHER;
	if (f->ip.nexthdr == IPV6_FRAGMENT_HEADER)
		return PACKET_FRAGMENT;
	if (f->ip.nexthdr != IPPROTO_UDP ||
	    bpf_ntohs(f->ip.payload_len) + sizeof(f->eth) + sizeof(f->ip) != size)
		return PACKET_OTHER;
	__builtin_memcpy(&d->src, &f->ip.saddr, sizeof(d->src));
	__builtin_memcpy(&d->dst, &f->ip.daddr, sizeof(d->dst));
	if (addr_is_v4(&d->src) || addr_is_v4(&d->dst))
		return PACKET_OTHER;
	d->udp = f->udp;
	d->eth = f->eth;
	d->tos = f->ip.priority << 4 | f->ip.flow_lbl[0] >> 4;
	d->hops = f->ip.hop_limit;
	d->is_v6 = 1;
	d->headers = sizeof(*f);
	return PACKET_UDP;
}

/* A VLAN's frame is PACKET_OTHER. */
static __always_inline enum packet_kind read_datagram(struct xdp_md *x, struct datagram *d)
{
	void *data = (void *)(long)x->data, *end = (void *)(long)x->data_end;
	struct ethhdr *eth = data;
	enum packet_kind kind = PACKET_OTHER;
	__u32 size = end - data;

	if ((void *)(eth + 1) > end || eth->h_dest[0] & 1)
		return PACKET_OTHER;
	if (eth->h_proto == bpf_htons(ETH_P_IP) && data + sizeof(struct frame_v4) <= end)
		kind = frame_read_v4(data, size, d);
	else if (eth->h_proto == bpf_htons(ETH_P_IPV6) && data + sizeof(struct frame_v6) <= end)
		kind = frame_read_v6(data, size, d);
	if (kind != PACKET_UDP)
		return kind;
	if (bpf_ntohs(d->udp.len) + d->headers - sizeof(struct udphdr) != size)
		return PACKET_OTHER;
	d->payload_len = size - d->headers;
	return PACKET_UDP;
}

/* Fresh headers; d->udp as it is. */
static __always_inline void frame_fill_v4(struct frame_v4 *f, const struct datagram *d)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tos = d->tos,
		.frag_off = bpf_htons(IP_DONT_FRAGMENT),
		.ttl = d->hops,
		.protocol = IPPROTO_UDP,
		.saddr = d->src.w[3],
		.daddr = d->dst.w[3],
	};

	ip.tot_len = bpf_htons(sizeof(ip) + bpf_ntohs(d->udp.len));
	csum_fill_ip(&ip);
	f->eth = d->eth;
	f->eth.h_proto = bpf_htons(ETH_P_IP);
	f->ip = ip;
	f->udp = d->udp;
}

static __always_inline void frame_fill_v6(struct frame_v6 *f, const struct datagram *d)
{
	struct ipv6hdr ip = {
		.version = 6,
		.priority = d->tos >> 4,
		.payload_len = d->udp.len,
		.nexthdr = IPPROTO_UDP,
		.hop_limit = d->hops,
	};

	ip.flow_lbl[0] = d->tos << 4;
	__builtin_memcpy(&ip.saddr, &d->src, sizeof(ip.saddr));
	__builtin_memcpy(&ip.daddr, &d->dst, sizeof(ip.daddr));
	f->eth = d->eth;
	f->eth.h_proto = bpf_htons(ETH_P_IPV6);
	f->ip = ip;
	f->udp = d->udp;
}

/* Pseudo-header and UDP header without its checksum. */
static __always_inline __u64 datagram_header_sum(const struct datagram *d)
{
	return csum_addr(&d->src, d->is_v6) + csum_addr(&d->dst, d->is_v6) +
	       csum_udp_pseudo(d->udp.len) + csum_udp_words(&d->udp);
}
