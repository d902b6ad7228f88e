/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* An IP address as every map of ours holds it, and the version of all layouts in this folder.
 * Plain C for BPF programs, C++ for user space (leaf, no dependencies but the kernel's types). */
#pragma once

#include <linux/types.h>

/* Raised by any change of a struct, of a map's key or value, or of a reason's number. It is part of
 * the pin path, so two versions never share a map; docs/adr says how state moves across. */
#define MESH_ABI_VERSION 4

/* Network byte order. IPv4 stands as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), so one comparison serves
 * both families; no packet may carry such an address as IPv6 (programs do not take one that does).
 */
struct mesh_addr {
	__be32 w[4];
};

#ifdef __cplusplus
#define MESH_ABI_ASSERT(condition, text) static_assert(condition, text)
#else
#define MESH_ABI_ASSERT(condition, text) _Static_assert(condition, text)
#endif

MESH_ABI_ASSERT(sizeof(struct mesh_addr) == 16, "layout is shared");
