/* SPDX-License-Identifier: GPL-2.0-only */
/* Asking the compiled policy. Every function takes the image that one lookup of `acl_image`
 * returned, so a packet is judged by one generation. An offset past the image's end finds no line,
 * and no line is no permission. */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/acl.h"
#include "bpf/abi/acl_hash.h"
#include "bpf/lib/acl_search.h"
#include "bpf/lib/packet.h"

/* Who has the address according to the table of its family; 0: nobody. */
static __always_inline __u64 who_in_v4(void *image, const struct mesh_acl_header *h, __be32 addr)
{
	const __u32 hash = mesh_acl_hash_v4(addr, h->seed), mask = (1u << h->bits_v4) - 1;

	for (__u32 probe = 0; probe < MESH_ACL_PROBES; probe++) {
		struct mesh_acl_entry_v4 *e =
			line_at(image, MESH_ACL_FIXED_LINES + ((hash + probe) & mask));

		if (!e)
			return 0;
		if (e[0].addr == addr && e[0].state == MESH_ACL_VALID)
			return e[0].who;
		if (e[1].addr == addr && e[1].state == MESH_ACL_VALID)
			return e[1].who;
		if (e[2].addr == addr && e[2].state == MESH_ACL_VALID)
			return e[2].who;
		if (e[3].addr == addr && e[3].state == MESH_ACL_VALID)
			return e[3].who;
		if (e[0].state == MESH_ACL_FREE || e[1].state == MESH_ACL_FREE ||
		    e[2].state == MESH_ACL_FREE || e[3].state == MESH_ACL_FREE)
			return 0;
	}
	return 0;
}

static __always_inline __u64 who_in_v6(void *image, const struct mesh_acl_header *h,
				       const struct mesh_addr *a)
{
	const __u32 hash = mesh_acl_hash(a, h->seed), mask = (1u << h->bits_v6) - 1;

	for (__u32 probe = 0; probe < MESH_ACL_PROBES; probe++) {
		struct mesh_acl_entry_v6 *e =
			line_at(image, h->buckets_v6 + ((hash + probe) & mask));

		if (!e)
			return 0;
		if (e[0].state == MESH_ACL_VALID && addr_equal(&e[0].addr, a))
			return e[0].who;
		if (e[1].state == MESH_ACL_VALID && addr_equal(&e[1].addr, a))
			return e[1].who;
		if (e[0].state == MESH_ACL_FREE || e[1].state == MESH_ACL_FREE)
			return 0;
	}
	return 0;
}

/* Whose address it is: node id << 32 | source class. 0: nobody's. */
static __always_inline __u64 who_is(void *image, const struct mesh_acl_header *h,
				    const struct mesh_addr *a)
{
	const __u64 who = addr_is_v4(a) ? who_in_v4(image, h, a->w[3]) : who_in_v6(image, h, a);
	struct mesh_acl_range *r;

	if (who)
		return who;
	if (!h->source_count)
		return 0;
	r = range_of(image, h->sources, h->source_count, a);
	if (!r || r->address_class == MESH_ACL_NOBODY)
		return 0;
	return (__u64)r->node << 32 | r->address_class;
}

/* The destination class, or MESH_ACL_NOBODY when this node does not serve the address. */
static __always_inline __u32 destination_of(void *image, const struct mesh_acl_header *h,
					    const struct mesh_addr *a)
{
	struct mesh_acl_own *own = line_at(image, 1);
	struct mesh_acl_range *r;

	/* Unused places of our own addresses are all zero, and nobody serves "::". */
	if (!own || !(a->w[0] | a->w[1] | a->w[2] | a->w[3]))
		return MESH_ACL_NOBODY;
	for (int i = 0; i < MESH_ACL_OWN_COUNT; i++)
		if (addr_equal(&own->addr[i], a))
			return own->destination_class[i];
	if (!h->destination_count)
		return MESH_ACL_NOBODY;
	r = range_of(image, h->destinations, h->destination_count, a);
	return r ? r->address_class : MESH_ACL_NOBODY;
}

static __always_inline __u32 port_class_of(void *image, const struct mesh_acl_header *h,
					   __u8 protocol, __u16 port)
{
	__u32 table = 0, index = port;
	__u16 *classes;

	if (protocol == IPPROTO_TCP)
		table = h->ports[0];
	else if (protocol == IPPROTO_UDP)
		table = h->ports[1];
	else if (protocol == IPPROTO_SCTP)
		table = h->ports[2];
	if (!table) {
		table = h->protocols;
		index = protocol;
	}
	classes = line_at(image, table + index / 32);
	return classes ? classes[index % 32] : MESH_ACL_NO_PORT_CLASS;
}

#define CELLS_PER_LINE (MESH_ACL_LINE_BYTES / sizeof(struct mesh_acl_cell))

/* The counter slot of the rule that admits it; 0: no rule does. `port` in host byte order. */
static __always_inline __u32 rule_for(void *image, const struct mesh_acl_header *h,
				      __u32 source_class, __u32 destination_class, __u32 port_class)
{
	const __u32 place = source_class * h->destination_classes + destination_class;
	struct mesh_acl_cell *cell;

	if (port_class == MESH_ACL_NO_PORT_CLASS || destination_class >= h->destination_classes)
		return 0;
	cell = line_at(image, h->cells + place / CELLS_PER_LINE);
	if (!cell)
		return 0;
	cell += place % CELLS_PER_LINE;
	if (cell->row & MESH_ACL_ROW_SINGLE)
		return cell->row == (MESH_ACL_ROW_SINGLE | port_class) ? cell->slot : 0;
	if (!cell->row)
		return 0;
	if (cell->row & MESH_ACL_ROW_SPARSE)
		return sparse_slot(image, h->rows, cell->row & ~MESH_ACL_ROW_SPARSE, port_class);
	return word_at(image, h->rows, cell->row + port_class);
}
