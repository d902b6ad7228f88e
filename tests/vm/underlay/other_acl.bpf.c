// SPDX-License-Identifier: GPL-2.0-only
/* The access control programs as another release might have built them: answers leave with TTL 63.
 */
#include "bpf/lib/packet.h"
#undef IP_DEFAULT_TTL
#define IP_DEFAULT_TTL 63
#include "bpf/acl.bpf.c"
