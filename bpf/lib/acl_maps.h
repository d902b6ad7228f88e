/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of bpf/acl.bpf.c; docs/abi.md says who writes and reads them. Sizes of the LRU tables,
 * of the counters and of the ring buffer are set when they are loaded. */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi/acl.h"
#include "bpf/abi/acl_reasons.h"
#include "bpf/abi/acl_state.h"

/* One image in force. An update of its only element returns when no program reads the old one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(max_entries, 1);
			__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
			/* clang 14 leaves a forward declaration of types that only an inner map
			 * names. */
			__uint(key_size, sizeof(__u32));
			__uint(value_size, MESH_ACL_LINE_BYTES);
		});
} acl_image SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mesh_acl_config);
} acl_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct mesh_flow_key);
	__type(value, struct mesh_flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct mesh_flow_key);
	__type(value, struct mesh_flow);
} served SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct mesh_fragment_key);
	__type(value, struct mesh_fragment);
} fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct mesh_acl_count);
} rule_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MESH_ACL_REASON_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} acl_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mesh_acl_budget);
} acl_budget SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} acl_events SEC(".maps");
