/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The compiled policy as the programs on mesh0 read it: one image per generation, an array of
 * 64-byte lines that is filled through a mapping and then switched in by one update of an
 * array-of-maps. Written by core/maplayout, read by bpf/acl.bpf.c and by core/maplayout again, for
 * explaining. Numbers are in the host's byte order, addresses in the network's. docs/abi.md shows
 * the whole. */
#pragma once

#include "bpf/abi/addr.h"

#define MESH_ACL_LINE_BYTES 64
#define MESH_ACL_LINE_WORDS 16

/* What an array element is: as many of one of the structs below as fit, none crosses a line. */
struct mesh_acl_line {
	__u32 w[MESH_ACL_LINE_WORDS];
};

/* Lines 0 to 2 are a header, this node's own addresses and what user space alone reads. */
#define MESH_ACL_FIXED_LINES 3

/* Line 0. Every offset counts lines from the start of the image. */
struct mesh_acl_header {
	__u32 format;     /* MESH_ABI_VERSION of who wrote it; the programs deny by another */
	__u32 generation; /* rises with every image that an agent fills */
	__u32 seed;       /* of the address tables' hashes */
	__u32 buckets_v6; /* first line of IPv6's address table; IPv4's follows the fixed lines */
	__u8 bits_v4;     /* each has a power of two of lines: that many bits name one */
	__u8 bits_v6;
	__u16 zero;
	__u32 sources; /* ranges of source addresses that peers serve as routers */
	__u32 source_count;
	__u32 destinations; /* ranges of destination addresses that this node serves */
	__u32 destination_count;
	__u32 protocols; /* 8 lines: 256 port classes (__u16), one for each IP protocol */
	__u32 ports[3];  /* 2,048 lines each: 65,536 port classes for TCP, UDP, SCTP; 0: as
			    `protocols` */
	__u32 cells;     /* source class * destination_classes + destination class -> a cell */
	__u32 destination_classes;
	__u32 rows; /* words that cells point into */
};

/* Line 1: the first addresses of this node itself, which most packets are to. More of them stand
 * among the ranges. All zero: unused. */
#define MESH_ACL_OWN_COUNT 3
struct mesh_acl_own {
	struct mesh_addr addr[MESH_ACL_OWN_COUNT];
	__u32 destination_class[MESH_ACL_OWN_COUNT];
	__u32 zero;
};

/* Line 2: what only user space reads. */
struct mesh_acl_extent {
	__u32 lines;      /* of the image in use; the map may have more, all zero */
	__u32 rules;      /* first line of struct mesh_acl_rule, by counter slot */
	__u32 rule_count; /* slots, slot 0 is nobody's */
	__u32 source_classes;
	__u32 port_classes;
	__u32 row_words;
	__u32 revision; /* of the netmap it was made from */
	__u32 epoch;
	__u32 zero[8];
};

/* Address tables, one for each family: open addressing over four IPv4 entries a line or two of
 * IPv6. An address is in the line that its hash names or in one of the next MESH_ACL_PROBES - 1,
 * with no line that was never full before it.
 * Entries of a live image change only by single stores: `who` of a valid one, `state`. A removed
 * one is not used again before the image is replaced, since a program may just be reading it. */
#define MESH_ACL_PROBES   4
#define MESH_ACL_MAX_BITS 20 /* no image has more lines */
enum mesh_acl_entry_state {
	MESH_ACL_FREE,
	MESH_ACL_VALID,
	MESH_ACL_REMOVED,
};
struct mesh_acl_entry_v4 {
	__u64 who; /* node id << 32 | source class; class 0: a peer that no rule has as its source
		    */
	__be32 addr;
	__u32 state;
};
struct mesh_acl_entry_v6 {
	struct mesh_addr addr;
	__u64 who;
	__u32 state;
	__u32 zero;
};

/* Sorted by `first`; each reaches to the next one's start, and before the first there is nothing.
 * Addresses as two numbers: the upper and the lower 64 bits in the host's byte order. */
struct mesh_acl_range {
	__u64 first_hi;
	__u64 first_lo;
	__u32 node;          /* sources: the peer that serves it */
	__u32 address_class; /* MESH_ACL_NOBODY: nothing is served here */
	__u64 zero;
};
#define MESH_ACL_NOBODY     0xffffffffu
#define MESH_ACL_MAX_RANGES 131072 /* 17 steps of a binary search */

/* What a source class may reach at a destination class. row 0 denies. One port class alone stands
 * in the cell itself: MESH_ACL_ROW_SINGLE and the class, with the slot of the rule that admits it.
 * Otherwise `row` is the first word of a row, counted from the start of `rows` (the first words
 * belong to no row), and its form in the top bit; 16 words a line. Dense: the counter slot of the
 * admitting rule at the port class's place, 0 denies. Sparse: a count, a zero, then pairs of a port
 * class and a slot, ascending by class; it starts at an even word, so no pair crosses a line, and
 * one of up to 7 pairs lies within a single line. */
struct mesh_acl_cell {
	__u32 row;
	__u32 slot; /* single: of the admitting rule */
};
#define MESH_ACL_ROW_SPARSE 0x80000000u
#define MESH_ACL_ROW_SINGLE 0x40000000u
#define MESH_ACL_MAX_SPARSE 65536   /* pairs: 17 steps of a binary search */
#define MESH_ACL_MAX_LINES  1048576 /* 64 MiB, the bound of an image */

/* The port class of what no rule opens. In no row. */
#define MESH_ACL_NO_PORT_CLASS 0

struct mesh_acl_rule {
	__u32 id;              /* of the compiled rule; 0: the slot is free */
	__u32 line;            /* in the policy file; 0: stands for an absent list */
	__u32 policy_revision; /* of the file that the line is in */
	__u32 zero;
};

MESH_ABI_ASSERT(sizeof(struct mesh_acl_line) == MESH_ACL_LINE_BYTES, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_acl_header) == MESH_ACL_LINE_BYTES, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_acl_own) == MESH_ACL_LINE_BYTES, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_acl_extent) == MESH_ACL_LINE_BYTES, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_acl_entry_v4) == 16, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_acl_entry_v6) == 32, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_acl_cell) == 8, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_acl_range) == 32, "layout is shared");
MESH_ABI_ASSERT(sizeof(struct mesh_acl_rule) == 16, "layout is shared");
