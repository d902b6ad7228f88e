/* SPDX-License-Identifier: GPL-2.0-only */
/* What a packet is to this host by its addresses, whatever it carries. Nothing here writes. */
#pragma once

#include <stddef.h>

#include "bpf/lib/packet.h"
#include "bpf/lib/underlay_maps.h"

/* linux/if_packet.h: by the frame's destination. IP takes all kinds but the second. */
#define TO_THIS_HOST    0 /* PACKET_HOST */
#define TO_ANOTHER_HOST 3 /* PACKET_OTHERHOST */

/* The outermost tag is in the skb, not in the data. Two more are already stranger than what
 * networks carry (802.1ad has two in all); a VLAN device shows what lies deeper again. */
#define MOST_TAGS_IN_DATA 2

struct vlan_tag {
	__be16 tci;
	__be16 protocol; /* of what follows */
};

static __always_inline int is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

struct packet_ends {
	struct mesh_addr src, dst;
};

/* l2: bytes in front of the IP header, tags apart. 0: not IP, or cut off. */
static __always_inline int read_ends(struct __sk_buff *skb, __u32 l2, struct packet_ends *to)
{
	__be16 protocol = skb->protocol;
	struct vlan_tag tag;
	__u32 at = l2;
	__be32 v4[2];

	for (int i = 0; i < MOST_TAGS_IN_DATA && is_vlan(protocol); i++) {
		if (bpf_skb_load_bytes(skb, at, &tag, sizeof(tag)))
			return 0;
		protocol = tag.protocol;
		at += sizeof(tag);
	}
	if (protocol == bpf_htons(ETH_P_IPV6))
		return !bpf_skb_load_bytes(skb, at + offsetof(struct ipv6hdr, saddr), to,
					   sizeof(*to));
	if (protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes(skb, at + offsetof(struct iphdr, saddr), v4, sizeof(v4)))
		return 0;
	addr_from_v4(&to->src, v4[0]);
	addr_from_v4(&to->dst, v4[1]);
	return 1;
}

static __always_inline __u32 kind_of_address(const struct mesh_addr *address)
{
	__u32 *kind = bpf_map_lookup_elem(&locals, address);

	return kind ? *kind : 0;
}

/* What the packet's destination is to this host, also under VLAN tags; 0: nothing of its own. A
 * packet that is to be forwarded counts by its source: a host that forwards IPv6 would send what a
 * neighbour made in this node's name into the mesh as its own. */
static __always_inline __u32 local_kind(struct __sk_buff *skb, __u32 l2)
{
	struct packet_ends packet;
	__u32 kind;

	if (skb->pkt_type == TO_ANOTHER_HOST || !read_ends(skb, l2, &packet))
		return 0;
	kind = kind_of_address(&packet.dst);
	if (!kind && kind_of_address(&packet.src) == MESH_LOCAL_OVERLAY)
		return MESH_LOCAL_OVERLAY;
	return kind;
}
