/* SPDX-License-Identifier: GPL-2.0-only */
/* What a packet is by its form alone: a request, an answer, an error, an opening. */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/inner.h"

/* RFC 792 and 4443: a request and its answer. */
enum {
	ICMP_ECHO_ANSWER = 0,
	ICMP_ECHO_REQUEST = 8,
	ICMP_TIMESTAMP_REQUEST = 13,
	ICMP_TIMESTAMP_ANSWER = 14,
	ICMPV6_ECHO_REQUEST = 128,
	ICMPV6_ECHO_ANSWER = 129,
};

#define SCTP_INIT 1 /* RFC 9260 3.2 */

/* What a packet that leaves does to a flow that is not known. */
enum opening {
	OPENS,     /* begins a connection */
	MAY_OPEN,  /* without connections: an answer, unless nothing was asked */
	ANSWERS,   /* is in the middle of one, or an answer by its form */
	UNTRACKED, /* is about another packet, or cannot be told */
};

static __always_inline int is_icmp(const struct inner *p)
{
	return p->protocol == IPPROTO_ICMP || p->protocol == PROTOCOL_ICMPV6;
}

/* Errors of RFC 792 and 1122 3.2.2, and the lower half of ICMPv6's types (RFC 4443 2.1). */
static __always_inline int is_icmp_error(const struct inner *p)
{
	if (p->protocol == PROTOCOL_ICMPV6)
		return p->flags < 128;
	return p->protocol == IPPROTO_ICMP &&
	       (p->flags == 3 || p->flags == 4 || p->flags == 11 || p->flags == 12);
}

/* Router and neighbour discovery, redirects, listener reports: they configure a link, and a tunnel
 * is none. */
static __always_inline int is_of_neighbours(const struct inner *p)
{
	if (p->protocol == PROTOCOL_ICMPV6)
		return (p->flags >= 130 && p->flags <= 137) || p->flags == 143;
	return p->protocol == IPPROTO_ICMP && (p->flags == 5 || p->flags == 9 || p->flags == 10);
}

/* The request that an ICMP message is or answers; -1: it is neither. */
static __always_inline int icmp_request(const struct inner *p)
{
	if (p->protocol == PROTOCOL_ICMPV6)
		return p->flags == ICMPV6_ECHO_REQUEST || p->flags == ICMPV6_ECHO_ANSWER
			       ? ICMPV6_ECHO_REQUEST
			       : -1;
	if (p->flags == ICMP_ECHO_REQUEST || p->flags == ICMP_ECHO_ANSWER)
		return ICMP_ECHO_REQUEST;
	if (p->flags == ICMP_TIMESTAMP_REQUEST || p->flags == ICMP_TIMESTAMP_ANSWER)
		return ICMP_TIMESTAMP_REQUEST;
	return -1;
}

static __always_inline enum opening opening_of(struct __sk_buff *skb, const struct inner *p)
{
	__u8 chunk = 0;

	if (p->fragment == FRAGMENT_LATER || is_icmp_error(p))
		return UNTRACKED;
	if (p->protocol == IPPROTO_TCP)
		return (p->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN ? OPENS : ANSWERS;
	if (is_icmp(p))
		return icmp_request(p) == p->flags ? MAY_OPEN : ANSWERS;
	if (p->protocol == IPPROTO_SCTP)
		return p->l4 + 12 < p->length && !load(skb, p->l4 + 12, &chunk, 1) &&
				       chunk == SCTP_INIT
			       ? OPENS
			       : ANSWERS;
	return MAY_OPEN;
}
