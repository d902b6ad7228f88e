// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/meetings.h"

#include <algorithm>

namespace kernmesh::relay {

Meetings::Meetings(RelayClient::Settings settings) : settings_(std::move(settings)) {}

void Meetings::set_relays(MonoTime now, std::vector<RelayInfo> relays) {
  std::map<RelayId, Place> before = std::exchange(places_, {});
  std::set<RelayId> moved;
  for (auto& info : relays) {
    const RelayId id = info.id;
    auto known = before.extract(id);
    const bool same = known && known.mapped().info.address.key == info.address.key;
    Place place = same ? std::move(known.mapped()) : Place{};
    const bool drained = place.info.use == RelayInfo::Use::kDraining;
    if (drained && info.use == RelayInfo::Use::kOpen) place.refuses_until.reset();
    if (move(now, place, std::move(info))) moved.insert(id);
    if (!same) {
      for (auto& [peer, session] : sessions_) {
        session.opened.erase(id);
        session.leaving.erase(id);
        if (session.up.erase(id) > 0) publish(session);
      }
    }
    places_.insert_or_assign(id, std::move(place));
  }
  const auto has_moved = [&](const auto& entry) { return moved.contains(entry.first); };
  for (auto& [peer, session] : sessions_) {
    std::erase_if(session.opened, [&](RelayId id) { return !places_.contains(id); });
    const auto gone = [&](const auto& entry) { return !places_.contains(entry.first); };
    std::erase_if(session.leaving, gone);
    const bool fewer = std::erase_if(session.up, gone) > 0;
    if (fewer || std::any_of(session.up.begin(), session.up.end(), has_moved)) publish(session);
  }
  arrange_all(now);
}

// What is up stays up until the relay has bound this node the new way; meanwhile and for a while
// after that both are heard.
bool Meetings::move(MonoTime now, Place& place, RelayInfo info) {
  const bool moves = place.client && place.info.address.endpoints != info.address.endpoints;
  if (moves) {
    place.former = {place.client->endpoint(), now + kLeaving};
    place.client->move_to(now, info.address.endpoints);
  }
  place.info = std::move(info);
  return moves;
}

void Meetings::expire(MonoTime now) {
  for (auto& [id, place] : places_) {
    if (place.refuses_until && now >= *place.refuses_until) place.refuses_until.reset();
    if (!place.former || now < place.former->until) continue;
    place.former.reset();
    for (const auto& [peer, session] : sessions_)
      if (session.up.contains(id)) publish(session);
  }
}

void Meetings::set_ticket(MonoTime now, const TicketBytes& ticket) {
  ticket_ = ticket;
  for (auto& [id, place] : places_) {
    if (place.client) place.client->set_ticket(now, ticket);
  }
  arrange_all(now);
}

void Meetings::set_home(MonoTime now, std::optional<RelayId> home) {
  home_ = home;
  arrange_all(now);
}

void Meetings::upsert_peer(MonoTime now, const MeetingPeer& peer) {
  const auto found = sessions_.find(peer.id);
  if (found != sessions_.end() && found->second.peer.key != peer.key) remove_peer(now, peer.id);
  Session& session = sessions_[peer.id];
  session.peer = peer;
  by_key_[peer.key] = peer.id;
  arrange(now, session);
}

void Meetings::remove_peer(MonoTime now, NodeId id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  for (const RelayId relay : found->second.opened)
    places_.at(relay).client->close(now, found->second.peer.key);
  const auto owner = by_key_.find(found->second.peer.key);
  if (owner != by_key_.end() && owner->second == id) by_key_.erase(owner);
  sessions_.erase(found);
  live_.erase(id);
  drain(now);
}

void Meetings::on_active(MonoTime now, NodeId id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  found->second.wanted_until = now + kKept;
  live_.insert(id);
  arrange(now, found->second);
}

void Meetings::on_moved(MonoTime now) {
  for (auto& [id, place] : places_) {
    if (place.client) place.client->on_moved(now);
  }
  drain(now);
}

void Meetings::on_doubt(MonoTime now, const path::Way& way) {
  for (auto& [id, place] : places_) {
    if (place.client && place.client->endpoint() == way.endpoint)
      place.client->on_doubt(now, way.channel);
  }
  tick(now);
}

// A client that is made anew for a relay must go on above its forerunner: the relay remembers that
// one for as long as its binding lasts, and drops without a word what it takes for a replay.
Sequence Meetings::first_sequence(MonoTime now) {
  if (!clock_start_) clock_start_ = now;
  const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(now - *clock_start_);
  return Sequence(settings_.first_sequence.value() + static_cast<std::uint64_t>(passed.count()));
}

RelayClient& Meetings::client_of(MonoTime now, Place& place) {
  if (!place.client) {
    RelayClient::Settings settings{settings_.disco_secret, settings_.random.split(),
                                   first_sequence(now)};
    place.client = std::make_unique<RelayClient>(std::move(settings), place.info.address);
    if (ticket_) place.client->set_ticket(now, *ticket_);
  }
  place.client->bind(now);
  return *place.client;
}

bool Meetings::drains(const Place& place) {
  return place.info.use == RelayInfo::Use::kDraining || place.refuses_until;
}

bool Meetings::is_good(const Place& place) {
  return !drains(place) && place.health == Health::kGood;
}

std::optional<RelayId> Meetings::good_from(std::optional<RelayId> relay) const {
  const auto start = places_.lower_bound(relay.value_or(RelayId()));
  for (auto it = start; it != places_.end(); ++it)
    if (is_good(it->second)) return it->first;
  for (auto it = places_.begin(); it != start; ++it)
    if (is_good(it->second)) return it->first;
  return std::nullopt;
}

std::set<RelayId> Meetings::wanted_relays(MonoTime now, const Session& session) const {
  // Both ends leave one that drains as soon as they hear of it, whoever asked for it, unless there
  // is no other.
  std::set<RelayId> wanted, draining;
  const auto want = [&](RelayId id) { (drains(places_.at(id)) ? draining : wanted).insert(id); };
  bool asked = false;
  for (const auto& [relay, until] : session.asked_until) {
    if (now >= until || !places_.contains(relay)) continue;
    want(relay);
    asked = true;
  }
  if (!asked && (!session.wanted_until || now >= *session.wanted_until)) return {};
  // A doubtful one is kept beside its successor until it is known to be dead.
  const auto& home = session.peer.home;
  if (home && places_.contains(*home) && places_.at(*home).health != Health::kDead) want(*home);
  if (const auto next = good_from(home)) wanted.insert(*next);
  // At this node's home the peer wants the pair, though its word of that is told once only: two
  // that each keep the other's home alone would close the whole session between them.
  const auto ours = home_ ? good_from(home_) : std::nullopt;
  if (ours && session.opened.contains(*ours)) wanted.insert(*ours);
  return wanted.empty() ? draining : wanted;
}

void Meetings::arrange(MonoTime now, Session& session) {
  if (!ticket_) return;
  const auto wanted = wanted_relays(now, session);
  for (const RelayId id : wanted) {
    RelayClient& client = client_of(now, places_.at(id));
    if (session.opened.insert(id).second) client.open(now, session.peer.key);
  }
  // One that still carries is left only when a wanted one does.
  const bool carried = std::any_of(wanted.begin(), wanted.end(),
                                   [&](RelayId id) { return session.up.contains(id); });
  const auto leaving_before = session.leaving;
  for (auto it = session.opened.begin(); it != session.opened.end();) {
    const RelayId id = *it;
    const bool carries = session.up.contains(id);
    const bool needed = wanted.contains(id) || (!wanted.empty() && !carried && carries);
    if (needed) session.leaving.erase(id);
    if (needed || (carried && carries && !may_close(now, session, id))) {
      ++it;
      continue;
    }
    it = session.opened.erase(it);
    session.leaving.erase(id);
    places_.at(id).client->close(now, session.peer.key);
  }
  if (session.leaving != leaving_before) publish(session);
  drain(now);
}

// The two ends of a pair leave it at different moments: each goes on hearing the other for a while.
bool Meetings::may_close(MonoTime now, Session& session, RelayId relay) {
  return now >= session.leaving.emplace(relay, now + kLeaving).first->second;
}

void Meetings::bind_home(MonoTime now) {
  if (!home_ || !ticket_ || !places_.contains(*home_)) return;
  (void)client_of(now, places_.at(*home_));
  // Peers that find our home dead look for us at the next one.
  if (const auto next = good_from(home_)) (void)client_of(now, places_.at(*next));
}

void Meetings::arrange_all(MonoTime now) {
  bind_home(now);
  for (auto it = live_.begin(); it != live_.end();) {
    Session& session = sessions_.at(*it);
    arrange(now, session);
    const bool over =
        !session.wanted_until && session.asked_until.empty() && session.opened.empty();
    it = over ? live_.erase(it) : std::next(it);
  }
  drop_idle_clients();
  drain(now);
}

void Meetings::drop_idle_clients() {
  const auto next = home_ ? good_from(home_) : std::nullopt;
  for (auto& [id, place] : places_) {
    const bool needed = home_ == id || next == id || (place.client && !place.client->is_idle());
    // A dead one's health is known by its client only.
    if (place.client && !needed && place.health == Health::kGood) place.client.reset();
  }
}

Meetings::Session* Meetings::session_of(const DiscoPublicKey& key) {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &sessions_.at(found->second);
}

void Meetings::publish(const Session& session) {
  SetRelayed command{session.peer.id, {}, {}};
  for (const auto& [relay, way] : session.up) {
    (session.leaving.contains(relay) ? command.leaving : command.ways).push_back(way);
    const auto place = places_.find(relay);
    if (place == places_.end() || !place->second.former || !place->second.client) continue;
    for (const auto& heard : {place->second.client->endpoint(), place->second.former->endpoint})
      if (heard != way.endpoint) command.leaving.emplace_back(heard, way.channel);
  }
  commands_.emplace_back(std::move(command));
}

// Does not arrange anything: who reads the events does, once for all of them.
void Meetings::take(MonoTime now, RelayId id, const Event& event) {
  Place& place = places_.at(id);
  if (const auto* pair = std::get_if<PairUp>(&event)) {
    if (Session* session = session_of(pair->peer)) {
      session->up[id] = pair->way;
      publish(*session);
    }
  } else if (const auto* down = std::get_if<PairDown>(&event)) {
    Session* session = session_of(down->peer);
    if (session == nullptr || session->up.erase(id) == 0) return;
    session->leaving.erase(id);
    publish(*session);
  } else if (const auto* asks = std::get_if<PeerAsks>(&event)) {
    if (Session* session = session_of(asks->peer)) {
      session->asked_until[id] = now + kKept;
      live_.insert(session->peer.id);
    }
  } else if (const auto* bound = std::get_if<RelayBound>(&event)) {
    place.health = Health::kGood;
    place.refuses_until.reset();
    commands_.emplace_back(SeenByRelay{id, bound->observed});
  } else if (std::holds_alternative<RelayDoubtful>(event)) {
    if (place.health == Health::kGood) place.health = Health::kDoubtful;
  } else if (std::holds_alternative<RelayLost>(event)) {
    place.health = Health::kDead;
    if (home_ == id) commands_.emplace_back(HomeLost{id});
  } else if (const auto* drain = std::get_if<RelayDrains>(&event)) {
    place.refuses_until = std::max(drain->by, now + kRefusal);
    if (home_ == id) commands_.emplace_back(HomeLost{id});
  } else if (const auto* lie = std::get_if<RelayLies>(&event)) {
    commands_.emplace_back(RelayDistrusted{id, lie->channel});
  } else {
    commands_.emplace_back(std::get<TicketRefused>(event));
  }
}

void Meetings::drain(MonoTime now) {
  for (auto& [id, place] : places_) {
    if (!place.client) continue;
    for (auto& bytes : place.client->take_datagrams())
      commands_.emplace_back(ToRelay{place.client->endpoint(), std::move(bytes)});
    for (const auto& event : place.client->take_events()) take(now, id, event);
  }
}

Reception Meetings::on_datagram(MonoTime now, std::span<const std::uint8_t> bytes,
                                const Endpoint& source) {
  auto verdict = Reception::kElsewhere;
  for (auto& [id, place] : places_) {
    if (!place.client) continue;
    verdict = place.client->on_datagram(now, bytes, source);
    if (verdict != Reception::kElsewhere) break;
  }
  if (verdict != Reception::kTaken) return verdict;
  for (auto& [id, place] : places_) {
    // An answer ends a doubt that was no loss; a lost one has to bind us first.
    if (place.client && place.client->endpoint() == source && place.health == Health::kDoubtful)
      place.health = Health::kGood;
  }
  drain(now);
  arrange_all(now);
  return verdict;
}

void Meetings::tick(MonoTime now) {
  for (auto& [id, place] : places_) {
    if (!place.client) continue;
    const auto due = place.client->next_deadline();
    if (due && *due <= now) place.client->tick(now);
  }
  drain(now);
  expire(now);
  for (const NodeId id : live_) {
    Session& session = sessions_.at(id);
    std::erase_if(session.asked_until, [&](const auto& entry) { return now >= entry.second; });
    if (session.wanted_until && now >= *session.wanted_until) session.wanted_until.reset();
  }
  arrange_all(now);
}

std::optional<MonoTime> Meetings::next_deadline() const {
  std::optional<MonoTime> earliest;
  const auto take = [&](std::optional<MonoTime> when) {
    if (when && (!earliest || *when < *earliest)) earliest = when;
  };
  for (const auto& [id, place] : places_) {
    if (place.client) take(place.client->next_deadline());
    if (place.former) take(place.former->until);
    take(place.refuses_until);
  }
  for (const NodeId id : live_) {
    const Session& session = sessions_.at(id);
    take(session.wanted_until);
    for (const auto& [relay, until] : session.asked_until) take(until);
    for (const auto& [relay, until] : session.leaving) take(until);
  }
  return earliest;
}

}  // namespace kernmesh::relay
