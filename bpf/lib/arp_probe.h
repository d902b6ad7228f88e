/* SPDX-License-Identifier: GPL-2.0-only */
/* The self-test's frame: a neighbour's ARP reply, turned into a request without sender address (an
 * ARP probe, RFC 5227) and sent back. Its reply names no target address, which no other does. */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct arp_frame {
	struct ethhdr eth;
	__be16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__be32 sender;
	__u8 target_mac[ETH_ALEN];
	__be32 target;
} __attribute__((packed));

#define ARP_REQUEST bpf_htons(1) /* RFC 826 */
#define ARP_REPLY   bpf_htons(2)

enum arp_probe { ARP_NO_PROBE, ARP_PROBE_TO_SEND, ARP_PROBE_BACK };

static __always_inline enum arp_probe arp_probe_of(struct arp_frame *f, void *end, __be32 neighbour)
{
	__u8 own[ETH_ALEN];

	if ((void *)(f + 1) > end || f->eth.h_proto != bpf_htons(ETH_P_ARP) ||
	    f->operation != ARP_REPLY || f->sender != neighbour)
		return ARP_NO_PROBE;
	if (!f->target)
		return ARP_PROBE_BACK;
	__builtin_memcpy(own, f->eth.h_dest, ETH_ALEN);
	__builtin_memcpy(f->eth.h_dest, f->eth.h_source, ETH_ALEN);
	__builtin_memcpy(f->eth.h_source, own, ETH_ALEN);
	__builtin_memcpy(f->sender_mac, own, ETH_ALEN);
	__builtin_memset(f->target_mac, 0, ETH_ALEN);
	f->operation = ARP_REQUEST;
	f->target = neighbour;
	f->sender = 0;
	return ARP_PROBE_TO_SEND;
}
