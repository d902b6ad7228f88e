/* SPDX-License-Identifier: GPL-2.0-only */
/* Later fragments follow an admitted first one, in order and without overlap (RFC 5722, RFC 3128).
 */
#pragma once

#include <bpf/bpf_helpers.h>

#include "bpf/lib/acl_maps.h"
#include "bpf/lib/flow.h"
#include "bpf/lib/inner.h"

static __always_inline void fragment_key_of(struct mesh_fragment_key *k, const struct inner *p)
{
	__builtin_memset(k, 0, sizeof(*k));
	k->src = p->src;
	k->dst = p->dst;
	k->id = p->fragment_id;
	/* Of IPv6 only the first fragment says for certain (RFC 8200 4.5). */
	k->protocol = p->is_v6 ? 0 : p->protocol;
}

static __always_inline void note_first_fragment(const struct inner *p, __u32 end, __u32 generation,
						__u64 now_ns)
{
	struct mesh_fragment fresh = {.seen_ns = now_ns, .end = end, .generation = generation};
	struct mesh_fragment_key key;

	fragment_key_of(&key, p);
	bpf_map_update_elem(&fragments, &key, &fresh, BPF_ANY);
}

static __always_inline __u32 judge_later_fragment(const struct inner *p, __u32 generation,
						  __u64 now_ns)
{
	struct mesh_fragment_key key;
	struct mesh_fragment *f;

	fragment_key_of(&key, p);
	f = bpf_map_lookup_elem(&fragments, &key);
	if (!f || f->generation != generation ||
	    (f->seen_ns < now_ns && now_ns - f->seen_ns > MESH_FRAGMENT_S * NS_PER_S))
		return MESH_ACL_IN_ORPHAN;
	if (p->fragment_offset < f->end)
		return MESH_ACL_IN_OVERLAP;
	f->end = p->fragment_offset + p->length - p->l4;
	return MESH_ACL_IN_FRAGMENT;
}
