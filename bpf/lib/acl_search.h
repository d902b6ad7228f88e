/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines of the policy's image, and the two searches in it. They run by bpf_loop: the verifier walks
 * a step once, not every way through all steps. */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/acl.h"

#define RANGE_STEPS  18 /* halves MESH_ACL_MAX_RANGES to nothing */
#define SPARSE_STEPS 17 /* the same for MESH_ACL_MAX_SPARSE */

static __always_inline void *line_at(void *image, __u32 line)
{
	return bpf_map_lookup_elem(image, &line);
}

static __always_inline __u32 word_at(void *image, __u32 section, __u32 word)
{
	struct mesh_acl_line *l = line_at(image, section + word / MESH_ACL_LINE_WORDS);

	return l ? l->w[word % MESH_ACL_LINE_WORDS] : 0;
}

static __always_inline int addr_equal(const struct mesh_addr *a, const struct mesh_addr *b)
{
	return ((a->w[0] ^ b->w[0]) | (a->w[1] ^ b->w[1]) | (a->w[2] ^ b->w[2]) |
		(a->w[3] ^ b->w[3])) == 0;
}

struct range_search {
	void *image;
	__u64 hi, lo;
	__u32 section, from, to;
	__u32 found; /* 1 + its number; 0: none yet */
};

static long halve_ranges(__u32 step, struct range_search *s)
{
	const __u32 middle = (s->from + s->to) / 2;
	struct mesh_acl_range *r;

	(void)step;
	if (s->from >= s->to)
		return 1;
	r = line_at(s->image, s->section + middle / 2);
	if (!r) {
		s->found = 0;
		return 1;
	}
	r += middle & 1;
	if (r->first_hi < s->hi || (r->first_hi == s->hi && r->first_lo <= s->lo)) {
		s->found = middle + 1;
		s->from = middle + 1;
	} else {
		s->to = middle;
	}
	return 0;
}

/* The range that the address is in: the last of `count` that does not start behind it. */
static __noinline struct mesh_acl_range *range_of(void *image, __u32 section, __u32 count,
						  const struct mesh_addr *a)
{
	struct range_search s = {
		.image = image,
		.hi = (__u64)bpf_ntohl(a->w[0]) << 32 | bpf_ntohl(a->w[1]),
		.lo = (__u64)bpf_ntohl(a->w[2]) << 32 | bpf_ntohl(a->w[3]),
		.section = section,
		.to = count,
	};
	struct mesh_acl_range *r;

	bpf_loop(RANGE_STEPS, halve_ranges, &s, 0);
	if (!s.found)
		return NULL;
	r = line_at(image, section + (s.found - 1) / 2);
	return r ? r + ((s.found - 1) & 1) : NULL;
}

struct sparse_search {
	void *image;
	__u32 rows, row, port_class;
	__u32 from, to;
	__u32 slot;
};

static long halve_pairs(__u32 step, struct sparse_search *s)
{
	const __u32 middle = (s->from + s->to) / 2, word = s->row + 2 + 2 * middle;
	const __u32 place = word % MESH_ACL_LINE_WORDS & ~1u; /* rows start at even words */
	struct mesh_acl_line *l;

	(void)step;
	if (s->from >= s->to)
		return 1;
	l = line_at(s->image, s->rows + word / MESH_ACL_LINE_WORDS);
	if (!l)
		return 1;
	if (l->w[place] == s->port_class) {
		s->slot = l->w[place | 1];
		return 1;
	}
	if (l->w[place] < s->port_class)
		s->from = middle + 1;
	else
		s->to = middle;
	return 0;
}

/* Rows of up to this many pairs lie within a line and need no search. */
#define SHORT_ROW 7

static __noinline __u32 sparse_slot(void *image, __u32 rows, __u32 row, __u32 port_class)
{
	struct mesh_acl_line *l = line_at(image, rows + row / MESH_ACL_LINE_WORDS);
	__u32 place = row % MESH_ACL_LINE_WORDS & ~1u;
	struct sparse_search s = {
		.image = image,
		.rows = rows,
		.row = row,
		.port_class = port_class,
	};

	if (!l)
		return 0;
	s.to = l->w[place];
	if (s.to > SHORT_ROW) {
		bpf_loop(SPARSE_STEPS, halve_pairs, &s, 0);
		return s.slot;
	}
	_Pragma("unroll") for (__u32 pair = 0; pair < SHORT_ROW; pair++)
	{
		place = (place + 2) % MESH_ACL_LINE_WORDS;
		if (pair < s.to && l->w[place] == port_class)
			return l->w[place | 1];
	}
	return 0;
}
