// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/peer_paths.h"

#include <algorithm>
#include <utility>

namespace kernmesh::path {
namespace {

bool holds(const std::vector<Endpoint>& endpoints, const Endpoint& endpoint) {
  return std::find(endpoints.begin(), endpoints.end(), endpoint) != endpoints.end();
}

Duration search_interval(int tries, bool active) {
  if (active) return tries <= kSearchFastTries ? kSearchFast : kSearchSlow;
  return std::min<Duration>(kSearchFast * (1 << std::clamp(tries - 1, 0, 5)), kIdleSearchMost);
}

}  // namespace

PeerPaths::PeerPaths(PeerInfo info) : info_(std::move(info)), keys_(info_.disco_key) {
  published_path_.peer = info_.id;
}

Candidate* PeerPaths::find(const Endpoint& endpoint) {
  const auto found = std::find_if(candidates_.begin(), candidates_.end(),
                                  [&](const Candidate& c) { return c.endpoint == endpoint; });
  return found == candidates_.end() ? nullptr : &*found;
}

Candidate* PeerPaths::best() { return best_ ? find(*best_) : nullptr; }
const Candidate* PeerPaths::best() const { return const_cast<PeerPaths*>(this)->best(); }

bool PeerPaths::is_trusted(const Candidate& candidate, MonoTime now) const {
  return candidate.last_pong && *candidate.last_pong >= distrust_before_ && !candidate.failed &&
         now < *candidate.last_pong + kTrust;
}

bool PeerPaths::is_healthy(MonoTime now) const {
  const Candidate* held = best();
  return held != nullptr && is_trusted(*held, now) &&
         !(held->unanswered >= kDoubtfulPings && held->is_suspect(now));
}

bool PeerPaths::is_searching(MonoTime now) const {
  return is_active(now) ? !is_healthy(now) : unsettled_;
}

MonoTime PeerPaths::heartbeat_due(const Candidate& held) const {
  if (!held.last_ping) return distrust_before_;
  return *held.last_ping + (held.unanswered > 0 ? kPatience : kHeartbeat);
}

void PeerPaths::refresh(MonoTime now, PeerInfo info, const Surroundings& around) {
  info_ = std::move(info);
  keys_.set_netmap_key(info_.disco_key);
  for (auto& c : candidates_) {
    if (c.origin == Origin::kReported && !holds(info_.endpoints, c.endpoint))
      c.origin = Origin::kLearnt;
  }
  std::erase_if(candidates_, [&](const Candidate& c) {
    return c.origin == Origin::kLearnt && best_ != c.endpoint &&
           (!c.last_pong || now - *c.last_pong > kLearntSilence);
  });
  for (const auto& endpoint : info_.endpoints) {
    if (is_usable(endpoint, around.settings.loopback, around.overlay)) add_reported(now, endpoint);
  }
}

void PeerPaths::add_reported(MonoTime now, const Endpoint& endpoint) {
  if (Candidate* known = find(endpoint)) {
    if (known->origin == Origin::kLearnt) known->origin = Origin::kReported;
    if (known->origin != Origin::kCaller) return;
    std::erase_if(candidates_, [&](const Candidate& c) { return c.endpoint == endpoint; });
  }
  if (!make_room(Origin::kReported)) return;
  Candidate fresh;
  fresh.endpoint = endpoint;
  fresh.next_probe = now;
  candidates_.push_back(fresh);
  if (!best_) unsettled_ = true;
}

// Reported candidates displace only learnt ones: the netmap's list is bounded by itself.
bool PeerPaths::make_room(Origin newcomer) {
  const auto counts = [](const Candidate& c) { return c.origin != Origin::kCaller; };
  const auto count = std::count_if(candidates_.begin(), candidates_.end(), counts);
  if (static_cast<std::size_t>(count) < kMostCandidates) return true;
  auto victim = candidates_.end();
  for (auto it = candidates_.begin(); it != candidates_.end(); ++it) {
    if (!counts(*it) || best_ == it->endpoint) continue;
    if (newcomer == Origin::kReported && it->origin != Origin::kLearnt) continue;
    if (victim == candidates_.end() || it->last_pong < victim->last_pong) victim = it;
  }
  if (victim == candidates_.end()) return false;
  candidates_.erase(victim);
  return true;
}

void PeerPaths::add_caller(MonoTime now, const Endpoint& source, const DiscoPublicKey& key) {
  const auto is_caller = [](const Candidate& c) { return c.origin == Origin::kCaller; };
  const auto count = std::count_if(candidates_.begin(), candidates_.end(), is_caller);
  if (static_cast<std::size_t>(count) >= kMostCallers)
    candidates_.erase(std::find_if(candidates_.begin(), candidates_.end(), is_caller));
  Candidate caller;
  caller.endpoint = source;
  caller.origin = Origin::kCaller;
  caller.caller_key = key;
  caller.next_probe = now;
  candidates_.push_back(caller);
}

void PeerPaths::on_traffic(MonoTime now, const Traffic& traffic) {
  if (!is_active(now)) was_searching_ = false;  // a search that went to sleep starts again
  if (traffic.last_tx) traffic_.last_tx = traffic.last_tx;
  if (traffic.last_rx) traffic_.last_rx = traffic.last_rx;
  if (traffic_.last_tx) active_until_ = *traffic_.last_tx + kSessionActive;
}

void PeerPaths::on_moved(MonoTime now) {
  distrust_before_ = now;
  unsettled_ = true;
  was_searching_ = false;
  book_.forget_probes();
  for (auto& c : candidates_) c.last_ping.reset();
}

void PeerPaths::on_send_failed(const Endpoint& to) {
  if (Candidate* candidate = find(to)) candidate->failed = true;
}

void PeerPaths::on_strange_source(MonoTime now, const Endpoint& source) {
  const bool known = std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate& c) {
    return c.endpoint.address == source.address;
  });
  if (known || (is_active(now) && !is_healthy(now))) plan_all(now);
}

Reception PeerPaths::on_ping(MonoTime now, const Ping& ping, const DiscoPublicKey& key,
                             const Arrival& arrival, const Surroundings& around) {
  if (!book_.is_new_from_peer(ping.tx)) return Reception::kUnmatched;
  const SharedKey* shared = keys_.shared(key, around.identity.disco_secret);
  if (shared == nullptr || !answers_.take(now)) return Reception::kLimited;
  Pong pong{ping.tx, arrival.source, std::nullopt};
  if (traffic_.last_rx && *traffic_.last_rx <= now)
    pong.data_age = std::chrono::duration_cast<milliseconds>(now - *traffic_.last_rx);
  around.out.push_back(SendDatagram{info_.id, arrival.source, arrival.local,
                                    seal(pong, around.disco_key, *shared, around.random)});
  Candidate* source = find(arrival.source);
  if (source != nullptr && (is_trusted(*source, now) || best_ == source->endpoint))
    return Reception::kTaken;
  if (source == nullptr) {
    add_caller(now, arrival.source, key);
  } else if (!source->next_probe || source->tries > 0) {
    if (source->origin == Origin::kCaller) source->caller_key = key;
    source->plan(now);
  }
  // It calls from somewhere new: does the path that we hold still work?
  if (Candidate* held = best(); held != nullptr && !held->first_unanswered) held->plan(now);
  return Reception::kTaken;
}

Reception PeerPaths::on_pong(MonoTime now, const Pong& pong, const DiscoPublicKey& key,
                             const Endpoint& source, const Surroundings& around) {
  const auto ping = book_.take(pong.tx, source, key, now);
  Candidate* candidate = ping ? find(source) : nullptr;
  if (candidate == nullptr) return Reception::kUnmatched;
  if (candidate->origin == Origin::kCaller) {
    Candidate learnt = *candidate;
    std::erase_if(candidates_, [&](const Candidate& c) { return c.endpoint == source; });
    if (!make_room(Origin::kLearnt)) return Reception::kLimited;
    learnt.origin = Origin::kLearnt;
    learnt.caller_key.reset();
    candidates_.push_back(learnt);
    candidate = &candidates_.back();
  }
  keys_.proved(key);
  candidate->on_answer(now, now - ping->sent_at);
  unsettled_ = false;
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
    if (c.origin == Origin::kCaller || (best_ && *best_ != c.endpoint)) continue;
    send_ping(now, c, keys_.current(), request, around);
    sent = true;
  }
  if (!sent) around.out.push_back(PingResult{request, info_.id, std::nullopt, std::nullopt});
  return true;
}

void PeerPaths::advance(MonoTime now, const Surroundings& around) {
  for (const auto request : book_.expire(now))
    around.out.push_back(PingResult{request, info_.id, std::nullopt, std::nullopt});
  choose(now, around);
  const bool searching = is_searching(now);
  const bool upgrade =
      is_active(now) && is_healthy(now) && last_planned_ && now - *last_planned_ >= kUpgrade;
  if ((searching && !was_searching_) || upgrade) plan_all(now);
  was_searching_ = searching;
  // What answered during a search may fall silent before it is over.
  if (searching && is_active(now)) {
    for (auto& c : candidates_)
      if (c.origin != Origin::kCaller && !c.next_probe) c.plan(now);
  }
  probe_due(now, around);
  heartbeat(now, around);
  publish(now, around);
  advanced_at_ = now;
}

void PeerPaths::plan_all(MonoTime now) {
  last_planned_ = now;
  for (auto& c : candidates_)
    if (c.origin != Origin::kCaller) c.plan(now);
}

void PeerPaths::choose(MonoTime now, const Surroundings& around) {
  const Candidate* held = best();
  const bool suspect = held != nullptr && held->is_suspect(now);
  const Candidate* other = nullptr;
  for (const auto& c : candidates_) {
    if (&c == held || c.origin == Origin::kCaller || !is_trusted(c, now)) continue;
    // Evidence for the other must be younger than the doubt about the held one.
    if (suspect && *c.last_pong < *held->first_unanswered) continue;
    if (other == nullptr || is_worth_moving(*other, c, around.local_addresses)) other = &c;
  }
  if (other == nullptr) return;
  const bool refuted =
      held == nullptr || held->failed || suspect || *held->last_pong < distrust_before_;
  if (refuted || (is_trusted(*held, now) && is_worth_moving(*held, *other, around.local_addresses)))
    best_ = other->endpoint;
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
  const bool again = candidate.origin == Origin::kCaller
                         ? candidate.tries < kCallerTries
                         : is_searching(now) && (active || candidate.tries < kIdleSearchTries);
  if (again) {
    candidate.next_probe = now + search_interval(candidate.tries, active);
  } else {
    candidate.next_probe.reset();
  }
}

void PeerPaths::probe_due(MonoTime now, const Surroundings& around) {
  for (auto& c : candidates_) {
    if (!c.next_probe || *c.next_probe > now) continue;
    const bool pointless = c.tries > 0 && c.origin != Origin::kCaller && !is_searching(now);
    const bool heartbeats_do = is_active(now) && best_ == c.endpoint && c.unanswered > 0;
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

void PeerPaths::send_ping(MonoTime now, Candidate& to, const DiscoPublicKey& key,
                          PingRequestId request, const Surroundings& around) {
  to.on_sent(now);
  const SharedKey* shared = keys_.shared(key, around.identity.disco_secret);
  if (shared == nullptr) return;
  Ping ping;
  ping.tx = around.random.bytes<12>();
  ping.node_key = around.identity.node_key;
  ping.attestation = around.identity.attestation;
  book_.add({ping.tx, to.endpoint, key, now, request});
  around.out.push_back(SendDatagram{info_.id, to.endpoint, std::nullopt,
                                    seal(ping, around.disco_key, *shared, around.random)});
}

const Candidate* PeerPaths::runner_up() const {
  const Candidate* found = nullptr;
  for (const auto& c : candidates_) {
    if (c.origin == Origin::kCaller || c.failed || !c.last_pong || best_ == c.endpoint) continue;
    if (found == nullptr || *c.last_pong > *found->last_pong) found = &c;
  }
  return found;
}

void PeerPaths::publish_sources(const Surroundings& around) {
  std::vector<const Candidate*> proven;
  for (const auto& c : candidates_)
    if (c.last_pong) proven.push_back(&c);
  if (proven.size() > kMostSources) {
    std::sort(proven.begin(), proven.end(), [&](const Candidate* a, const Candidate* b) {
      const bool a_best = best_ == a->endpoint;
      const bool b_best = best_ == b->endpoint;
      return a_best != b_best ? a_best : *a->last_pong > *b->last_pong;
    });
    proven.resize(kMostSources);
  }
  std::vector<Endpoint> sources;
  sources.reserve(proven.size());
  for (const Candidate* c : proven) sources.push_back(c->endpoint);
  std::sort(sources.begin(), sources.end());
  if (sources == published_sources_) return;
  published_sources_ = sources;
  around.out.push_back(SetSources{info_.id, std::move(sources)});
}

void PeerPaths::publish(MonoTime now, const Surroundings& around) {
  publish_sources(around);
  SetPath path{info_.id, best_, std::nullopt};
  const Candidate* held = best();
  if (held != nullptr && is_active(now) && (held->failed || held->is_suspect(now))) {
    if (const Candidate* second = runner_up()) path.secondary = second->endpoint;
  }
  if (path == published_path_) return;
  published_path_ = path;
  around.out.push_back(path);
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
  act(book_.next_expiry());
  const bool active = active_until_ && (!advanced_at_ || *advanced_at_ < *active_until_);
  const Candidate* held = best();
  if (held != nullptr) look(held->suspect_from());
  if (!active) return earliest;
  look(active_until_);
  if (last_planned_) look(*last_planned_ + kUpgrade);
  if (held == nullptr) return earliest;
  if (held->last_pong) look(*held->last_pong + kTrust);
  if (heartbeat_due(*held) < *active_until_) act(heartbeat_due(*held));
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
  status.candidates = static_cast<std::size_t>(
      std::count_if(candidates_.begin(), candidates_.end(),
                    [](const Candidate& c) { return c.origin != Origin::kCaller; }));
  if (const Candidate* held = best()) {
    status.kind = PathKind::kDirect;
    status.endpoint = held->endpoint;
    status.latency = held->latency;
    status.last_pong = held->last_pong;
    status.trusted = is_trusted(*held, now);
  }
  return status;
}

}  // namespace kernmesh::path
