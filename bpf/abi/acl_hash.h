/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The hashes of the image's address tables (bpf/abi/acl.h): a program and who fills the table must
 * come to the same line. */
#pragma once

#include "bpf/abi/addr.h"

/* Two rounds of multiply and fold: every bit of the address reaches the low bits. Peers do not
 * choose their addresses, and the seed changes when a table does not come out well. */
static inline __u32 mesh_acl_hash(const struct mesh_addr *a, __u32 seed)
{
	__u64 x = ((__u64)a->w[0] << 32 | a->w[1]) ^ seed;

	x *= 0x9e3779b97f4a7c15ull; /* 2^64 / golden ratio (Knuth, TAOCP 3, 6.4) */
	x ^= x >> 32;
	x += (__u64)a->w[2] << 32 | a->w[3];
	x *= 0xd6e8feb86659fd93ull; /* an odd constant of good avalanche (P. Evensen, rrmxmx) */
	x ^= x >> 32;
	return (__u32)x;
}

/* The upper half of a product depends on every bit of the address. */
static inline __u32 mesh_acl_hash_v4(__be32 addr, __u32 seed)
{
	return (__u32)(((__u64)(addr ^ seed) * 0x9e3779b97f4a7c15ull) >> 32);
}
