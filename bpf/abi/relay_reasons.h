/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Every way a packet can end in bpf/relay.bpf.c: one list, of which the enum, the labels and the
 * documentation are made. */
#pragma once

/* relay_counters, PERCPU_ARRAY of __u64. X(NAME, "label", "meaning") */
#define MESH_RELAY_REASONS(X)                                                                      \
	X(PASS, "pass", "not for the relay's port on one of its addresses: left to the host")      \
	X(PASS_UNCONFIGURED, "pass_unconfigured", "the daemon has not configured the program")     \
	X(PASS_FRAGMENT, "pass_fragment", "fragment: left to the host, which puts it together")    \
	X(PASS_CONTROL, "pass_control",                                                            \
	  "to the relay's port: control, STUN with attributes, anything that is no data")          \
	X(SENT_BACK, "sent_back", "data forwarded out of the interface on which it came")          \
	X(REDIRECTED, "redirected", "data forwarded out of another interface")                     \
	X(UP_STREAM, "up_stream", "data for a client on TLS: handed to the daemon")                \
	X(UP_NEIGHBOUR, "up_neighbour",                                                            \
	  "data whose next hop is not resolved: handed to the daemon, whose packet resolves it")   \
	X(UP_ROUTE, "up_route", "data for which the kernel names no way: handed to the daemon")    \
	X(UP_PORT, "up_port",                                                                      \
	  "data that leaves by an interface without the program, or with a generic one while it "  \
	  "came "                                                                                  \
	  "natively: handed to the daemon")                                                        \
	X(UP_CHECKSUM, "up_checksum",                                                              \
	  "data whose checksum is wrong or cannot be made here: handed to the host's stack")       \
	X(UNKNOWN_CHANNEL, "unknown_channel", "dropped: data on a channel that is not live")       \
	X(OVER_RATE, "over_rate", "dropped: a channel above its rate")                             \
	X(HOPS, "hops", "dropped: the hop limit has run out")                                      \
	X(TOO_BIG, "too_big", "dropped: larger than the MTU of the way out")                       \
	X(NO_REWRITE, "no_rewrite", "dropped: a kernel helper refused to rewrite")                 \
	X(STUN, "stun", "binding request answered")                                                \
	X(STUN_OVER_RATE, "stun_over_rate", "dropped: binding request above the rate")             \
	X(PROBE_SENT, "probe_sent", "the self-test's frame, sent the way that data takes")         \
	X(PROBE_BACK, "probe_back", "the self-test's frame has come back")

enum mesh_relay_reason {
#define MESH_REASON_ENUM(name, label, meaning) MESH_RELAY_##name,
	MESH_RELAY_REASONS(MESH_REASON_ENUM)
#undef MESH_REASON_ENUM
		MESH_RELAY_REASON_COUNT
};
