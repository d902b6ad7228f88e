/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The packet of a fuzz target that runs code of bpf/lib in user space, and the helper that loads
 * bytes of it. To be included before any header of bpf/lib. */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf_helpers.h>

static const uint8_t* packet;
static uint32_t packet_len;

static long load_bytes(const void* skb, uint32_t offset, void* to, uint32_t len) {
  (void)skb;
  if (offset > packet_len || len > packet_len - offset) return -14;
  memcpy(to, packet + offset, len);
  return 0;
}

#define bpf_skb_load_bytes load_bytes

static void demand(int holds) {
  if (!holds) abort();
}

static uint32_t be16_at(uint32_t offset) {
  return (uint32_t)packet[offset] << 8 | packet[offset + 1];
}
