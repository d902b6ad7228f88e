// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate on mesh0: tc ingress and egress of the WireGuard interface, which has no link-layer
 * header. Until the agent arms it nothing passes. Who a source address is (identities) and who may
 * send here (rules) are separate tables. Inside the tunnel doubt means drop.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include "bpf/abi/gate.h"
#include "bpf/lib/exit.h"
#include "bpf/lib/packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mesh_gate_config);
} gate_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct mesh_addr);
	__type(value, __u64);
} identities SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u32);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MESH_GATE_REASON_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} gate_counters SEC(".maps");

static __always_inline int is_armed(void)
{
	__u32 zero = 0;
	struct mesh_gate_config *c = bpf_map_lookup_elem(&gate_config, &zero);

	return c && c->armed;
}

/* Fills source and destination of a packet whose lengths agree; 0, or -1 for anything else. */
static __always_inline int read_inner(struct __sk_buff *skb, struct mesh_addr *src,
				      struct mesh_addr *dst)
{
	struct iphdr v4;
	struct ipv6hdr v6;
	__u32 total;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, 0, &v4, sizeof(v4)) || v4.version != 4 || v4.ihl < 5)
			return -1;
		total = bpf_ntohs(v4.tot_len);
		if (total < v4.ihl * 4u || total > skb->len)
			return -1;
		addr_from_v4(src, v4.saddr);
		addr_from_v4(dst, v4.daddr);
		return 0;
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6) || bpf_skb_load_bytes(skb, 0, &v6, sizeof(v6)) ||
	    v6.version != 6 || sizeof(v6) + bpf_ntohs(v6.payload_len) > skb->len)
		return -1;
	__builtin_memcpy(src, &v6.saddr, sizeof(*src));
	__builtin_memcpy(dst, &v6.daddr, sizeof(*dst));
	return addr_is_v4(src) || addr_is_v4(dst) ? -1 : 0;
}

static __always_inline int is_multicast(const struct mesh_addr *a)
{
	if (addr_is_v4(a)) /* 224.0.0.0/4 and, in class E, the broadcast address */
		return (bpf_ntohl(a->w[3]) & 0xe0000000) == 0xe0000000;
	return (bpf_ntohl(a->w[0]) & 0xff000000) == 0xff000000;
}

static __always_inline struct outcome judge(struct __sk_buff *skb)
{
	struct mesh_addr src, dst;
	__u64 any = MESH_GATE_ANY_NODE, *node;

	if (!is_armed())
		return ends(MESH_GATE_IN_NOT_ARMED, TC_ACT_SHOT);
	if (read_inner(skb, &src, &dst))
		return ends(MESH_GATE_IN_MALFORMED, TC_ACT_SHOT);
	node = bpf_map_lookup_elem(&identities, &src);
	if (!node)
		return ends(MESH_GATE_IN_UNKNOWN_SOURCE, TC_ACT_SHOT);
	if (is_multicast(&dst))
		return ends(MESH_GATE_IN_MULTICAST, TC_ACT_SHOT);
	if (!bpf_map_lookup_elem(&rules, node) && !bpf_map_lookup_elem(&rules, &any))
		return ends(MESH_GATE_IN_DENIED, TC_ACT_SHOT);
	return ends(MESH_GATE_IN_ALLOWED, VERDICT_NEXT);
}

SEC("tc")
int gate_in(struct __sk_buff *skb)
{
	return count_exit(&gate_counters, judge(skb));
}

SEC("tc")
int gate_out(struct __sk_buff *skb)
{
	(void)skb;
	return count_exit(&gate_counters, is_armed() ? ends(MESH_GATE_OUT_ALLOWED, VERDICT_NEXT)
						     : ends(MESH_GATE_OUT_NOT_ARMED, TC_ACT_SHOT));
}

char _license[] SEC("license") = "GPL";
