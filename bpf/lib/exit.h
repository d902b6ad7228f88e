/* SPDX-License-Identifier: GPL-2.0-only */
/* What a program's body returns, so that one exit counts it. */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* reason: index of a counter; verdict: what the kernel is told. */
struct outcome {
	__u32 reason;
	int verdict;
};

/* Not ours: the next program or the stack decides. TC_ACT_UNSPEC for cls_bpf, TCX_NEXT for tcx;
 * both are -1. Never TC_ACT_OK, which ends the chain and takes the packet from other programs. */
#define VERDICT_NEXT (-1)

static __always_inline struct outcome ends(__u32 reason, int verdict)
{
	return (struct outcome){.reason = reason, .verdict = verdict};
}

static __always_inline int count_exit(void *counters, struct outcome o)
{
	__u64 *n = bpf_map_lookup_elem(counters, &o.reason);

	if (n)
		*n += 1; /* per CPU, and a tc program is not interrupted by itself */
	return o.verdict;
}
