/* SPDX-License-Identifier: GPL-2.0-only */
/* What can be told of a WireGuard message without its keys. */
#pragma once

#include <asm/byteorder.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/* WireGuard's messages (https://www.wireguard.com/protocol/): type in the first of four bytes, the
 * others zero; the sizes of types 1 to 3 are fixed, data is padded to 16. */
enum wg_type {
	WG_INITIATION = 1,
	WG_RESPONSE = 2,
	WG_COOKIE = 3,
	WG_DATA = 4,
};
#define WG_INITIATION_BYTES 148
#define WG_RESPONSE_BYTES   92
#define WG_COOKIE_BYTES     64
#define WG_DATA_MIN_BYTES   32 /* header 16, tag 16: a keepalive */
/* Type, then sender or receiver index, then a response's receiver index. */
#define WG_HEAD_WORDS 3

/* The type of the message that starts with head, or 0 when it cannot be WireGuard's. */
static __always_inline __u32 wg_type_of(const __u32 head[WG_HEAD_WORDS], __u32 length)
{
	__u32 type = __le32_to_cpu(head[0]);

	switch (type) {
	case WG_INITIATION:
		return length == WG_INITIATION_BYTES ? type : 0;
	case WG_RESPONSE:
		return length == WG_RESPONSE_BYTES ? type : 0;
	case WG_COOKIE:
		return length == WG_COOKIE_BYTES ? type : 0;
	case WG_DATA:
		return length >= WG_DATA_MIN_BYTES && length % 16 == 0 ? type : 0;
	default:
		return 0;
	}
}
