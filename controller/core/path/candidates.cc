// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/candidates.h"

#include <algorithm>
#include <utility>

namespace kernmesh::path {
namespace {

bool is_caller(const Candidate& c) { return c.origin == Origin::kCaller; }
// Callers and relayed ways have bounds of their own.
bool is_vain(const Candidate& c) {
  return c.origin == Origin::kOffered && !c.next_probe && c.last_ping;
}
bool takes_room(const Candidate& c) { return !is_caller(c) && c.origin != Origin::kRelay; }

}  // namespace

Candidate* Candidates::find(const Way& way) {
  const auto found =
      std::find_if(list_.begin(), list_.end(), [&](const Candidate& c) { return c.way == way; });
  return found == list_.end() ? nullptr : &*found;
}
const Candidate* Candidates::find(const Way& way) const {
  return const_cast<Candidates*>(this)->find(way);
}

std::size_t Candidates::count() const {
  return static_cast<std::size_t>(
      std::count_if(list_.begin(), list_.end(), [](const auto& c) { return !is_caller(c); }));
}

void Candidates::set_reported(MonoTime now, std::span<const Endpoint> endpoints,
                              const std::optional<Way>& held) {
  for (auto& c : list_) {
    const bool named =
        std::find(endpoints.begin(), endpoints.end(), c.way.endpoint) != endpoints.end();
    if (c.origin == Origin::kReported && !named) c.origin = Origin::kLearnt;
  }
  std::erase_if(list_, [&](const Candidate& c) {
    return c.origin == Origin::kLearnt && held != c.way &&
           (!c.last_pong || now - *c.last_pong > kLearntSilence);
  });
  for (const auto& endpoint : endpoints) add_reported(now, endpoint, held);
}

void Candidates::add_reported(MonoTime now, const Endpoint& endpoint,
                              const std::optional<Way>& held) {
  if (Candidate* known = find(endpoint)) {
    if (known->origin == Origin::kLearnt || known->origin == Origin::kOffered)
      known->origin = Origin::kReported;
    if (!is_caller(*known)) return;
    std::erase_if(list_, [&](const Candidate& c) { return c.way == endpoint; });
  }
  if (!make_room(Origin::kReported, held)) return;
  Candidate fresh;
  fresh.way = endpoint;
  fresh.next_probe = now;
  list_.push_back(fresh);
}

bool Candidates::add_offered(MonoTime now, const Endpoint& endpoint,
                             const std::optional<Way>& held) {
  if (find(endpoint) != nullptr || !make_room(Origin::kOffered, held)) return false;
  Candidate fresh;
  fresh.way = endpoint;
  fresh.origin = Origin::kOffered;
  fresh.next_probe = now;
  list_.push_back(fresh);
  return true;
}

// Reported candidates displace only others: the netmap's list is bounded by itself.
bool Candidates::make_room(Origin newcomer, const std::optional<Way>& held) {
  const auto count = std::count_if(list_.begin(), list_.end(), takes_room);
  if (static_cast<std::size_t>(count) < kMostCandidates) return true;
  auto victim = list_.end();
  for (auto it = list_.begin(); it != list_.end(); ++it) {
    if (!takes_room(*it) || held == it->way) continue;
    if (newcomer == Origin::kReported && it->origin == Origin::kReported) continue;
    // What somebody only claims does not displace what the netmap says or what has answered.
    if (newcomer == Origin::kOffered && (it->origin == Origin::kReported || it->last_pong))
      continue;
    if (victim == list_.end() || it->last_pong < victim->last_pong) victim = it;
  }
  if (victim == list_.end()) return false;
  list_.erase(victim);
  return true;
}

void Candidates::add_caller(MonoTime now, const Endpoint& source, const DiscoPublicKey& key) {
  const auto count = std::count_if(list_.begin(), list_.end(), is_caller);
  if (static_cast<std::size_t>(count) >= kMostCallers)
    list_.erase(std::find_if(list_.begin(), list_.end(), is_caller));
  Candidate caller;
  caller.way = source;
  caller.origin = Origin::kCaller;
  caller.caller_key = key;
  caller.next_probe = now;
  list_.push_back(caller);
}

Candidate* Candidates::add_learnt(Candidate learnt, const std::optional<Way>& held) {
  std::erase_if(list_, [&](const Candidate& c) { return c.way == learnt.way; });
  if (!make_room(Origin::kLearnt, held)) return nullptr;
  learnt.origin = Origin::kLearnt;
  learnt.caller_key.reset();
  list_.push_back(std::move(learnt));
  return &list_.back();
}

void Candidates::set_relayed(MonoTime now, std::span<const Way> ways,
                             std::span<const Way> leaving) {
  ways = ways.first(std::min(ways.size(), kMostRelayedWays));
  leaving = leaving.first(std::min(leaving.size(), kMostRelayedWays));
  const auto is_in = [](std::span<const Way> list, const Way& way) {
    return std::find(list.begin(), list.end(), way) != list.end();
  };
  std::erase_if(list_, [&](const Candidate& c) {
    return c.origin == Origin::kRelay && !is_in(ways, c.way) && !is_in(leaving, c.way);
  });
  for (auto& c : list_) c.leaving = is_in(leaving, c.way);
  for (const auto& way : ways) {
    if (!way.is_relayed() || find(way) != nullptr) continue;
    Candidate fresh;
    fresh.way = way;
    fresh.origin = Origin::kRelay;
    fresh.next_probe = now;
    list_.push_back(fresh);
  }
}

void Candidates::drop_vain_offers(MonoTime now, const std::optional<Way>& held) {
  std::erase_if(list_, [&](const Candidate& c) {
    return is_vain(c) && held != c.way && now - *c.last_ping >= kPingTimeout;
  });
}

std::optional<MonoTime> Candidates::vain_from() const {
  std::optional<MonoTime> earliest;
  for (const auto& c : list_) {
    if (!is_vain(c)) continue;
    const MonoTime when = *c.last_ping + kPingTimeout;
    if (!earliest || when < *earliest) earliest = when;
  }
  return earliest;
}

}  // namespace kernmesh::path
