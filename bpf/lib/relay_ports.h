/* SPDX-License-Identifier: GPL-2.0-only */
/* How the program runs on the interfaces that have it, and what follows for the way between two. */
#pragma once

#include "bpf/lib/relay_maps.h"

/* enum mesh_relay_port; 0: the interface has no program. */
static __always_inline __u32 mode_of(__u32 interface)
{
	__u32 *mode = bpf_map_lookup_elem(&relay_ports, &interface);

	return mode ? *mode : 0;
}

/* A native redirect needs a driver that takes frames (ndo_xdp_xmit), which is likely only where
 * the program is native, too: VLAN devices and bridges have none. A generic one takes the way of
 * every other packet. */
static __always_inline int may_redirect(__u32 from, __u32 to)
{
	__u32 mode = mode_of(to);

	return mode == MESH_RELAY_PORT_NATIVE || (mode && mode_of(from) == MESH_RELAY_PORT_GENERIC);
}
