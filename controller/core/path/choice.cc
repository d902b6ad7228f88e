// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/choice.h"

#include <algorithm>

#include "controller/core/path/preference.h"

namespace kernmesh::path {
namespace {

// Should the held way be left for `other`, which works? A direct way that is only late is kept
// until its trust has lapsed when nothing but a relay could take its place: both are used till
// then.
bool is_refuted(const Candidate& held, const Candidate& other, const Moment& moment) {
  if (held.failed || held.leaving || !held.last_pong || *held.last_pong < moment.distrust_before)
    return true;
  if (is_barren(held, moment)) return true;
  if (!held.is_suspect(moment.now)) return false;
  return held.way.is_relayed() || !other.way.is_relayed() || !is_trusted(held, moment);
}

// Which of two relayed ways is the better insurance.
bool is_safer(const Candidate& held, const Candidate& other) {
  if (held.leaving != other.leaving) return held.leaving;
  if (held.failed != other.failed) return held.failed;
  if ((held.unanswered > 0) != (other.unanswered > 0)) return held.unanswered > 0;
  return other.latency && (!held.latency || *other.latency < *held.latency);
}

const Candidate* runner_up(const Candidates& candidates, const std::optional<Way>& held) {
  const Candidate* found = nullptr;
  for (const auto& c : candidates) {
    if (c.origin == Origin::kCaller || c.failed || !c.last_pong || held == c.way) continue;
    if (found == nullptr || *c.last_pong > *found->last_pong) found = &c;
  }
  return found;
}

// Has it answered since the held way last did, while a question to that is open? A direct way that
// nobody named: the peer has moved, perhaps. A relayed one that has answered since the question:
// the direct way is lost, perhaps.
bool is_overtaking(const Candidate& other, const Candidate& held) {
  if (other.origin == Origin::kRelay) return *other.last_pong >= *held.first_unanswered;
  return other.origin == Origin::kLearnt && (!held.last_pong || *other.last_pong > *held.last_pong);
}

// What has overtaken the held way carries data at once: to wait for the silence to become
// suspicious would lose what is sent meanwhile.
const Candidate* newcomer(const Candidates& candidates, const Candidate& held,
                          const Moment& moment) {
  if (held.way.is_relayed() || !held.first_unanswered) return nullptr;
  const Candidate* found = nullptr;
  for (const auto& c : candidates) {
    if (c.way == held.way || !is_trusted(c, moment) || !is_overtaking(c, held)) continue;
    if (found == nullptr || *c.last_pong > *found->last_pong) found = &c;
  }
  return found;
}

const Candidate* second_way(const Candidates& candidates, const std::optional<Way>& held) {
  const Candidate* relay = insurance(candidates, held);
  return relay != nullptr ? relay : runner_up(candidates, held);
}

}  // namespace

bool is_trusted(const Candidate& candidate, const Moment& moment) {
  return candidate.last_pong && *candidate.last_pong >= moment.distrust_before &&
         !candidate.failed && moment.now < *candidate.last_pong + kTrust;
}

bool is_barren(const Candidate& candidate, const Moment& moment) {
  return candidate.barren_until && moment.now < *candidate.barren_until;
}

bool is_healthy(const Candidate* held, const Moment& moment) {
  return held != nullptr && is_trusted(*held, moment) && !is_barren(*held, moment) &&
         !(held->unanswered >= kDoubtfulPings && held->is_suspect(moment.now));
}

std::optional<Way> choose(const Candidates& candidates, const std::optional<Way>& held,
                          const Moment& moment, std::span<const IpAddress> local_addresses) {
  const Candidate* used = held ? candidates.find(*held) : nullptr;
  const bool suspect = used != nullptr && used->is_suspect(moment.now);
  std::vector<const Candidate*> others;
  for (const auto& c : candidates) {
    if (&c == used || c.origin == Origin::kCaller || !is_trusted(c, moment)) continue;
    if (is_barren(c, moment) || c.leaving) continue;
    // Evidence for the other must be younger than the doubt about the held one.
    if (suspect && *c.last_pong < *used->first_unanswered) continue;
    others.push_back(&c);
  }
  const Candidate* other = preferred(others, local_addresses);
  if (other == nullptr) {
    if (used != nullptr) return held;
    const Candidate* relay = insurance(candidates, std::nullopt);
    return relay != nullptr ? std::optional(relay->way) : std::nullopt;
  }
  if (used == nullptr || is_refuted(*used, *other, moment)) return other->way;
  if (!is_trusted(*used, moment)) return used->way;
  const Candidate* better = better_than(*used, others, local_addresses);
  return better != nullptr ? better->way : used->way;
}

const Candidate* insurance(const Candidates& candidates, const std::optional<Way>& held) {
  const Candidate* found = nullptr;
  for (const auto& c : candidates) {
    if (c.origin != Origin::kRelay || held == c.way) continue;
    if (found == nullptr || is_safer(*found, c)) found = &c;
  }
  return found;
}

SetPath path_of(NodeId peer, const Candidates& candidates, const Usage& usage,
                const Moment& moment) {
  SetPath path;
  path.peer = peer;
  path.primary = usage.held;
  const Candidate* held = usage.held ? candidates.find(*usage.held) : nullptr;
  if (held == nullptr) return path;
  if (const Candidate* other = newcomer(candidates, *held, moment); other && usage.active) {
    path.secondary = other->way;
    path.use = Use::kBoth;
    return path;
  }
  const bool doubtful =
      usage.active && (held->failed || held->leaving || held->is_questionable(moment.now) ||
                       is_barren(*held, moment));
  const Candidate* relay = held->way.is_relayed() ? nullptr : insurance(candidates, usage.held);
  if (doubtful) {
    if (const Candidate* second = second_way(candidates, usage.held)) path.secondary = second->way;
  } else if (relay != nullptr) {
    path.secondary = relay->way;
  } else if (held->way.is_relayed() && usage.active) {
    path.secondary = usage.lapsed;
  }
  if (!path.secondary) return path;
  const bool waits = usage.active && relay != nullptr && usage.provisional;
  if (doubtful || waits || held->way.is_relayed()) {
    path.use = Use::kBoth;
  } else {
    path.deadline = held->last_pong.value_or(moment.now) + kTrust;
  }
  return path;
}

std::vector<Way> sources_of(const Candidates& candidates, const std::optional<Way>& held) {
  std::vector<const Candidate*> proven;
  for (const auto& c : candidates)
    if (c.last_pong || c.origin == Origin::kRelay) proven.push_back(&c);
  if (proven.size() > kMostSources) {
    const auto rank = [&](const Candidate* c) {
      return held == c->way ? 2 : c->origin == Origin::kRelay ? 1 : 0;
    };
    std::sort(proven.begin(), proven.end(), [&](const Candidate* a, const Candidate* b) {
      return rank(a) != rank(b) ? rank(a) > rank(b) : a->last_pong > b->last_pong;
    });
    proven.resize(kMostSources);
  }
  std::vector<Way> sources;
  sources.reserve(proven.size());
  for (const Candidate* c : proven) sources.push_back(c->way);
  std::sort(sources.begin(), sources.end());
  return sources;
}

}  // namespace kernmesh::path
