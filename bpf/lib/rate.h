/* SPDX-License-Identifier: GPL-2.0-only */
/* How often something may happen (GCRA, ITU-T I.371). */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* Whether something that costs `cost` may happen now; *due moves on if so. Two CPUs at once may let
 * one packet too many pass. */
static __always_inline int within_rate(__u64 *due, __u64 cost, __u64 burst, __u64 now)
{
	__u64 from = *due > now ? *due : now;

	if (from - now > burst)
		return 0;
	*due = from + cost;
	return 1;
}
