// SPDX-License-Identifier: Apache-2.0
// The pings that go to one peer (the rest of peer_paths.h).
#include <algorithm>
#include <utility>

#include "controller/core/path/peer_paths.h"

namespace kernmesh::path {
namespace {

Duration search_interval(int tries, bool active) {
  if (active) return tries <= kSearchFastTries ? kSearchFast : kSearchSlow;
  return std::min<Duration>(kSearchFast * (1 << std::clamp(tries - 1, 0, 5)), kIdleSearchMost);
}

}  // namespace

MonoTime PeerPaths::heartbeat_due(const Candidate& held) const {
  if (!held.last_ping) return distrust_before_;
  const MonoTime soon = *held.last_ping + kPatience;
  if (held.unanswered == 1) return std::min(soon, *held.questionable_from());
  return held.unanswered > 0 || is_provisional() ? soon : *held.last_ping + kHeartbeat;
}

bool PeerPaths::may_probe(MonoTime now, Candidate& candidate, const Surroundings& around) {
  if (candidate.origin == Origin::kCaller && !caller_probes_.take(now)) {
    candidate.next_probe = now + kSearchFast;
    return false;
  }
  return around.probes.take(now);
}

void PeerPaths::plan_next(MonoTime now, Candidate& candidate) const {
  const bool active = is_active(now);
  const bool again = candidate.origin == Origin::kCaller    ? candidate.tries < kCallerTries
                     : candidate.origin == Origin::kOffered ? candidate.tries < kOfferTries
                     : is_searching(now) ? active || candidate.tries < kIdleSearchTries
                                         : wants_direct(now) && candidate.tries < direct_tries_;
  if (again) {
    const bool fast = active || candidate.origin == Origin::kOffered;
    candidate.next_probe = now + search_interval(candidate.tries, fast);
  } else {
    candidate.next_probe.reset();
  }
}

void PeerPaths::probe_due(MonoTime now, const Surroundings& around) {
  for (auto& c : candidates_) {
    if (!c.next_probe || *c.next_probe > now) continue;
    const bool by_itself = c.origin == Origin::kCaller || c.origin == Origin::kOffered;
    const bool pointless = c.tries > 0 && !by_itself && !is_searching(now) && !wants_direct(now);
    const bool heartbeats_do = is_active(now) && best_ == c.way && c.unanswered > 0;
    if (pointless || heartbeats_do) {
      c.next_probe.reset();
      continue;
    }
    if (!may_probe(now, c, around)) continue;
    send_ping(now, c, c.caller_key.value_or(keys_.current()), PingRequestId{}, around);
    ++c.tries;
    plan_next(now, c);
  }
}

void PeerPaths::heartbeat(MonoTime now, const Surroundings& around) {
  Candidate* held = best();
  if (held == nullptr || !is_active(now) || now < heartbeat_due(*held)) return;
  send_ping(now, *held, keys_.current(), PingRequestId{}, around);
}

// The relay that data takes as well had better be proven by the time it is needed, and the peer
// hears of the doubt by it.
void PeerPaths::ask_relay(MonoTime now) {
  const Candidate* held = best();
  if (held == nullptr || !is_active(now) || !held->is_questionable(now)) return;
  const Candidate* relay = insurance(candidates_, best_);
  if (relay == nullptr || (relay->last_ping && *relay->last_ping >= *held->first_unanswered))
    return;
  candidates_.find(relay->way)->ask_at_once(now);
}

void PeerPaths::ask_when_silent(MonoTime now) {
  const auto heard = std::max(traffic_.last_rx, traffic_.last_rx_relayed);
  Candidate* held = best();
  if (held == nullptr || !heard || !traffic_.last_tx) return;
  const bool asks =
      silence_.on_reading(*traffic_.last_tx, *heard, held->latency.value_or(Duration{}));
  if (asks && is_active(now) && !held->first_unanswered) held->ask_at_once(now);
}

void PeerPaths::send_ping(MonoTime now, Candidate& to, const DiscoPublicKey& key,
                          PingRequestId request, const Surroundings& around) {
  to.on_sent(now);
  const SharedKey* shared = keys_.shared(key, around.identity.disco_secret);
  if (shared == nullptr) return;
  const Ping ping = make_ping(around);
  book_.add({ping.tx, to.way, key, now, request});
  around.out.push_back(datagram(to.way, seal(ping, around.disco_key, *shared, around.random)));
}

Ping PeerPaths::make_ping(const Surroundings& around) const {
  Ping ping;
  ping.tx = around.random.bytes<12>();
  ping.node_key = around.identity.node_key;
  ping.attestation = around.identity.attestation;
  return ping;
}

// The best way alone is tested, and only while somebody uses it.
void PeerPaths::test_size(MonoTime now, const Surroundings& around) {
  Candidate* held = best();
  if (held == nullptr || !is_active(now) || !is_trusted(*held, moment(now))) return;
  auto& mtu = held->mtu;
  mtu.set_largest(now, std::min<std::uint32_t>(around.largest_message, kMostDatagramBytes));
  if (!mtu.next_at() || now < *mtu.next_at()) return;
  mtu.on_silence(now, held->last_pong);
  const auto size = mtu.next_size();
  if (!size || now < *mtu.next_at()) return;
  if (mtu.wants_witness()) send_ping(now, *held, keys_.current(), PingRequestId{}, around);
  mtu.on_sent(now,
              std::max(kMtuPatience, held->latency.value_or(Duration{}) * kPatienceRoundTrips));
  send_padded_ping(now, held->way, *size, around);
}

// Leaves the candidate's books alone: that a large packet is lost says nothing about small ones.
void PeerPaths::send_padded_ping(MonoTime now, const Way& to, std::uint32_t bytes,
                                 const Surroundings& around) {
  const SharedKey* shared = keys_.shared(keys_.current(), around.identity.disco_secret);
  if (shared == nullptr) return;
  Ping ping = make_ping(around);
  ping.padding_bytes = bytes - kPingBytes;
  book_.add({ping.tx, to, keys_.current(), now, PingRequestId{}, bytes});
  auto padded = datagram(to, seal(ping, around.disco_key, *shared, around.random));
  padded.is_padded = true;
  around.out.push_back(std::move(padded));
}

SendDatagram PeerPaths::datagram(const Way& to, Bytes sealed) const {
  if (!to.is_relayed()) return {info_.id, to, std::nullopt, std::move(sealed)};
  return {info_.id, to, std::nullopt, relay::wrap_data(to.channel, sealed)};
}

}  // namespace kernmesh::path
