// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access control on mesh0: tc ingress and egress of the WireGuard interface, which has no
 * link-layer header. What arrives is an answer on a flow that this node opened, or some rule of the
 * policy's image admits it, or it is dropped. What leaves opens a flow, or is an answer to what the
 * policy admits now: a permission that is revoked ends a connection in both directions. Until there
 * is an image nothing passes. Inside the tunnel doubt means drop.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "bpf/abi/acl.h"
#include "bpf/abi/acl_state.h"
#include "bpf/lib/acl_image.h"
#include "bpf/lib/acl_maps.h"
#include "bpf/lib/exit.h"
#include "bpf/lib/flow.h"
#include "bpf/lib/fragment.h"
#include "bpf/lib/icmp_error.h"
#include "bpf/lib/read_inner.h"
#include "bpf/lib/refuse.h"

/* The policy that one packet is judged by, and what was found on the way. */
struct judgement {
	void *image;
	const struct mesh_acl_header *h;
	__u64 now_ns;
	__u64 who; /* the remote end: node id << 32 | source class */
	__u32 generation;
	__u32 slot;   /* of the rule that admits it */
	__u32 flags;  /* of the settings */
	__u32 is_new; /* the packet began a flow */
};

/* 0, or MESH_ACL_IN_NOT_ARMED or _STALE. */
static __always_inline __u32 open_policy(struct judgement *j)
{
	struct mesh_acl_config *c;
	__u32 zero = 0;

	j->now_ns = bpf_ktime_get_coarse_ns();
	j->image = bpf_map_lookup_elem(&acl_image, &zero);
	if (!j->image)
		return MESH_ACL_IN_NOT_ARMED;
	j->h = line_at(j->image, 0);
	if (!j->h || j->h->format != MESH_ABI_VERSION)
		return MESH_ACL_IN_NOT_ARMED;
	j->generation = j->h->generation;
	c = bpf_map_lookup_elem(&acl_config, &zero);
	if (!c)
		return MESH_ACL_IN_NOT_ARMED;
	j->flags = c->flags;
	return c->deny_after_ns && bpf_ktime_get_boot_ns() >= c->deny_after_ns ? MESH_ACL_IN_STALE
									       : 0;
}

/* The slot of the rule that lets the remote end of `who` send there; 0: none. */
static __always_inline __u32 admitting_rule(const struct judgement *j, __u64 who, __u32 to,
					    __u8 protocol, __be16 port)
{
	return rule_for(j->image, j->h, (__u32)who, to,
			port_class_of(j->image, j->h, protocol, bpf_ntohs(port)));
}

static __always_inline void count_rule(__u32 slot, __u32 bytes)
{
	__u32 place = bpf_get_smp_processor_id() * constants.counted_rules + slot;
	struct mesh_acl_count *n;

	if (slot >= constants.counted_rules)
		return; /* more rules than counters */
	n = bpf_map_lookup_elem(&rule_counters, &place);
	if (!n)
		return;
	n->packets += 1;
	n->bytes += bytes;
}

/* Whether the policy or a flow of this node's lets the packet that the error quotes be sent. */
static __always_inline __u32 judge_error(struct __sk_buff *skb, const struct inner *p,
					 const struct judgement *j)
{
	struct mesh_flow_key key;
	struct inner q = {};
	struct mesh_flow *f;
	__u64 who;

	if (read_quoted(skb, p, &q) || !addr_equal(&q.src, &p->dst) || !is_honest_mtu(skb, p))
		return MESH_ACL_IN_BAD_ERROR;
	who = who_is(j->image, j->h, &q.dst);
	if (!who)
		return MESH_ACL_IN_BAD_ERROR;
	key_of(&key, &q, 0);
	f = bpf_map_lookup_elem(&flows, &key);
	if (f && is_live(f, q.protocol, j->now_ns))
		return MESH_ACL_IN_ERROR;
	return admitting_rule(j, who, destination_of(j->image, j->h, &q.src), q.protocol, q.sport)
		       ? MESH_ACL_IN_ERROR
		       : MESH_ACL_IN_BAD_ERROR;
}

/* A TCP segment that a rule admits passes whoever opened, and what a peer is known to have opened
 * is no answer: asking for flows first would cost a lookup in a large table for nothing. */
static __always_inline __u32 judge_flow(const struct inner *p, struct judgement *j, __u32 to)
{
	struct mesh_flow_key key;
	int is_peers;

	key_of(&key, p, 1);
	is_peers = p->protocol == IPPROTO_TCP || is_served(p, &key, j->now_ns);
	if (!is_peers && is_answer(p, &key, j->now_ns))
		return MESH_ACL_IN_FLOW;
	j->slot = admitting_rule(j, j->who, to, p->protocol, p->dport);
	if (!j->slot)
		return is_peers && is_answer(p, &key, j->now_ns) ? MESH_ACL_IN_FLOW
								 : MESH_ACL_IN_DENIED;
	count_rule(j->slot, p->length);
	if (p->protocol == IPPROTO_TCP) {
		j->is_new = (p->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	} else if (!is_peers) {
		j->is_new = 1;
		remember(&served, &key, j->now_ns);
	}
	return MESH_ACL_IN_ALLOWED;
}

static __always_inline __u32 judge_in(struct __sk_buff *skb, struct inner *p, struct judgement *j)
{
	__u32 reason = open_policy(j), to;

	if (reason)
		return reason;
	reason = read_inner(skb, p);
	if (reason)
		return reason;
	if (is_of_link(&p->src) || is_of_link(&p->dst))
		return MESH_ACL_IN_MULTICAST;
	j->who = who_is(j->image, j->h, &p->src);
	if (!j->who)
		return MESH_ACL_IN_UNKNOWN_SOURCE;
	to = destination_of(j->image, j->h, &p->dst);
	if (to == MESH_ACL_NOBODY)
		return MESH_ACL_IN_NOT_OURS;
	if (p->fragment == FRAGMENT_LATER)
		return judge_later_fragment(p, j->generation, j->now_ns);
	if (is_of_neighbours(p))
		return MESH_ACL_IN_NEIGHBOUR;
	if (is_icmp_error(p))
		return p->fragment ? MESH_ACL_IN_BAD_ERROR : judge_error(skb, p, j);
	reason = judge_flow(p, j, to);
	if (p->fragment == FRAGMENT_FIRST && reason != MESH_ACL_IN_DENIED)
		note_first_fragment(p, p->length - p->l4, j->generation, j->now_ns);
	return reason;
}

/* Our own answer to a denied packet: it came in through this interface and bears our mark. */
static __always_inline int is_refusal(struct __sk_buff *skb)
{
	return skb->mark == MESH_MARK_REFUSAL && skb->ingress_ifindex == skb->ifindex;
}

static __always_inline __u32 judge_out(struct __sk_buff *skb, struct inner *p, struct judgement *j)
{
	__u32 reason = open_policy(j);
	struct mesh_flow_key key;
	enum opening opening;

	if (reason)
		return reason == MESH_ACL_IN_STALE ? MESH_ACL_OUT_STALE : MESH_ACL_OUT_NOT_ARMED;
	if (is_refusal(skb))
		return MESH_ACL_OUT_REFUSAL;
	if (read_inner(skb, p))
		return MESH_ACL_OUT_MALFORMED;
	opening = opening_of(skb, p);
	if (opening == UNTRACKED)
		return MESH_ACL_OUT_UNTRACKED;
	key_of(&key, p, 0);
	if (continues_flow(p, &key, j->now_ns))
		return MESH_ACL_OUT_FLOW;
	j->who = who_is(j->image, j->h, &p->dst);
	if (opening != OPENS) {
		__u32 to = destination_of(j->image, j->h, &p->src);

		j->slot = admitting_rule(j, j->who, to, p->protocol, p->sport);
		if (j->slot)
			return MESH_ACL_OUT_ALLOWED;
		if (opening == ANSWERS || is_served(p, &key, j->now_ns))
			return MESH_ACL_OUT_REVOKED;
	}
	j->is_new = 1;
	return remember(&flows, &key, j->now_ns) ? MESH_ACL_OUT_NO_STATE : MESH_ACL_OUT_OPENED;
}

/* 1 while this CPU may do another one of these this second. */
static __always_inline int is_within(__u64 now_ns, int is_refusal)
{
	__u32 zero = 0;
	struct mesh_acl_budget *b = bpf_map_lookup_elem(&acl_budget, &zero);
	__u64 second = now_ns / NS_PER_S;

	if (!b)
		return 0;
	if (b->second != second) {
		b->second = second;
		b->events = 0;
		b->refusals = 0;
	}
	if (is_refusal)
		return b->refusals++ < MESH_ACL_REFUSALS_PER_SECOND;
	return b->events++ < MESH_ACL_EVENTS_PER_SECOND;
}

static __always_inline void report(const struct inner *p, const struct judgement *j, __u32 reason,
				   __u8 direction)
{
	struct mesh_acl_event *e;

	if (!is_within(j->now_ns, 0))
		return;
	e = bpf_ringbuf_reserve(&acl_events, sizeof(*e), 0);
	if (!e)
		return;
	e->time_ns = j->now_ns;
	e->src = p->src;
	e->dst = p->dst;
	e->sport = p->sport;
	e->dport = p->dport;
	e->node = j->who >> 32;
	e->generation = j->generation;
	e->slot = j->slot;
	e->length = p->length;
	e->protocol = p->protocol;
	e->direction = direction;
	e->reason = reason;
	e->detail = p->flags;
	bpf_ringbuf_submit(e, 0);
}

static __always_inline int passes(__u32 reason)
{
	return reason <= MESH_ACL_IN_ERROR ||
	       (reason >= MESH_ACL_OUT_ALLOWED && reason <= MESH_ACL_OUT_NO_STATE);
}

SEC("tc")
int acl_in(struct __sk_buff *skb)
{
	struct judgement j = {};
	struct inner p = {};
	__u32 reason = judge_in(skb, &p, &j);
	int verdict = passes(reason) ? VERDICT_NEXT : TC_ACT_SHOT;

	if (verdict != VERDICT_NEXT || (j.is_new && j.flags & MESH_ACL_FOLLOW_FLOWS))
		report(&p, &j, reason, MESH_ACL_IN);
	if (reason == MESH_ACL_IN_DENIED && !(j.flags & MESH_ACL_QUIET) && is_answerable(&p) &&
	    is_within(j.now_ns, 1) && !become_refusal(skb, &p)) {
		skb->mark = MESH_MARK_REFUSAL;
		reason = MESH_ACL_IN_REFUSED;
		verdict = bpf_redirect(skb->ifindex, 0);
	}
	return count_exit(&acl_counters, ends(reason, verdict));
}

SEC("tc")
int acl_out(struct __sk_buff *skb)
{
	struct judgement j = {};
	struct inner p = {};
	__u32 reason = judge_out(skb, &p, &j);
	int verdict = passes(reason) ? VERDICT_NEXT : TC_ACT_SHOT;

	if (verdict != VERDICT_NEXT || (j.is_new && j.flags & MESH_ACL_FOLLOW_FLOWS))
		report(&p, &j, reason, MESH_ACL_OUT);
	return count_exit(&acl_counters, ends(reason, verdict));
}

char _license[] SEC("license") = "GPL";
