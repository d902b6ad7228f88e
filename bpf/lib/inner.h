/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet inside the tunnel, as far as it is read, and how its bytes are reached. */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/acl_state.h"
#include "bpf/abi/addr.h"
#include "bpf/lib/packet.h"

/* IANA protocol numbers that <linux/in.h> names elsewhere or not at all. */
enum {
	PROTOCOL_HOP_BY_HOP = 0,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_AUTHENTICATION = 51,
	PROTOCOL_ICMPV6 = 58,
	PROTOCOL_DESTINATION = 60,
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define TCP_URG 0x20

/* As far as headers are looked for without a helper; the verifier wants a bound. */
#define DIRECT_BYTES 512

enum fragment_kind {
	FRAGMENT_NONE,
	FRAGMENT_FIRST,
	FRAGMENT_LATER,
};

struct inner {
	struct mesh_addr src, dst;
	__u32 l4;     /* offset of the transport header, from where the IP header starts */
	__u32 length; /* of the packet, with its IP header */
	__be32 fragment_id;
	__u32 fragment_offset; /* bytes */
	__be16 sport, dport;   /* ICMP: the identifier and 0; without ports: 0 */
	__u8 fragment;         /* enum fragment_kind */
	__u8 protocol;
	__u8 flags; /* of TCP; the type of ICMP */
	__u8 code;  /* of ICMP */
	__u8 is_v6;
};

const volatile struct mesh_acl_constants constants;
#define l2_bytes constants.l2_bytes

/* Most headers lie in the linear part: reading them there costs a comparison, the helper a call.
 * Without the assumption clang loads single bytes. Where a kernel minds alignment, NET_IP_ALIGN has
 * aligned the IP header and everything behind it to 4; extension headers are multiples of 8. */
static __always_inline int load(struct __sk_buff *skb, __u32 offset, void *to, __u32 size)
{
	void *from = (void *)(long)skb->data;

	if (offset <= DIRECT_BYTES) {
		from += l2_bytes + offset;
		if (from + size <= (void *)(long)skb->data_end) {
			__builtin_memcpy(to, __builtin_assume_aligned(from, 4), size);
			return 0;
		}
	}
	return bpf_skb_load_bytes(skb, l2_bytes + offset, to, size);
}

/* Multicast, broadcast, and what is only valid on one link. */
static __always_inline int is_of_link(const struct mesh_addr *a)
{
	__u32 first;

	if (addr_is_v4(a)) {
		first = bpf_ntohl(a->w[3]);
		return first >> 28 == 0xe || first >> 16 == 0xa9fe || first == 0xffffffff;
	}
	first = bpf_ntohl(a->w[0]);
	return first >> 24 == 0xff || first >> 22 == 0xfe80 >> 6;
}
