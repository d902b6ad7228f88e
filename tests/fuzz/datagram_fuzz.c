/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The relay's reading of frames (bpf/lib/datagram.h) and its STUN answers (bpf/lib/stun.h) as a
 * program of user space: the code under test is the one that XDP runs. The frame is a block of its
 * own, so that a byte read past its end is noticed. What is taken for a datagram has to be so in
 * the bytes themselves; written anew it is read as the same; an answer names the source. */
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/packet_bytes.h"

/* As the kernel has it, with pointers of this machine's width. */
struct wide_md {
  uintptr_t data, data_end;
};
#define xdp_md wide_md
#pragma clang diagnostic ignored "-Waddress-of-packed-member"
#pragma clang diagnostic ignored "-Wpointer-arith"

#include "bpf/lib/datagram.h"
#include "bpf/lib/stun.h"

static uint32_t sum16(uint32_t from, uint32_t bytes) {
  uint32_t i, sum = 0;

  for (i = 0; i < bytes; i++) sum += i % 2 ? packet[from + i] : (uint32_t)packet[from + i] << 8;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

static void check_read(const struct datagram* d) {
  uint32_t udp = d->headers - sizeof(struct udphdr);

  demand(d->headers + d->payload_len == packet_len);
  demand((packet[0] & 1) == 0);
  demand(be16_at(udp + 4) == d->payload_len + sizeof(struct udphdr));
  demand(memcmp(&d->udp, packet + udp, sizeof(d->udp)) == 0);
  if (d->is_v6) {
    demand(be16_at(12) == ETH_P_IPV6 && packet[14] >> 4 == 6);
    demand(packet[20] == IPPROTO_UDP && d->hops == packet[21]);
    demand(be16_at(18) == d->payload_len + sizeof(struct udphdr));
    demand(!addr_is_v4(&d->src) && !addr_is_v4(&d->dst));
    demand(d->tos == (uint8_t)(packet[14] << 4 | packet[15] >> 4));
  } else {
    demand(be16_at(12) == ETH_P_IP && packet[14] == 0x45);
    demand(packet[23] == IPPROTO_UDP && d->hops == packet[22] && d->tos == packet[15]);
    demand((be16_at(20) & IP_FRAGMENT_BITS) == 0);
    demand(be16_at(16) + sizeof(struct ethhdr) == packet_len);
    demand(sum16(14, sizeof(struct iphdr)) == 0xffff);
    demand(addr_is_v4(&d->src) && addr_is_v4(&d->dst));
  }
}

/* Fresh headers in front of the same payload are the same datagram. */
static void check_written(const struct datagram* d) {
  struct datagram again;
  struct wide_md x;
  uint8_t *block = malloc(packet_len + 2), *frame = block + 2;

  memcpy(frame, packet, packet_len);
  if (d->is_v6)
    frame_fill_v6((struct frame_v6*)frame, d);
  else
    frame_fill_v4((struct frame_v4*)frame, d);
  x.data = (uintptr_t)frame;
  x.data_end = x.data + packet_len;
  memset(&again, 0, sizeof(again));
  demand(read_datagram(&x, &again) == PACKET_UDP);
  demand(memcmp(&again, d, sizeof(again)) == 0);
  free(block);
}

static void check_stun(const struct datagram* d) {
  struct stun_header request;
  struct stun_answer_v4 a4;
  struct stun_answer_v6 a6;
  uint32_t i;

  if (d->payload_len < sizeof(request)) return;
  memcpy(&request, packet + d->headers, sizeof(request));
  if (request.cookie != STUN_COOKIE) return;
  if (!d->is_v6) {
    stun_fill_v4(&a4, d, &request);
    demand(memcmp(a4.header.id, request.id, sizeof(request.id)) == 0);
    demand(bpf_ntohs(a4.header.len) + sizeof(a4.header) == sizeof(a4));
    demand((a4.port ^ bpf_htons(0x2112)) == d->udp.source);
    demand((a4.address ^ STUN_COOKIE) == d->src.w[3]);
    return;
  }
  stun_fill_v6(&a6, d, &request);
  demand(bpf_ntohs(a6.header.len) + sizeof(a6.header) == sizeof(a6));
  demand((a6.address[0] ^ STUN_COOKIE) == d->src.w[0]);
  for (i = 1; i < 4; i++) demand((a6.address[i] ^ request.id[i - 1]) == d->src.w[i]);
}

static void put_be16(uint8_t* at, size_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

/* Hardly any input would come past lengths and checksum: bits of the source's hardware address make
 * them right. */
static void mend(uint8_t* frame, size_t size) {
  int v6 = size >= sizeof(struct frame_v6) && be16_at(12) == ETH_P_IPV6;
  int v4 = size >= sizeof(struct frame_v4) && be16_at(12) == ETH_P_IP;
  size_t head = v6 ? sizeof(struct frame_v6) : sizeof(struct frame_v4);

  if (!v4 && !v6) return;
  if (frame[6] & 1) {
    put_be16(frame + head - 4, size - head + sizeof(struct udphdr));
    if (v6)
      put_be16(frame + 18, size - sizeof(struct ethhdr) - sizeof(struct ipv6hdr));
    else
      put_be16(frame + 16, size - sizeof(struct ethhdr));
  }
  if (v4 && (frame[6] & 2)) {
    put_be16(frame + 24, 0);
    put_be16(frame + 24, ~sum16(14, sizeof(struct iphdr)) & 0xffff);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  /* As far from a word's beginning as the kernel puts frames, so that IP headers are aligned. */
  uint8_t *block = malloc(size + 2), *frame = block + 2;
  struct datagram d;
  struct wide_md x;

  memcpy(frame, data, size);
  packet = frame;
  packet_len = (uint32_t)size;
  mend(frame, size);
  memset(&d, 0, sizeof(d));
  x.data = (uintptr_t)frame;
  x.data_end = x.data + size;
  if (read_datagram(&x, &d) == PACKET_UDP) {
    check_read(&d);
    check_written(&d);
    check_stun(&d);
  }
  free(block);
  return 0;
}
