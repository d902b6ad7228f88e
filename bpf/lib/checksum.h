/* SPDX-License-Identifier: GPL-2.0-only */
/* The internet checksum (RFC 1071) over values as they lie in the packet. */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/addr.h"

/* Sum of 32- and 16-bit words to 16 bits, not complemented. */
static __always_inline __u16 csum_fold_to_16(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The field's value; 0 would mean "no checksum" in UDP (RFC 768) and is sent as all ones. */
static __always_inline __u16 csum_udp_field(__u64 sum)
{
	__u16 field = ~csum_fold_to_16(sum);

	return field ? field : 0xffff;
}

/* An IPv4 address stands with ::ffff in front, which does not belong to the sum. */
static __always_inline __u64 csum_addr(const struct mesh_addr *a, int is_v6)
{
	return is_v6 ? (__u64)a->w[0] + a->w[1] + a->w[2] + a->w[3] : a->w[3];
}

/* Pseudo-header without the addresses (RFC 768; RFC 8200 8.1 sums to the same). */
static __always_inline __u64 csum_udp_pseudo(__be16 length)
{
	return (__u64)length + bpf_htons(IPPROTO_UDP);
}

static __always_inline __u64 csum_udp_words(const struct udphdr *u)
{
	return (__u64)u->source + u->dest + u->len;
}

static __always_inline void csum_fill_ip(struct iphdr *ip)
{
	__u32 w[sizeof(*ip) / sizeof(__u32)];

	ip->check = 0;
	__builtin_memcpy(w, ip, sizeof(w));
	ip->check = ~csum_fold_to_16((__u64)w[0] + w[1] + w[2] + w[3] + w[4]);
}
