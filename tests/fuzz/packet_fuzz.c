/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The data plane's reading of packets (bpf/lib/packet.h) as a program of user space: the helper
 * that loads bytes of a packet is replaced, the code under test is the one that the kernel runs.
 * What it takes for UDP has to be so in the bytes themselves. The first input byte picks the
 * ethertype and how many bytes stand in front of the IP header. */
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tests/fuzz/packet_bytes.h"

#include "bpf/lib/packet.h"
#include "bpf/lib/wireguard.h"

static void check_udp(const struct udp_packet* p, uint32_t l2) {
  uint32_t head = p->is_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
  uint32_t length;

  demand(packet[l2] >> 4 == (p->is_v6 ? 6 : 4));
  demand(p->l4 == l2 + head);
  demand(p->l4 + sizeof(struct udphdr) <= packet_len);
  length = be16_at(p->l4 + 4);
  demand(length == p->payload_len + sizeof(struct udphdr));
  demand(p->l4 + length <= packet_len);
  if (p->is_v6) {
    demand(be16_at(l2 + 4) == length && packet[l2 + 6] == IPPROTO_UDP);
    demand(!addr_is_v4(&p->src) && !addr_is_v4(&p->dst));
    demand(p->tos == (uint8_t)(packet[l2] << 4 | packet[l2 + 1] >> 4));
  } else {
    demand(be16_at(l2 + 2) == head + length && packet[l2 + 9] == IPPROTO_UDP);
    demand(addr_is_v4(&p->src) && addr_is_v4(&p->dst));
    demand((be16_at(l2 + 6) & IP_FRAGMENT_BITS) == 0 && p->tos == packet[l2 + 1]);
  }
}

static void check_type(const struct udp_packet* p) {
  uint32_t head[WG_HEAD_WORDS];
  uint32_t type;

  if (load_bytes(NULL, p->l4 + sizeof(struct udphdr), head, sizeof(head))) return;
  type = wg_type_of(head, p->payload_len);
  demand(type <= WG_DATA);
  if (type)
    demand(packet[p->l4 + sizeof(struct udphdr)] == type && p->payload_len >= WG_DATA_MIN_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const uint16_t protocols[] = {ETH_P_IP, ETH_P_IPV6, ETH_P_ARP, 0};
  struct __sk_buff skb = {.len = 0};
  struct udp_packet p;
  uint32_t l2;

  if (size == 0) return 0;
  packet = data + 1;
  packet_len = (uint32_t)size - 1;
  l2 = data[0] & 4 ? ETH_HLEN : 0;
  skb.len = packet_len;
  skb.protocol = bpf_htons(protocols[data[0] & 3]);
  if (read_udp(&skb, l2, &p) == PACKET_UDP) {
    demand(skb.protocol == bpf_htons(p.is_v6 ? ETH_P_IPV6 : ETH_P_IP));
    check_udp(&p, l2);
    check_type(&p);
  }
  return 0;
}
