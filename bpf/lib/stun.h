/* SPDX-License-Identifier: GPL-2.0-only */
/* STUN binding requests without attributes, and their answers (RFC 8489). */
#pragma once

#include "bpf/lib/datagram.h"

#define STUN_BINDING_REQUEST    bpf_htons(0x0001) /* section 5 */
#define STUN_BINDING_SUCCESS    bpf_htons(0x0101)
#define STUN_COOKIE             bpf_htonl(0x2112a442)
#define STUN_XOR_MAPPED_ADDRESS bpf_htons(0x0020) /* section 14.2 */
#define STUN_FAMILY_V4          bpf_htons(1)
#define STUN_FAMILY_V6          bpf_htons(2)

struct stun_header {
	__be16 type, len;
	__be32 cookie, id[3];
} __attribute__((packed));

struct stun_answer_v4 {
	struct stun_header header;
	__be16 attribute, attribute_len, family, port;
	__be32 address;
} __attribute__((packed));

struct stun_answer_v6 {
	struct stun_header header;
	__be16 attribute, attribute_len, family, port;
	__be32 address[4];
} __attribute__((packed));

/* The source as it was seen, and the request's own cookie and id. */
static __always_inline void stun_fill_v4(struct stun_answer_v4 *a, const struct datagram *d,
					 const struct stun_header *request)
{
	a->header = *request;
	a->header.type = STUN_BINDING_SUCCESS;
	a->header.len = bpf_htons(sizeof(*a) - sizeof(a->header));
	a->attribute = STUN_XOR_MAPPED_ADDRESS;
	a->attribute_len = bpf_htons(8);
	a->family = STUN_FAMILY_V4;
	a->port = d->udp.source ^ (__be16)bpf_htons(0x2112);
	a->address = d->src.w[3] ^ STUN_COOKIE;
}

static __always_inline void stun_fill_v6(struct stun_answer_v6 *a, const struct datagram *d,
					 const struct stun_header *request)
{
	a->header = *request;
	a->header.type = STUN_BINDING_SUCCESS;
	a->header.len = bpf_htons(sizeof(*a) - sizeof(a->header));
	a->attribute = STUN_XOR_MAPPED_ADDRESS;
	a->attribute_len = bpf_htons(20);
	a->family = STUN_FAMILY_V6;
	a->port = d->udp.source ^ (__be16)bpf_htons(0x2112);
	a->address[0] = d->src.w[0] ^ STUN_COOKIE;
	a->address[1] = d->src.w[1] ^ request->id[0];
	a->address[2] = d->src.w[2] ^ request->id[1];
	a->address[3] = d->src.w[3] ^ request->id[2];
}
