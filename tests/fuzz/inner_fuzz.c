/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What access control reads of packets inside the tunnel (bpf/lib/read_inner.h) and of what ICMP
 * errors quote, and what the relay reads of frames (bpf/lib/datagram.h), as a program of user
 * space. The packet ends where a page ends and the next cannot be read, or up to 3 bytes before,
 * because it begins at a multiple of 4, as the programs may assume. What is taken for whole has
 * to be so in the bytes themselves. The first input byte picks reader and ethertype, the second how
 * many bytes can be reached without a helper. */
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/fuzz/packet_bytes.h"

/* The programs' pointers into a packet have 32 bits here. */
#define ROOM 8192
static uint8_t *room, *begin; /* of the packet */

/* The programs are built without these warnings, too: they are GNU C, and frames have no alignment.
 */
#pragma clang diagnostic ignored "-Waddress-of-packed-member"
#pragma clang diagnostic ignored "-Wlanguage-extension-token"
#pragma clang diagnostic ignored "-Wpedantic"
#pragma clang diagnostic ignored "-Wpointer-arith"
#include "bpf/lib/datagram.h"
#include "bpf/lib/icmp_error.h"
#include "bpf/lib/message.h"
#include "bpf/lib/read_inner.h"

/* Where the transport header of an IPv6 packet lies when it is looked for byte by byte; 0: a later
 * fragment, or a chain that is not this short. */
static uint32_t end_of_chain(uint8_t* protocol) {
  uint32_t at = 40;
  *protocol = packet[6];
  for (int i = 0; i < 16; ++i) {
    const uint8_t kind = *protocol;
    if (kind != 0 && kind != 43 && kind != 44 && kind != 51 && kind != 60) return at;
    if (kind == 44 && (be16_at(at + 2) & 0xfff8)) return 0;
    *protocol = packet[at];
    at += kind == 44 ? 8 : kind == 51 ? (packet[at + 1] + 2u) * 4 : (packet[at + 1] + 1u) * 8;
  }
  return 0;
}

static void check_header(const struct inner* p) {
  uint8_t protocol = 0;
  uint32_t at;

  demand(packet[0] >> 4 == (p->is_v6 ? 6 : 4));
  demand(p->l4 <= p->length && p->length <= packet_len);
  if (p->is_v6) {
    demand(p->length == 40 + be16_at(4) && packet[7] != 0);
    demand(!addr_is_v4(&p->src) && !addr_is_v4(&p->dst) && !memcmp(&p->src, packet + 8, 32));
    at = end_of_chain(&protocol);
    demand(p->fragment == FRAGMENT_LATER ? at == 0 : at == p->l4 && protocol == p->protocol);
    return;
  }
  demand(p->length == be16_at(2) && p->l4 == 20 && (packet[0] & 15) == 5 && packet[8] != 0);
  demand(p->protocol == packet[9] && addr_is_v4(&p->src) && addr_is_v4(&p->dst));
  demand(!memcmp(&p->src.w[3], packet + 12, 4) && !memcmp(&p->dst.w[3], packet + 16, 4));
  demand(p->fragment_offset == (be16_at(6) & 0x1fffu) * 8);
  demand((p->fragment == FRAGMENT_NONE) == ((be16_at(6) & 0x3fff) == 0));
}

static void check_transport(const struct inner* p) {
  const uint32_t room_left = p->length - p->l4;

  demand(p->fragment_offset + room_left <= 65535);
  if (p->fragment == FRAGMENT_LATER) {
    demand(p->sport == 0 && p->dport == 0 && p->flags == 0);
    return;
  }
  switch (p->protocol) {
    case IPPROTO_TCP:
      demand(room_left >= 20 && (packet[p->l4 + 12] >> 4) * 4u <= room_left);
      demand(is_known_flags(packet[p->l4 + 13]) && p->flags == packet[p->l4 + 13]);
      break;
    case IPPROTO_UDP:
      demand(be16_at(p->l4 + 4) >= 8 && (p->fragment || be16_at(p->l4 + 4) <= room_left));
      break;
    case IPPROTO_SCTP:
      demand(room_left >= 8);
      break;
    case IPPROTO_ICMP:
    case PROTOCOL_ICMPV6:
      demand(p->is_v6 == (p->protocol == PROTOCOL_ICMPV6) && room_left >= 8);
      demand(p->flags == packet[p->l4] && p->code == packet[p->l4 + 1] && p->dport == 0);
      return;
    default:
      demand(p->sport == 0 && p->dport == 0);
      return;
  }
  demand(!memcmp(&p->sport, packet + p->l4, 2) && !memcmp(&p->dport, packet + p->l4 + 2, 2));
}

static void check_quoted(struct __sk_buff* skb, const struct inner* p) {
  struct inner q;
  const uint32_t start = p->l4 + 8;

  if (p->fragment || !is_icmp(p)) return;
  (void)is_honest_mtu(skb, p);
  memset(&q, 0, sizeof(q));
  if (read_quoted(skb, p, &q)) return;
  demand(q.is_v6 == p->is_v6 && packet[start] >> 4 == (q.is_v6 ? 6 : 4));
  demand(q.l4 == start + (q.is_v6 ? 40 : 20) && q.l4 + 8 <= p->length);
  demand(q.protocol == packet[start + (q.is_v6 ? 6 : 9)]);
  demand(!memcmp(q.is_v6 ? (void*)&q.src : (void*)&q.src.w[3], packet + start + (q.is_v6 ? 8 : 12),
                 q.is_v6 ? 16 : 4));
}

static void inside_the_tunnel(uint16_t protocol, uint32_t direct) {
  struct __sk_buff skb = {.len = packet_len, .protocol = bpf_htons(protocol)};
  struct inner p;

  skb.data = (uint32_t)(uintptr_t)packet;
  skb.data_end = skb.data + (direct < packet_len ? direct : packet_len);
  memset(&p, 0, sizeof(p));
  if (read_inner(&skb, &p)) return;
  demand(protocol == (p.is_v6 ? ETH_P_IPV6 : ETH_P_IP));
  check_header(&p);
  check_transport(&p);
  check_quoted(&skb, &p);
}

static void at_the_relay(void) {
  struct xdp_md x = {.data = (uint32_t)(uintptr_t)packet};
  struct datagram d;
  uint32_t ip = sizeof(struct ethhdr);

  x.data_end = x.data + packet_len;
  memset(&d, 0, sizeof(d));
  if (read_datagram(&x, &d) != PACKET_UDP) return;
  demand((packet[0] & 1) == 0 && be16_at(12) == (d.is_v6 ? ETH_P_IPV6 : ETH_P_IP));
  demand(d.headers == ip + (d.is_v6 ? 40 : 20) + 8 && d.headers + d.payload_len == packet_len);
  demand(be16_at(d.headers - 4) == d.payload_len + 8);
  demand(packet[ip + (d.is_v6 ? 6 : 9)] == IPPROTO_UDP && packet[ip + (d.is_v6 ? 7 : 8)] == d.hops);
  if (d.is_v6) {
    demand(be16_at(ip + 4) == d.payload_len + 8 && !addr_is_v4(&d.src) && !addr_is_v4(&d.dst));
  } else {
    demand(be16_at(ip + 2) == d.payload_len + 28 && (be16_at(ip + 6) & IP_FRAGMENT_BITS) == 0);
  }
}

static void put_be16(uint32_t offset, uint32_t value) {
  begin[offset] = (uint8_t)(value >> 8);
  begin[offset + 1] = (uint8_t)value;
}

/* Lengths and checksum that agree, which no mutation would find. */
static void mend_frame(int is_v6) {
  const uint32_t ip = sizeof(struct ethhdr), headers = ip + (is_v6 ? 40 : 20) + 8;
  uint32_t sum = 0;

  if (packet_len < headers) return;
  put_be16(12, is_v6 ? ETH_P_IPV6 : ETH_P_IP);
  put_be16(headers - 4, packet_len - headers + 8);
  if (is_v6) {
    put_be16(ip + 4, packet_len - headers + 8);
    return;
  }
  put_be16(ip + 2, packet_len - ip);
  put_be16(ip + 10, 0);
  for (uint32_t at = ip; at < ip + 20; at += 2) sum += be16_at(at);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  put_be16(ip + 10, ~sum);
}

static void make_room(void) {
  const long page = 4096;

  room = mmap(NULL, ROOM + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
              -1, 0);
  demand(room != MAP_FAILED && !mprotect(room + ROOM, page, PROT_NONE));
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const uint16_t protocols[] = {ETH_P_IP, ETH_P_IPV6, ETH_P_ARP, ETH_P_IPV6};

  if (size < 2 || size - 2 > ROOM) return 0;
  if (!room) make_room();
  packet_len = (uint32_t)size - 2;
  begin = room + ROOM - ((packet_len + 3) & ~3u);
  memcpy(begin, data + 2, packet_len);
  packet = begin;
  if (data[0] & 4) {
    if (data[0] & 8) mend_frame(data[0] & 1);
    at_the_relay();
  } else {
    inside_the_tunnel(protocols[data[0] & 3], data[1] * 4u);
  }
  return 0;
}
