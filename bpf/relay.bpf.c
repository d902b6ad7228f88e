// SPDX-License-Identifier: GPL-2.0-only
/*
 * The relay, in XDP on the interfaces at which it is reached: forwards data of live channels
 * between its clients, IPv4 and IPv6 in any combination, and answers plain STUN binding requests.
 *
 * Everything else passes to the host's stack unchanged, and with it to the daemon, which also
 * forwards what this program hands up. Every header of a forwarded packet is written fresh; the
 * message is never looked at.
 */
#include <linux/bpf.h>

#include "bpf/abi/relay.h"
#include "bpf/abi/underlay.h"
#include "bpf/lib/arp_probe.h"
#include "bpf/lib/datagram.h"
#include "bpf/lib/exit.h"
#include "bpf/lib/outer.h"
#include "bpf/lib/rate.h"
#include "bpf/lib/relay_ports.h"
#include "bpf/lib/stun.h"

#define AF_INET           2
#define AF_INET6          10
#define LOOPBACK          1 /* LOOPBACK_IFINDEX of net/flow.h */
#define STUN_ALL_BURST_NS 10000000ull

static __always_inline int send_back(struct xdp_md *x, const struct mesh_relay_config *c)
{
	return c->flags & MESH_RELAY_NO_TX ? bpf_redirect(x->ingress_ifindex, 0) : XDP_TX;
}

/* ---- STUN ---- */

/* What is refused by its source is not charged to all, or one source could use up what all have. */
static __always_inline int stun_allowed(const struct mesh_relay_config *c, const struct datagram *d)
{
	struct mesh_addr from = d->src;
	__u64 now = bpf_ktime_get_boot_ns(), *all, *due, first = now + c->stun_source_ns;
	__u32 zero = 0;

	if (d->is_v6)
		from.w[2] = from.w[3] = 0;
	due = bpf_map_lookup_elem(&relay_stun_sources, &from);
	if (due && *due > now + c->stun_source_ns * c->stun_burst)
		return 0;
	all = bpf_map_lookup_elem(&relay_stun_all, &zero);
	if (!all || !within_rate(all, c->stun_all_ns, STUN_ALL_BURST_NS, now))
		return 0;
	if (due)
		*due = *due > now ? *due + c->stun_source_ns : first;
	else
		bpf_map_update_elem(&relay_stun_sources, &from, &first, BPF_ANY);
	return 1;
}

static __always_inline void turn_round(struct datagram *d, __u32 payload_len)
{
	struct datagram was = *d;

	d->src = was.dst;
	d->dst = was.src;
	d->udp.source = was.udp.dest;
	d->udp.dest = was.udp.source;
	d->udp.len = bpf_htons(sizeof(d->udp) + payload_len);
	d->hops = IP_DEFAULT_TTL;
	__builtin_memcpy(d->eth.h_dest, was.eth.h_source, ETH_ALEN);
	__builtin_memcpy(d->eth.h_source, was.eth.h_dest, ETH_ALEN);
}

/* Grows at the head: small frames may lie in buffers without room at the tail. */
static __always_inline int answer_v4(struct xdp_md *x, struct datagram *d,
				     const struct stun_header *request)
{
	struct {
		struct frame_v4 frame;
		struct stun_answer_v4 answer;
	} __attribute__((packed)) * f;
	struct stun_answer_v4 answer;

	stun_fill_v4(&answer, d, request);
	turn_round(d, sizeof(answer));
	d->udp.check = csum_udp_field(datagram_header_sum(d) +
				      bpf_csum_diff(NULL, 0, (__be32 *)&answer, sizeof(answer), 0));
	if (bpf_xdp_adjust_head(x, -(int)(sizeof(answer) - sizeof(*request))))
		return 0;
	f = (void *)(long)x->data;
	if ((void *)(f + 1) > (void *)(long)x->data_end)
		return 0;
	frame_fill_v4(&f->frame, d);
	f->answer = answer;
	return 1;
}

static __always_inline int answer_v6(struct xdp_md *x, struct datagram *d,
				     const struct stun_header *request)
{
	struct {
		struct frame_v6 frame;
		struct stun_answer_v6 answer;
	} __attribute__((packed)) * f;
	struct stun_answer_v6 answer;

	stun_fill_v6(&answer, d, request);
	turn_round(d, sizeof(answer));
	d->udp.check = csum_udp_field(datagram_header_sum(d) +
				      bpf_csum_diff(NULL, 0, (__be32 *)&answer, sizeof(answer), 0));
	if (bpf_xdp_adjust_head(x, -(int)(sizeof(answer) - sizeof(*request))))
		return 0;
	f = (void *)(long)x->data;
	if ((void *)(f + 1) > (void *)(long)x->data_end)
		return 0;
	frame_fill_v6(&f->frame, d);
	f->answer = answer;
	return 1;
}

static __always_inline struct outcome answer_stun(struct xdp_md *x,
						  const struct mesh_relay_config *c,
						  struct datagram *d, const struct stun_header *m)
{
	struct stun_header request = *m;

	if (!bpf_map_lookup_elem(&relay_locals, &d->dst)) /* on its way to somebody else */
		return ends(MESH_RELAY_PASS, XDP_PASS);
	if (!stun_allowed(c, d))
		return ends(MESH_RELAY_STUN_OVER_RATE, XDP_DROP);
	if (!(d->is_v6 ? answer_v6(x, d, &request) : answer_v4(x, d, &request)))
		return ends(MESH_RELAY_NO_REWRITE, XDP_DROP);
	return ends(MESH_RELAY_STUN, send_back(x, c));
}

/* ---- data ---- */

/* Since header and message add up to all ones, the UDP checksum depends on the headers alone. A
 * packet that agrees with that gets a new one the same way. Two more come from a veth, whose
 * senders leave checksums to a device that is not there: one with the pseudo-header's sum only, and
 * one with `sum` at 0; for the second no checksum can be made here, and IPv4 can do without. In
 * generic mode the first still has a promise that a device fills the field, so it goes up. */
static __always_inline int checksum_is_known(const struct xdp_md *x, const struct datagram *d,
					     const struct relay_header *relay)
{
	__u64 pseudo = datagram_header_sum(d) - csum_udp_words(&d->udp);

	if (d->udp.check == csum_udp_field(datagram_header_sum(d)))
		return 1;
	if (!relay->sum)
		return 0;
	if (!d->udp.check)
		return !d->is_v6;
	if (d->udp.check != csum_fold_to_16(pseudo))
		return 0;
	return mode_of(x->ingress_ifindex) != MESH_RELAY_PORT_GENERIC;
}

/* As if this host sent it: then forwarding has to be enabled on lo alone, not on an interface that
 * leads anywhere. */
static __always_inline long find_way(struct xdp_md *x, struct bpf_fib_lookup *way,
				     const struct datagram *d)
{
	way->ifindex = LOOPBACK;
	way->l4_protocol = IPPROTO_UDP;
	way->sport = d->udp.source;
	way->dport = d->udp.dest;
	way->tot_len =
		bpf_ntohs(d->udp.len) + (d->is_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	if (d->is_v6) {
		way->family = AF_INET6;
		way->flowinfo = bpf_htonl((__u32)d->tos << 20);
		__builtin_memcpy(way->ipv6_src, &d->src, sizeof(way->ipv6_src));
		__builtin_memcpy(way->ipv6_dst, &d->dst, sizeof(way->ipv6_dst));
	} else {
		way->family = AF_INET;
		way->tos = d->tos;
		way->ipv4_src = d->src.w[3];
		way->ipv4_dst = d->dst.w[3];
	}
	return bpf_fib_lookup(x, way, sizeof(*way), 0);
}

static __always_inline int write_onward(struct xdp_md *x, const struct datagram *d, int was_v6,
					const struct relay_header *relay)
{
	const int change = (int)sizeof(struct ipv6hdr) - (int)sizeof(struct iphdr);
	void *data, *end;

	if (d->is_v6 != was_v6 && bpf_xdp_adjust_head(x, d->is_v6 ? -change : change))
		return 0;
	data = (void *)(long)x->data;
	end = (void *)(long)x->data_end;
	if (d->is_v6) {
		if (data + sizeof(struct frame_v6) + sizeof(*relay) > end)
			return 0;
		frame_fill_v6(data, d);
		*(struct relay_header *)(data + sizeof(struct frame_v6)) = *relay;
	} else {
		if (data + sizeof(struct frame_v4) + sizeof(*relay) > end)
			return 0;
		frame_fill_v4(data, d);
		*(struct relay_header *)(data + sizeof(struct frame_v4)) = *relay;
	}
	return 1;
}

/* The datagram as it leaves; the message stays. */
static __always_inline void readdress(struct datagram *d, const struct mesh_relay_onward *o,
				      struct relay_header *relay)
{
	__u64 other = (__u64)relay->sum + relay->channel + (__u32)~o->channel;

	d->udp.source = d->udp.dest;
	d->udp.dest = o->dport;
	d->src = o->src;
	d->dst = o->dst;
	d->is_v6 = !addr_is_v4(&o->dst);
	d->hops--;
	if (relay->sum) {
		relay->sum = csum_fold_to_16(other);
		if (!relay->sum)
			relay->sum = 0xffff;
	}
	relay->channel = o->channel;
	d->udp.check = relay->sum ? csum_udp_field(datagram_header_sum(d)) : 0;
}

static __always_inline void count_use(struct mesh_relay_usage *u, __u32 bytes, __u64 now)
{
	__sync_fetch_and_add(&u->pkts, 1);
	__sync_fetch_and_add(&u->bytes, bytes);
	u->last_ns = now;
}

static __always_inline struct outcome forward(struct xdp_md *x, const struct mesh_relay_config *c,
					      struct datagram *d, struct relay_header relay)
{
	struct mesh_relay_key key = {
		.addr = d->src, .channel = relay.channel, .port = d->udp.source};
	struct mesh_relay_onward *o = bpf_map_lookup_elem(&relay_channels, &key);
	struct mesh_relay_usage *u;
	struct bpf_fib_lookup way = {};
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 slot, was_v6 = d->is_v6;
	long found;

	if (!o || !addr_is(&o->local, &d->dst))
		return ends(MESH_RELAY_UNKNOWN_CHANNEL, XDP_DROP);
	slot = o->slot;
	u = bpf_map_lookup_elem(&relay_usage, &slot);
	if (!u)
		return ends(MESH_RELAY_UNKNOWN_CHANNEL, XDP_DROP);
	if (!within_rate(&u->due_ns, (c->ns_per_mib * d->payload_len) >> 20, c->burst_ns, now)) {
		__sync_fetch_and_add(&u->dropped_pkts, 1);
		return ends(MESH_RELAY_OVER_RATE, XDP_DROP);
	}
	count_use(u, d->payload_len, now);
	if (o->flags & MESH_RELAY_TO_STREAM)
		return ends(MESH_RELAY_UP_STREAM, XDP_PASS);
	if (d->hops <= 1)
		return ends(MESH_RELAY_HOPS, XDP_DROP);
	if (!checksum_is_known(x, d, &relay) || (!relay.sum && !addr_is_v4(&o->dst)))
		return ends(MESH_RELAY_UP_CHECKSUM, XDP_PASS);
	readdress(d, o, &relay);
	found = find_way(x, &way, d);
	if (found == BPF_FIB_LKUP_RET_NO_NEIGH)
		return ends(MESH_RELAY_UP_NEIGHBOUR, XDP_PASS);
	if (found == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return ends(MESH_RELAY_TOO_BIG, XDP_DROP);
	if (found)
		return ends(MESH_RELAY_UP_ROUTE, XDP_PASS);
	slot = way.ifindex;
	if (slot != x->ingress_ifindex && !may_redirect(x->ingress_ifindex, slot))
		return ends(MESH_RELAY_UP_PORT, XDP_PASS);
	__builtin_memcpy(d->eth.h_dest, way.dmac, ETH_ALEN);
	__builtin_memcpy(d->eth.h_source, way.smac, ETH_ALEN);
	if (!write_onward(x, d, was_v6, &relay))
		return ends(MESH_RELAY_NO_REWRITE, XDP_DROP);
	if (slot == x->ingress_ifindex)
		return ends(MESH_RELAY_SENT_BACK, send_back(x, c));
	return ends(MESH_RELAY_REDIRECTED, bpf_redirect(slot, 0));
}

/* ---- entry ---- */

static __always_inline struct outcome test_self(struct xdp_md *x, const struct mesh_relay_config *c)
{
	switch (arp_probe_of((void *)(long)x->data, (void *)(long)x->data_end, c->probe)) {
	case ARP_PROBE_TO_SEND:
		return ends(MESH_RELAY_PROBE_SENT, send_back(x, c));
	case ARP_PROBE_BACK:
		return ends(MESH_RELAY_PROBE_BACK, XDP_PASS);
	default:
		return ends(MESH_RELAY_PASS, XDP_PASS);
	}
}

static __always_inline struct outcome receive(struct xdp_md *x)
{
	__u32 zero = 0;
	struct mesh_relay_config *c = bpf_map_lookup_elem(&relay_config, &zero);
	struct datagram d = {};
	enum packet_kind kind;
	void *payload, *end;

	if (!c || (!c->port && !c->probe))
		return ends(MESH_RELAY_PASS_UNCONFIGURED, XDP_PASS);
	kind = read_datagram(x, &d);
	if (kind == PACKET_OTHER)
		return c->probe ? test_self(x, c) : ends(MESH_RELAY_PASS, XDP_PASS);
	if (kind == PACKET_FRAGMENT)
		return ends(MESH_RELAY_PASS_FRAGMENT, XDP_PASS);
	if (!c->port || d.udp.dest != c->port)
		return ends(MESH_RELAY_PASS, XDP_PASS);
	payload = (void *)(long)x->data +
		  (d.is_v6 ? sizeof(struct frame_v6) : sizeof(struct frame_v4));
	end = (void *)(long)x->data_end;
	if (d.payload_len == sizeof(struct stun_header) &&
	    payload + sizeof(struct stun_header) <= end) {
		const struct stun_header *m = payload;

		if (m->type == STUN_BINDING_REQUEST && !m->len && m->cookie == STUN_COOKIE)
			return answer_stun(x, c, &d, m);
	}
	if (payload + sizeof(struct relay_header) <= end) {
		const struct relay_header *relay = payload;

		if (relay->magic == bpf_htons(MESH_SHIM_MAGIC) && relay->channel)
			return forward(x, c, &d, *relay);
	}
	return ends(MESH_RELAY_PASS_CONTROL, XDP_PASS);
}

SEC("xdp")
int relay_xdp(struct xdp_md *x)
{
	return count_exit(&relay_counters, receive(x));
}

char _license[] SEC("license") = "GPL";
