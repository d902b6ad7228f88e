// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test support: makes packets of random senders out of one frame, as XDP live frames, and drops
 * what arrives. The same generator stands in front of every contender.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#define SENDERS 131072
#define SOURCE (ETH_HLEN + 12) /* of the IPv4 header */
#define DEST_PORT (ETH_HLEN + 20 + 2)

struct sender {
  __be32 address;
  __be16 port;
  __u16 zero;
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, SENDERS);
  __type(key, __u32);
  __type(value, struct sender);
} senders SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} arrived SEC(".maps");

__u32 next, sender_count, out_ifindex;

/* Of an IPv4 header without options (RFC 1071); the stack drops packets without a right one. */
static __always_inline void fill_checksum(__u16* ip) {
  __u32 sum = 0;

  ip[5] = 0;
  for (int i = 0; i < 10; i++) sum += ip[i];
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  ip[5] = ~sum;
}

SEC("xdp")
int generate(struct xdp_md* ctx) {
  __u8* frame = (__u8*)(long)ctx->data;
  __u32 index = next++ % (sender_count ? sender_count : 1);
  struct sender* s = bpf_map_lookup_elem(&senders, &index);

  if (!s || frame + DEST_PORT + 2 > (__u8*)(long)ctx->data_end) return XDP_ABORTED;
  __builtin_memcpy(frame + SOURCE, &s->address, sizeof(s->address));
  fill_checksum((__u16*)(frame + ETH_HLEN));
  __builtin_memcpy(frame + DEST_PORT, &s->port, sizeof(s->port));
  return bpf_redirect(out_ifindex, 0);
}

SEC("tc")
int sink(struct __sk_buff* skb) {
  __u32 zero = 0;
  __u64* n = bpf_map_lookup_elem(&arrived, &zero);

  (void)skb;
  if (n) *n += 1;
  return TC_ACT_SHOT;
}

char _license[] SEC("license") = "GPL";
