// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/peer_paths.h"

#include <algorithm>
#include <utility>

namespace kernmesh::path {

PeerPaths::PeerPaths(PeerInfo info) : info_(std::move(info)), keys_(info_.disco_key) {
  published_path_.peer = info_.id;
}

bool PeerPaths::is_searching(MonoTime now) const {
  return is_active(now) ? !is_healthy(now) : unsettled_;
}

bool PeerPaths::wants_direct(MonoTime now) const {
  return best_ && best_->is_relayed() && is_active(now);
}

bool PeerPaths::is_provisional() const {
  return best_ && !best_->is_relayed() && !proof_.is_confirmed() &&
         insurance(candidates_, best_) != nullptr;
}

Duration PeerPaths::replan_interval() const {
  return best_ && best_->is_relayed() ? kDirectRetry : kUpgrade;
}

void PeerPaths::refresh(MonoTime now, PeerInfo info, const Surroundings& around) {
  info_ = std::move(info);
  keys_.set_netmap_key(info_.disco_key);
  std::vector<Endpoint> usable;
  for (const auto& endpoint : info_.endpoints)
    if (is_usable(endpoint, around.settings.loopback, around.overlay)) usable.push_back(endpoint);
  candidates_.set_reported(now, usable, best_);
  const bool fresh = std::any_of(candidates_.begin(), candidates_.end(),
                                 [](const Candidate& c) { return c.next_probe && !c.last_ping; });
  if (fresh && !best_) unsettled_ = true;
}

void PeerPaths::set_relayed(MonoTime now, std::span<const Way> ways, std::span<const Way> leaving) {
  const bool had_any = insurance(candidates_, std::nullopt) != nullptr;
  candidates_.set_relayed(now, ways, leaving);
  if (best() == nullptr) best_.reset();
  if (!had_any) on_new_offer(now);
}

bool PeerPaths::has_trusted_direct(MonoTime now) const {
  return std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate& c) {
    return !c.way.is_relayed() && c.origin != Origin::kCaller && is_trusted(c, moment(now));
  });
}

void PeerPaths::on_new_offer(MonoTime now) {
  if (is_active(now) && !has_trusted_direct(now)) calling_.begin(now);
}

// Sealed by the peer, but what it names may be anybody's: each place costs a few probes.
Reception PeerPaths::on_call(MonoTime now, const CallMeMaybe& call, const Surroundings& around) {
  if (!calling_.may_listen(now)) return Reception::kLimited;
  if (has_trusted_direct(now)) return Reception::kTaken;
  for (const auto& endpoint : call.endpoints) {
    if (!is_usable(endpoint, around.settings.loopback, around.overlay)) continue;
    if (Candidate* known = candidates_.find(endpoint)) {
      // Calls come in threes; the first has set it off.
      if (!known->last_ping || now - *known->last_ping >= kPingTimeout) known->plan(now);
    } else {
      candidates_.add_offered(now, endpoint, best_);
    }
  }
  calling_.answer(now);
  return Reception::kTaken;
}

bool PeerPaths::is_relayed_way(const Way& way) const {
  return way.is_relayed() && candidates_.find(way) != nullptr;
}

void PeerPaths::on_traffic(MonoTime now, const Traffic& traffic) {
  if (!is_active(now)) was_searching_ = false;  // a search that went to sleep starts again
  if (traffic.last_tx) traffic_.last_tx = traffic.last_tx;
  if (traffic.last_rx) traffic_.last_rx = traffic.last_rx;
  if (traffic.last_rx_relayed) traffic_.last_rx_relayed = traffic.last_rx_relayed;
  if (traffic_.last_tx) active_until_ = *traffic_.last_tx + kSessionActive;
  ask_when_silent(now);
}

void PeerPaths::on_moved(MonoTime now) {
  distrust_before_ = now;
  unsettled_ = true;
  was_searching_ = false;
  book_.forget_probes();
  for (auto& c : candidates_) c.last_ping.reset();
}

void PeerPaths::on_send_failed(const Way& to) {
  if (Candidate* candidate = candidates_.find(to)) candidate->failed = true;
}

void PeerPaths::on_strange_source(MonoTime now, const Endpoint& source) {
  const bool known = std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate& c) {
    return !c.way.is_relayed() && c.way.endpoint.address == source.address;
  });
  if (known || (is_active(now) && !is_healthy(now))) plan_all(now, kSearchFastTries);
}

Reception PeerPaths::on_ping(MonoTime now, const Ping& ping, const DiscoPublicKey& key,
                             const Arrival& arrival, const Surroundings& around) {
  if (!book_.is_new_from_peer(ping.tx)) return Reception::kUnmatched;
  const SharedKey* shared = keys_.shared(key, around.identity.disco_secret);
  if (shared == nullptr || !answers_.take(now)) return Reception::kLimited;
  Pong pong{ping.tx, arrival.source.endpoint, std::nullopt};
  const auto& heard = arrival.source.is_relayed() ? traffic_.last_rx_relayed : traffic_.last_rx;
  if (heard && *heard <= now)
    pong.data_age = std::chrono::duration_cast<milliseconds>(now - *heard);
  auto answer = datagram(arrival.source, seal(pong, around.disco_key, *shared, around.random));
  answer.from = arrival.local;
  around.out.push_back(std::move(answer));
  Candidate* source = candidates_.find(arrival.source);
  if (best_ == arrival.source) return Reception::kTaken;
  if (source == nullptr) {
    candidates_.add_caller(now, arrival.source.endpoint, key);
  } else if (is_trusted(*source, moment(now))) {
    const bool doubts_ours = source->way.is_relayed() && best_ && !best_->is_relayed();
    if (!doubts_ours) return Reception::kTaken;
  } else if (!source->next_probe || source->tries > 0) {
    if (source->origin == Origin::kCaller) source->caller_key = key;
    source->plan(now);
  }
  ask_held(now);
  return Reception::kTaken;
}

// The peer calls from somewhere new or through a relay: does the path that we hold still work?
void PeerPaths::ask_held(MonoTime now) {
  Candidate* held = best();
  if (held == nullptr || held->first_unanswered) return;
  if (held->way.is_relayed()) {
    held->plan(now);
  } else {
    held->ask_at_once(now);
  }
}

Reception PeerPaths::on_pong(MonoTime now, const Pong& pong, const DiscoPublicKey& key,
                             const Way& source, const Surroundings& around) {
  const auto ping = book_.take(pong.tx, source, key, now);
  Candidate* candidate = ping ? candidates_.find(source) : nullptr;
  if (candidate == nullptr) return Reception::kUnmatched;
  if (candidate->origin == Origin::kCaller || candidate->origin == Origin::kOffered) {
    candidate = candidates_.add_learnt(*candidate, best_);
    if (candidate == nullptr) return Reception::kLimited;
  }
  keys_.proved(key);
  candidate->on_answer(now, now - ping->sent_at);
  count_probe(now, *ping, ProbeLoss::Fate::kAnswered);
  if (ping->measures != 0) candidate->mtu.on_answer(now, ping->measures, ping->sent_at);
  unsettled_ = false;
  if (best_ == source && !source.is_relayed())
    proof_.on_pong(now, ping->sent_at, pong.data_age, traffic_.last_tx);
  if (ping->request != PingRequestId{}) {
    around.out.push_back(PingResult{ping->request, info_.id, source, now - ping->sent_at});
    book_.close_request(ping->request);
  }
  return Reception::kTaken;
}

bool PeerPaths::ping_now(MonoTime now, PingRequestId request, const Surroundings& around) {
  if (book_.open_requests() >= kMostPingRequests) return false;
  bool sent = false;
  for (auto& c : candidates_) {
    if (c.origin == Origin::kCaller || (best_ && *best_ != c.way)) continue;
    send_ping(now, c, keys_.current(), request, around);
    sent = true;
  }
  if (!sent) around.out.push_back(PingResult{request, info_.id, std::nullopt, std::nullopt});
  return true;
}

void PeerPaths::advance(MonoTime now, const Surroundings& around) {
  const auto expired = book_.expire(now);
  for (const auto request : expired.requests)
    around.out.push_back(PingResult{request, info_.id, std::nullopt, std::nullopt});
  for (const auto& ping : expired.pings) count_probe(now, ping, ProbeLoss::Fate::kLost);
  candidates_.drop_vain_offers(now, best_);
  judge_data(now);
  choose(now, around);
  replan(now);
  call(now, around);
  ask_relay(now);
  probe_due(now, around);
  heartbeat(now, around);
  test_size(now, around);
  publish(now, around);
  advanced_at_ = now;
}

// Without a relay there is nothing to fall back to, so nothing is judged.
void PeerPaths::judge_data(MonoTime now) {
  Candidate* held = best();
  if (held == nullptr || held->way.is_relayed() || !proof_.is_barren(now)) return;
  if (insurance(candidates_, best_) == nullptr) return;
  held->barren_until = now + kBarren;
  proof_.begin(now);
}

void PeerPaths::call(MonoTime now, const Surroundings& around) {
  if (!calling_.next() || now < *calling_.next()) return;
  const bool relayed = best_ && best_->is_relayed();
  const Candidate* through = relayed ? best() : insurance(candidates_, std::nullopt);
  const SharedKey* shared = keys_.shared(keys_.current(), around.identity.disco_secret);
  if (through == nullptr || shared == nullptr || around.offer.empty() || has_trusted_direct(now)) {
    calling_.stop();
    return;
  }
  const CallMeMaybe message{{around.offer.begin(), around.offer.end()}};
  around.out.push_back(
      datagram(through->way, seal(message, around.disco_key, *shared, around.random)));
  calling_.on_sent(now);
}

void PeerPaths::replan(MonoTime now) {
  const bool searching = is_searching(now);
  const bool upgrade = is_active(now) && is_healthy(now) && last_planned_ &&
                       now - *last_planned_ >= replan_interval();
  if (searching && !was_searching_) {
    plan_all(now, kSearchFastTries);
  } else if (upgrade) {
    plan_all(now, kDirectRetryTries);
  }
  was_searching_ = searching;
  if (!searching || !is_active(now)) return;
  // What answered during a search may fall silent before it is over.
  for (auto& c : candidates_)
    if (c.origin != Origin::kCaller && c.origin != Origin::kOffered && !c.next_probe) c.plan(now);
}

void PeerPaths::plan_all(MonoTime now, int tries) {
  last_planned_ = now;
  direct_tries_ = tries;
  if (is_active(now)) calling_.begin(now);
  for (auto& c : candidates_)
    if (c.origin != Origin::kCaller) c.plan(now);
}

void PeerPaths::choose(MonoTime now, const Surroundings& around) {
  const auto way = path::choose(candidates_, best_, moment(now), around.local_addresses);
  if (!way || way == best_) return;
  if (const Candidate* left = best(); left && left->way.is_relayed() && left->is_suspect(now))
    around.out.push_back(DoubtRelay{info_.id, left->way});
  move_to(now, *way);
}

void PeerPaths::move_to(MonoTime now, const Way& way) {
  const Candidate* left = best();
  const bool lapses = way.is_relayed() && left != nullptr && !left->way.is_relayed() &&
                      !left->failed && left->last_pong && !is_barren(*left, moment(now));
  lapsed_ = lapses ? best_ : std::nullopt;
  lapsed_until_ = lapses ? std::optional(*left->last_pong + kLapsedUse) : std::nullopt;
  best_ = way;
  used_since_ = now;
  loss_.clear();
  if (!way.is_relayed()) proof_.begin(now);
}

// A large packet that is lost says nothing about the way.
void PeerPaths::count_probe(MonoTime now, const OutstandingPing& ping, ProbeLoss::Fate fate) {
  if (best_ == ping.to && ping.measures == 0 && ping.sent_at >= used_since_)
    loss_.add(now, ping.sent_at, fate);
}

void PeerPaths::publish(MonoTime now, const Surroundings& around) {
  if (auto sources = sources_of(candidates_, best_); sources != published_sources_) {
    published_sources_ = sources;
    around.out.push_back(SetSources{info_.id, std::move(sources)});
  }
  const bool lapses = lapsed_until_ && now < *lapsed_until_ && candidates_.find(*lapsed_);
  const Usage usage{best_, is_active(now), is_provisional(), lapses ? lapsed_ : std::nullopt};
  const SetPath path = path_of(info_.id, candidates_, usage, moment(now));
  if (path != published_path_) {
    published_path_ = path;
    around.out.push_back(path);
  }
  publish_limit(around);
  publish_doubts(now, around);
}

// Of every relay: the peer may send by another one than this node, and only this node can tell that
// one of them does not reach it any more. Again while the silence lasts: a NAT may forget later.
void PeerPaths::publish_doubts(MonoTime now, const Surroundings& around) {
  const bool relayed = best_ && best_->is_relayed();
  const bool needed = relayed || (is_active(now) && !is_healthy(now));
  for (auto& c : candidates_) {
    if (c.origin != Origin::kRelay) continue;
    if (!needed || !c.is_questionable(now)) {
      c.doubt_told_at.reset();
    } else if (!c.doubt_told_at || now - *c.doubt_told_at >= kDoubtAgain) {
      c.doubt_told_at = now;
      around.out.push_back(DoubtRelay{info_.id, c.way});
    }
  }
}

// Without a way the last one's limit stays, and the next begins with what it knew.
void PeerPaths::publish_limit(const Surroundings& around) {
  const Candidate* held = best();
  if (held == nullptr) return;
  const std::uint32_t tested = held->mtu.largest();
  const bool whole = tested == 0 || held->mtu.bytes() == tested;
  const std::uint32_t limit = whole ? around.largest_message : held->mtu.bytes();
  if (limit == published_limit_) return;
  const bool first = published_limit_ == 0;
  published_limit_ = limit;
  if (!first || limit != around.largest_message)
    around.out.push_back(SetMessageLimit{info_.id, limit});
}

std::optional<MonoTime> PeerPaths::deadline() const {
  std::optional<MonoTime> earliest;
  const auto act = [&](std::optional<MonoTime> when) {
    if (when && (!earliest || *when < *earliest)) earliest = when;
  };
  // Moments at which a judgement changes; one look is enough.
  const auto look = [&](std::optional<MonoTime> when) {
    if (when && (!advanced_at_ || *when > *advanced_at_)) act(when);
  };
  for (const auto& c : candidates_) act(c.next_probe);
  act(candidates_.vain_from());
  act(book_.next_expiry());
  act(calling_.next());
  for (const auto& c : candidates_) {
    if (c.origin != Origin::kRelay) continue;
    look(c.questionable_from());
    look(c.suspect_from());
  }
  const bool active = active_until_ && (!advanced_at_ || *advanced_at_ < *active_until_);
  const Candidate* held = best();
  if (held != nullptr) look(held->suspect_from());
  if (!active) return earliest;
  if (held != nullptr) look(held->questionable_from());
  look(active_until_);
  if (last_planned_) look(*last_planned_ + replan_interval());
  look(lapsed_until_);
  if (held == nullptr) return earliest;
  if (held->last_pong) look(*held->last_pong + kTrust);
  if (heartbeat_due(*held) < *active_until_) act(heartbeat_due(*held));
  const bool trusted = held->last_pong && advanced_at_ && *advanced_at_ < *held->last_pong + kTrust;
  if (const auto size_due = held->mtu.next_at(); size_due && trusted && *size_due < *active_until_)
    act(size_due);
  return earliest;
}

Urgency PeerPaths::urgency(MonoTime now) const {
  if (is_active(now)) return Urgency::kActive;
  const bool fresh = std::any_of(candidates_.begin(), candidates_.end(),
                                 [](const Candidate& c) { return c.next_probe && c.tries == 0; });
  return fresh ? Urgency::kFresh : Urgency::kRetry;
}

PathStatus PeerPaths::status(MonoTime now) const {
  PathStatus status;
  status.active = is_active(now);
  status.candidates = candidates_.count();
  if (const Candidate* held = best()) {
    status.kind = held->way.is_relayed() ? PathKind::kRelayed : PathKind::kDirect;
    status.way = held->way;
    status.latency = held->latency;
    status.loss = loss_.share(now);
    status.last_pong = held->last_pong;
    status.trusted = is_trusted(*held, moment(now));
    status.provisional = is_provisional();
    status.message_limit = published_limit_;
  }
  return status;
}

}  // namespace kernmesh::path
