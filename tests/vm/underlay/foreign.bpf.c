// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody else's program on the same interface, of the two kinds that a cluster network uses: one
 * that ends the chain with TC_ACT_OK, and one that redirects pods' packets by itself.
 */
// The helpers need the types of the kernel first.
// clang-format off
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
// clang-format on

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 2);
  __type(key, __u32);
  __type(value, __u32);
} foreign SEC(".maps"); /* 0: packets seen; 1: interface that pods are behind */

static __always_inline void count(void) {
  __u32 zero = 0, *n = bpf_map_lookup_elem(&foreign, &zero);

  if (n) __sync_fetch_and_add(n, 1);
}

SEC("tc")
int foreign_ok(struct __sk_buff* skb) {
  (void)skb;
  count();
  return TC_ACT_OK;
}

/* Takes pods' packets away; says `others` of all that is not theirs. */
static __always_inline int redirect_pods(struct __sk_buff* skb, int others) {
  struct iphdr ip;
  __u32 one = 1, *pods = bpf_map_lookup_elem(&foreign, &one);

  count();
  if (!pods || skb->protocol != bpf_htons(ETH_P_IP) ||
      bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)))
    return others;
  if ((bpf_ntohl(ip.daddr) & 0xffffff00) == 0x0a630000) /* 10.99.0.0/24 */
    return bpf_redirect_neigh(*pods, NULL, 0, 0);
  return others;
}

SEC("tc")
int foreign_pods(struct __sk_buff* skb) { return redirect_pods(skb, TC_ACT_OK); }

SEC("tc")
int foreign_pods_next(struct __sk_buff* skb) { return redirect_pods(skb, TC_ACT_UNSPEC); }

char _license[] SEC("license") = "GPL";
