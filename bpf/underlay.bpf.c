// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtual underlay: carries WireGuard's packets between its private namespace, where every peer
 * has one synthetic address for ever, and the real networks.
 *
 *   underlay_out    tc ingress of the host end of the veth: synthetic address -> real path
 *   underlay_in     tc ingress of a real Ethernet interface: real path -> synthetic address
 *   underlay_in_l3  the same on an interface without link-layer header
 *
 * On a real interface doubt means that the packet is the host's; on the veth it means drop. Every
 * header is written fresh, so nothing of one side shows on the other but DSCP and ECN.
 */
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "bpf/abi/underlay.h"
#include "bpf/lib/exit.h"
#include "bpf/lib/handshake.h"
#include "bpf/lib/local.h"
#include "bpf/lib/outer.h"
#include "bpf/lib/packet.h"
#include "bpf/lib/underlay_maps.h"
#include "bpf/lib/wireguard.h"

static __always_inline struct mesh_underlay_config *configuration(void)
{
	__u32 zero = 0;
	struct mesh_underlay_config *c = bpf_map_lookup_elem(&config, &zero);

	return c && c->meshu_ifindex ? c : NULL;
}

/* ---- inbound ---- */

/* The counters of a peer, unless nobody has given it any. */
static __always_inline struct mesh_traffic *traffic_of(__u32 slot)
{
	return slot ? bpf_map_lookup_elem(&traffic, &slot) : NULL;
}

static __always_inline void count_received(__u32 slot, __u32 bytes)
{
	struct mesh_traffic *t = traffic_of(slot);

	if (!t)
		return;
	__sync_fetch_and_add(&t->rx_pkts, 1);
	__sync_fetch_and_add(&t->rx_bytes, bytes);
	t->rx_last_ns = bpf_ktime_get_boot_ns();
}

/* Hands the packet to WireGuard as if it came from the sender. strip: bytes between the UDP header
 * and WireGuard's message. l2: bytes in front of the IP header. */
static __always_inline struct outcome deliver(struct __sk_buff *skb, __u32 l2,
					      const struct mesh_underlay_config *c,
					      const struct udp_packet *p,
					      const struct mesh_sender *from, __u32 reason)
{
	const __u32 strip = reason == MESH_UNDERLAY_IN_RELAY ? sizeof(struct relay_header) : 0;
	struct {
		struct ethhdr eth;
		struct iphdr ip;
		struct udphdr udp;
	} __attribute__((packed)) new = {
		.eth = {.h_dest = MESH_MAC_PRIVATE, /* else PACKET_OTHERHOST */
			.h_source = MESH_MAC_HOST,
			.h_proto = bpf_htons(ETH_P_IP)},
		.ip = {.version = 4,
		       .ihl = 5,
		       .ttl = IP_DEFAULT_TTL,
		       .protocol = IPPROTO_UDP,
		       .tos = p->tos,
		       .saddr = from->synth,
		       .daddr = c->self_synth},
		/* No checksum (RFC 768): WireGuard authenticates the message, and what the old
		 * field held is worth nothing after the rewrite, whatever the device said of it. */
		.udp = {.source = c->synth_port, .dest = c->wg_port},
	};
	struct iphdr ip = new.ip;

	new.udp.len = bpf_htons(sizeof(new.udp) + p->payload_len - strip);
	ip.tot_len = bpf_htons(sizeof(ip) + sizeof(new.udp) + p->payload_len - strip);
	csum_fill_ip(&ip);
	new.ip = ip;
	/* Segments of a merged packet would not agree with a header that changes size. */
	if (skb->gso_size && (p->is_v6 || strip))
		return ends(MESH_UNDERLAY_IN_MERGED, TC_ACT_SHOT);
	count_received(from->slot, p->payload_len - strip);
	if (p->is_v6 && bpf_skb_change_proto(skb, bpf_htons(ETH_P_IP), 0))
		return ends(MESH_UNDERLAY_IN_NO_REWRITE, TC_ACT_SHOT);
	if (strip &&
	    bpf_skb_adjust_room(skb, -(int)sizeof(struct relay_header), BPF_ADJ_ROOM_NET, 0))
		return ends(MESH_UNDERLAY_IN_NO_REWRITE, TC_ACT_SHOT);
	if (!l2 && bpf_skb_change_head(skb, ETH_HLEN, 0))
		return ends(MESH_UNDERLAY_IN_NO_REWRITE, TC_ACT_SHOT);
	if (bpf_skb_store_bytes(skb, 0, &new, sizeof(new), BPF_F_INVALIDATE_HASH))
		return ends(MESH_UNDERLAY_IN_NO_REWRITE, TC_ACT_SHOT);
	return ends(reason, bpf_redirect_peer(c->meshu_ifindex, 0));
}

static __always_inline struct outcome in_from_relay(struct __sk_buff *skb, __u32 l2,
						    const struct mesh_underlay_config *c,
						    const struct udp_packet *p, __be32 channel)
{
	struct mesh_source from = {.addr = p->src, .channel = channel, .port = p->udp.source};
	__u32 head[WG_HEAD_WORDS], at = p->l4 + sizeof(struct udphdr) + sizeof(struct relay_header);
	struct mesh_sender *sender;
	__u32 type;

	if (bpf_skb_load_bytes(skb, at, head, sizeof(head)))
		return ends(MESH_UNDERLAY_IN_BAD_INNER, TC_ACT_SHOT);
	/* The agent knows which channels are whose, before it has written them here. */
	if (head[0] == bpf_htonl(MESH_DISCO_MAGIC))
		return ends(MESH_UNDERLAY_IN_PASS_CONTROL, VERDICT_NEXT);
	sender = bpf_map_lookup_elem(&sources, &from);
	if (!sender)
		return ends(MESH_UNDERLAY_IN_UNKNOWN_CHANNEL, TC_ACT_SHOT);
	type = wg_type_of(head, p->payload_len - sizeof(struct relay_header));
	if (!type)
		return ends(MESH_UNDERLAY_IN_BAD_INNER, TC_ACT_SHOT);
	if (type == WG_INITIATION && gives_way(sender->synth, head[1]))
		return ends(MESH_UNDERLAY_IN_UNKNOWN_INITIATION, TC_ACT_SHOT);
	return deliver(skb, l2, c, p, sender, MESH_UNDERLAY_IN_RELAY);
}

static __always_inline struct outcome in_direct(struct __sk_buff *skb, __u32 l2,
						const struct mesh_underlay_config *c,
						const struct udp_packet *p, const __u32 *head,
						__u32 type)
{
	struct mesh_source from = {.addr = p->src, .port = p->udp.source};
	struct mesh_sender *sender = bpf_map_lookup_elem(&sources, &from);
	struct mesh_path *path;
	struct mesh_sender moved = {};
	__be32 *synth;
	__u32 index;

	if (sender && type == WG_INITIATION && gives_way(sender->synth, head[1]))
		return ends(MESH_UNDERLAY_IN_UNKNOWN_INITIATION, TC_ACT_SHOT);
	if (sender)
		return deliver(skb, l2, c, p, sender, MESH_UNDERLAY_IN_ADDRESS);
	if (type == WG_INITIATION) {
		report_initiation(skb, p); /* nothing in it names the sender to us */
		return ends(MESH_UNDERLAY_IN_UNKNOWN_INITIATION, TC_ACT_SHOT);
	}
	/* A peer that moved. Its address is not learnt: this packet is not authenticated yet. */
	index = type == WG_RESPONSE ? head[2] : head[1];
	synth = bpf_map_lookup_elem(&indices, &index);
	if (!synth)
		return ends(MESH_UNDERLAY_IN_UNKNOWN_DATA, TC_ACT_SHOT);
	moved.synth = *synth;
	path = bpf_map_lookup_elem(&paths, &moved.synth);
	if (path)
		moved.slot = path->slot;
	return deliver(skb, l2, c, p, &moved, MESH_UNDERLAY_IN_INDEX);
}

static __always_inline struct outcome inbound(struct __sk_buff *skb, __u32 l2)
{
	struct mesh_underlay_config *c = configuration();
	struct udp_packet p = {};
	__u32 head[WG_HEAD_WORDS], type, local;
	enum packet_kind kind;
	struct relay_header *relay = (void *)head;

	if (!c)
		return ends(MESH_UNDERLAY_IN_PASS_UNCONFIGURED, VERDICT_NEXT);
	local = local_kind(skb, l2);
	/* Linux takes packets for any of its addresses from any interface; what is sent to this one
	 * in the clear would reach a service past access control. */
	if (local == MESH_LOCAL_OVERLAY)
		return ends(MESH_UNDERLAY_IN_PLAINTEXT, TC_ACT_SHOT);
	/* Not local: on its way to a container or beyond. A tagged packet belongs to the VLAN
	 * device, which shows it to us again without the tag. */
	if (!local || skb->vlan_present || skb->pkt_type != TO_THIS_HOST)
		return ends(MESH_UNDERLAY_IN_PASS, VERDICT_NEXT);
	kind = read_udp(skb, l2, &p);
	if (kind == PACKET_OTHER || (kind == PACKET_UDP && p.udp.dest != c->public_port))
		return ends(MESH_UNDERLAY_IN_PASS, VERDICT_NEXT);
	if (kind == PACKET_FRAGMENT)
		return ends(MESH_UNDERLAY_IN_PASS_FRAGMENT, VERDICT_NEXT);
	if (p.payload_len < sizeof(head) ||
	    bpf_skb_load_bytes(skb, p.l4 + sizeof(struct udphdr), head, sizeof(head)))
		return ends(MESH_UNDERLAY_IN_PASS_CONTROL, VERDICT_NEXT);
	if (relay->magic == bpf_htons(MESH_SHIM_MAGIC) && relay->channel)
		return in_from_relay(skb, l2, c, &p, relay->channel);
	type = wg_type_of(head, p.payload_len);
	if (!type)
		return ends(MESH_UNDERLAY_IN_PASS_CONTROL, VERDICT_NEXT);
	return in_direct(skb, l2, c, &p, head, type);
}

SEC("tc")
int underlay_in(struct __sk_buff *skb)
{
	return count_exit(&counters, inbound(skb, ETH_HLEN));
}

SEC("tc")
int underlay_in_l3(struct __sk_buff *skb)
{
	return count_exit(&counters, inbound(skb, 0));
}

/* ---- outbound ---- */

/* WireGuard wants to reach the peer: the time tells the agent, also when there is no path yet. */
static __always_inline void count_sent(const struct mesh_path *path, __u32 bytes)
{
	struct mesh_traffic *t = traffic_of(path->slot);

	if (!t)
		return;
	if (path->use) {
		__sync_fetch_and_add(&t->tx_pkts, 1);
		__sync_fetch_and_add(&t->tx_bytes, bytes);
	}
	t->tx_last_ns = bpf_ktime_get_boot_ns();
}

static __always_inline struct outcome send_on(struct __sk_buff *skb,
					      const struct mesh_underlay_config *c,
					      const struct udp_packet *p, const struct mesh_hop *h)
{
	const int to_v6 = !addr_is_v4(&h->dst);
	const __u32 ip_len = to_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u32 udp_len = sizeof(struct udphdr) + p->payload_len;
	struct udphdr udp = {.source = c->public_port, .dest = h->dport};
	struct relay_header relay = {};

	if (!h->ifindex)
		return ends(MESH_UNDERLAY_OUT_NO_PATH, TC_ACT_SHOT);
	if (h->channel)
		udp_len += sizeof(relay);
	if (h->mtu && ip_len + udp_len > h->mtu)
		return ends(MESH_UNDERLAY_OUT_TOO_BIG, TC_ACT_SHOT);
	udp.len = bpf_htons(udp_len);
	outer_headers(p, h, to_v6, &udp, &relay);
	if (h->channel && bpf_skb_adjust_room(skb, sizeof(relay), BPF_ADJ_ROOM_NET, 0))
		return ends(MESH_UNDERLAY_OUT_NO_REWRITE, TC_ACT_SHOT);
	if (to_v6 ? store_v6(skb, p, h, &udp) : store_v4(skb, p, h, &udp))
		return ends(MESH_UNDERLAY_OUT_NO_REWRITE, TC_ACT_SHOT);
	if (h->channel &&
	    bpf_skb_store_bytes(skb, ETH_HLEN + ip_len + sizeof(udp), &relay, sizeof(relay), 0))
		return ends(MESH_UNDERLAY_OUT_NO_REWRITE, TC_ACT_SHOT);
	return ends(h->channel ? MESH_UNDERLAY_OUT_RELAY : MESH_UNDERLAY_OUT_DIRECT,
		    bpf_redirect_neigh(h->ifindex, NULL, 0, 0));
}

/* Which hops this packet takes: the agent's choice, and the second as well when the agent has not
 * renewed the path in time, so that a dead agent's peers fall back by themselves. */
static __always_inline __u32 hops_of(const struct mesh_path *path)
{
	__u32 use = path->use & MESH_USE_BOTH;

	if (path->deadline_ns && bpf_ktime_get_boot_ns() > path->deadline_ns)
		use = MESH_USE_BOTH;
	if (use == MESH_USE_BOTH && !path->hop[1].ifindex)
		use = MESH_USE_PRIMARY;
	return use;
}

static __always_inline struct outcome outbound(struct __sk_buff *skb)
{
	struct mesh_underlay_config *c = configuration();
	struct udp_packet p = {};
	__u32 head[WG_HEAD_WORDS], type, use, mark = skb->mark,
					      reason = MESH_UNDERLAY_OUT_UNEXPECTED;
	struct mesh_path *path;
	__be32 synth;

	if (!c)
		return ends(MESH_UNDERLAY_OUT_UNCONFIGURED, TC_ACT_SHOT);
	if (skb->vlan_present || skb->gso_size || read_udp(skb, ETH_HLEN, &p) != PACKET_UDP ||
	    p.is_v6)
		return ends(reason, TC_ACT_SHOT);
	if (p.src.w[3] != c->self_synth || p.udp.source != c->wg_port ||
	    p.udp.dest != c->synth_port || !p.udp.check ||
	    p.l4 + sizeof(struct udphdr) + p.payload_len != skb->len)
		return ends(reason, TC_ACT_SHOT);
	if (bpf_skb_load_bytes(skb, p.l4 + sizeof(struct udphdr), head, sizeof(head)))
		return ends(reason, TC_ACT_SHOT);
	type = wg_type_of(head, p.payload_len);
	if (!type)
		return ends(reason, TC_ACT_SHOT);
	synth = p.dst.w[3];
	path = bpf_map_lookup_elem(&paths, &synth);
	if (mark != MESH_MARK_SECOND_COPY && (type == WG_INITIATION || type == WG_RESPONSE)) {
		bpf_map_update_elem(&indices, &head[1], &synth, BPF_ANY);
		tell_handshake(skb, p.l4 + sizeof(struct udphdr), synth, type, path && path->use);
	}
	if (!path)
		return ends(MESH_UNDERLAY_OUT_NO_PATH, TC_ACT_SHOT);
	use = hops_of(path);
	if (mark == MESH_MARK_SECOND_COPY) {
		skb->mark = 0;
		return send_on(skb, c, &p, &path->hop[1]);
	}
	count_sent(path, p.payload_len);
	if (!path->use)
		return ends(MESH_UNDERLAY_OUT_NO_PATH, TC_ACT_SHOT);
	if (type == WG_INITIATION)
		note_begun(synth, head[1]);
	if (use == MESH_USE_BOTH) {
		/* bpf_clone_redirect resolves no neighbour, so the copy comes back into this
		 * program. */
		skb->mark = MESH_MARK_SECOND_COPY;
		if (bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS)) {
			__u32 lost = MESH_UNDERLAY_OUT_NO_COPY;
			__u64 *n = bpf_map_lookup_elem(&counters, &lost);

			if (n)
				*n += 1;
		}
		skb->mark = mark;
	}
	return send_on(skb, c, &p, &path->hop[use == MESH_USE_SECONDARY]);
}

SEC("tc")
int underlay_out(struct __sk_buff *skb)
{
	return count_exit(&counters, outbound(skb));
}

char _license[] SEC("license") = "GPL";
