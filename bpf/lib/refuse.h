/* SPDX-License-Identifier: GPL-2.0-only */
/* Answers a denied packet through the tunnel, so that the caller fails at once: TCP by a RST (RFC
 * 9293 3.10.7.1), others by "administratively prohibited". Never in answer to errors, RSTs,
 * fragments, merged packets that a helper refuses to cut, or packets with extension headers. */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/checksum.h"
#include "bpf/lib/inner.h"
#include "bpf/lib/message.h"
#include "bpf/lib/refusal.h"

/* Whether a denied packet is of a kind that gets an answer. */
static __always_inline int is_answerable(const struct inner *p)
{
	if (p->fragment || p->l4 != (p->is_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)))
		return 0;
	if (p->protocol == IPPROTO_TCP)
		return !(p->flags & TCP_RST);
	if (is_icmp(p))
		return icmp_request(p) == p->flags;
	return p->length >= p->l4 + 8;
}

static __noinline int refuse_tcp(struct __sk_buff *skb, const struct inner *p)
{
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
	} four;
	struct {
		struct ipv6hdr ip;
		struct tcphdr tcp;
	} six;
	struct tcphdr tcp;

	if (fill_rst(skb, p, &tcp))
		return -1;
	tcp.check = ~csum_fold_to_16(
		csum_words(&tcp, sizeof(tcp), csum_pseudo(p, IPPROTO_TCP, sizeof(tcp))));
	if (p->is_v6) {
		fill_ip6(&six.ip, p, IPPROTO_TCP, sizeof(tcp));
		six.tcp = tcp;
		return bpf_skb_change_tail(skb, l2_bytes + sizeof(six), 0) ||
		       bpf_skb_store_bytes(skb, l2_bytes, &six, sizeof(six), 0);
	}
	fill_ip4(&four.ip, p, IPPROTO_TCP, sizeof(four));
	four.tcp = tcp;
	return bpf_skb_change_tail(skb, l2_bytes + sizeof(four), 0) ||
	       bpf_skb_store_bytes(skb, l2_bytes, &four, sizeof(four), 0);
}

/* Quotes the IP header and 8 bytes, which every stack finds the socket by (RFC 792). */
static __noinline int refuse_v4(struct __sk_buff *skb, const struct inner *p)
{
	struct {
		struct iphdr ip;
		__u8 l4[8];
	} quote;
	struct {
		struct iphdr ip;
		struct icmp_head icmp;
	} answer;

	if (load(skb, 0, &quote, sizeof(quote)))
		return -1;
	fill_ip4(&answer.ip, p, IPPROTO_ICMP, sizeof(answer) + sizeof(quote));
	answer.icmp = (struct icmp_head){.type = ICMP_UNREACHABLE, .code = ICMP_PROHIBITED};
	answer.icmp.sum = ~csum_fold_to_16(csum_words(
		&quote, sizeof(quote), csum_words(&answer.icmp, sizeof(answer.icmp), 0)));
	return bpf_skb_change_tail(skb, l2_bytes + sizeof(quote), 0) ||
	       bpf_skb_adjust_room(skb, sizeof(answer), BPF_ADJ_ROOM_MAC, 0) ||
	       bpf_skb_store_bytes(skb, l2_bytes, &answer, sizeof(answer), 0);
}

static __noinline int refuse_v6(struct __sk_buff *skb, const struct inner *p)
{
	struct {
		struct ipv6hdr ip;
		__u8 l4[8];
	} quote;
	struct {
		struct ipv6hdr ip;
		struct icmp_head icmp;
	} answer;
	__u64 sum;

	if (load(skb, 0, &quote, sizeof(quote)))
		return -1;
	fill_ip6(&answer.ip, p, PROTOCOL_ICMPV6, sizeof(answer.icmp) + sizeof(quote));
	answer.icmp = (struct icmp_head){.type = ICMPV6_UNREACHABLE, .code = ICMPV6_PROHIBITED};
	sum = csum_pseudo(p, PROTOCOL_ICMPV6, sizeof(answer.icmp) + sizeof(quote));
	sum = csum_words(&answer.icmp, sizeof(answer.icmp), sum);
	answer.icmp.sum = ~csum_fold_to_16(csum_words(&quote, sizeof(quote), sum));
	return bpf_skb_change_tail(skb, l2_bytes + sizeof(quote), 0) ||
	       bpf_skb_adjust_room(skb, sizeof(answer), BPF_ADJ_ROOM_MAC, 0) ||
	       bpf_skb_store_bytes(skb, l2_bytes, &answer, sizeof(answer), 0);
}

/* An Ethernet frame goes back to where it came from. */
static __always_inline int turn_frame(struct __sk_buff *skb)
{
	__u8 was[2 * ETH_ALEN], turned[2 * ETH_ALEN];

	if (!l2_bytes)
		return 0;
	if (bpf_skb_load_bytes(skb, 0, was, sizeof(was)))
		return -1;
	__builtin_memcpy(turned, was + ETH_ALEN, ETH_ALEN);
	__builtin_memcpy(turned + ETH_ALEN, was, ETH_ALEN);
	return bpf_skb_store_bytes(skb, 0, turned, sizeof(turned), 0);
}

/* The packet becomes its answer. Not 0: it could not, and is only good for dropping. */
static __always_inline int become_refusal(struct __sk_buff *skb, const struct inner *p)
{
	int failed;

	if (p->protocol == IPPROTO_TCP)
		failed = refuse_tcp(skb, p);
	else
		failed = p->is_v6 ? refuse_v6(skb, p) : refuse_v4(skb, p);
	return failed || turn_frame(skb);
}
