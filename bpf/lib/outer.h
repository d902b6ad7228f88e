/* SPDX-License-Identifier: GPL-2.0-only */
/* The headers that WireGuard's message wears on a real path. */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include "bpf/abi/underlay.h"
#include "bpf/lib/checksum.h"
#include "bpf/lib/packet.h"

/* Stands between UDP and the message on a way through a relay.
 *
 * sum: header and message add up to all ones, so the outer UDP checksum depends on the outer
 * headers alone. It lies exactly where the device or the stack fills the checksum of the packet
 * that WireGuard made (csum_start stays where its UDP header began, csum_offset is 6): no helper
 * moves csum_start, so the header has to have its checksum there. VXLAN's local checksum offload
 * (lco_csum in the kernel) rests on the same sum. */
struct relay_header {
	__be16 magic;
	__be32 channel;
	__u16 sum;
} __attribute__((packed));

/* IP and UDP header are stored in one call: each costs a check whether the packet is shared. */
static __always_inline int store_v4(struct __sk_buff *skb, const struct udp_packet *p,
				    const struct mesh_hop *h, const struct udphdr *udp)
{
	struct {
		struct iphdr ip;
		struct udphdr udp;
	} new = {.ip = {.version = 4,
			.ihl = 5,
			.ttl = IP_DEFAULT_TTL,
			.protocol = IPPROTO_UDP,
			.tos = p->tos,
			.frag_off = bpf_htons(IP_DONT_FRAGMENT),
			.saddr = h->src.w[3],
			.daddr = h->dst.w[3]},
		 .udp = *udp};

	new.ip.tot_len = bpf_htons(sizeof(new.ip) + bpf_ntohs(udp->len));
	csum_fill_ip(&new.ip);
	return bpf_skb_store_bytes(skb, ETH_HLEN, &new, sizeof(new), BPF_F_INVALIDATE_HASH);
}

static __always_inline int store_v6(struct __sk_buff *skb, const struct udp_packet *p,
				    const struct mesh_hop *h, const struct udphdr *udp)
{
	struct {
		struct ipv6hdr ip;
		struct udphdr udp;
	} new = {.ip = {.version = 6,
			.nexthdr = IPPROTO_UDP,
			.hop_limit = IP_DEFAULT_TTL,
			.priority = p->tos >> 4,
			.payload_len = udp->len},
		 .udp = *udp};

	new.ip.flow_lbl[0] = p->tos << 4;
	__builtin_memcpy(&new.ip.saddr, &h->src, sizeof(new.ip.saddr));
	__builtin_memcpy(&new.ip.daddr, &h->dst, sizeof(new.ip.daddr));
	return bpf_skb_change_proto(skb, bpf_htons(ETH_P_IPV6), 0) ||
	       bpf_skb_store_bytes(skb, ETH_HLEN, &new, sizeof(new), BPF_F_INVALIDATE_HASH);
}

/* Writes the UDP header and the relay header as they leave, with right checksums. */
static __always_inline void outer_headers(const struct udp_packet *p, const struct mesh_hop *h,
					  int to_v6, struct udphdr *udp, struct relay_header *relay)
{
	__u64 was = csum_addr(&p->src, 0) + csum_addr(&p->dst, 0) + csum_udp_pseudo(p->udp.len);
	/* WireGuard's packets are CHECKSUM_PARTIAL, then the field holds the folded pseudo-header
	 * sum and the device adds the rest. A program cannot read ip_summed. A complete checksum
	 * (offload off on the veth) equals that sum once in 65536 packets, and that one packet is
	 * lost. */
	int partial = p->udp.check == csum_fold_to_16(was);
	__u16 message = ~csum_fold_to_16(was + csum_udp_words(&p->udp) + p->udp.check);
	__u64 pseudo =
		csum_addr(&h->src, to_v6) + csum_addr(&h->dst, to_v6) + csum_udp_pseudo(udp->len);

	if (h->channel) {
		relay->magic = bpf_htons(MESH_SHIM_MAGIC);
		relay->channel = h->channel;
		relay->sum =
			partial ? 0
				: csum_udp_field((__u64)relay->magic + relay->channel + message);
		udp->check = csum_udp_field(pseudo + csum_udp_words(udp));
	} else if (partial) {
		udp->check = csum_fold_to_16(pseudo);
	} else {
		udp->check = csum_udp_field(pseudo + csum_udp_words(udp) + message);
	}
}
