// SPDX-License-Identifier: GPL-2.0-only
/* The underlay's programs as another release might have built them: packets leave with TTL 63. */
#include "bpf/lib/packet.h"
#undef IP_DEFAULT_TTL
#define IP_DEFAULT_TTL 63
#include "bpf/underlay.bpf.c"
