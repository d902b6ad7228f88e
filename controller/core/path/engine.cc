// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/engine.h"

#include <algorithm>
#include <unordered_set>

namespace kernmesh::path {
namespace {

Verdict verdict_of(Reception reception) {
  switch (reception) {
    case Reception::kTaken:
      return Verdict::kAccepted;
    case Reception::kLimited:
      return Verdict::kLimited;
    case Reception::kUnmatched:
      break;
  }
  return Verdict::kUnmatched;
}

// Another peer may have taken the key over meanwhile.
template <typename Key>
void forget(std::unordered_map<Key, NodeId>& index, const Key& key, NodeId owner) {
  const auto found = index.find(key);
  if (found != index.end() && found->second == owner) index.erase(found);
}

}  // namespace

Engine::Engine(LocalIdentity identity, RandomStream random, Settings settings)
    : identity_(std::move(identity)),
      disco_key_(disco_public_key(identity_.disco_secret)),
      settings_(settings),
      random_(std::move(random)),
      probes_(settings.probes_per_second, settings.probe_burst),
      unknown_(kUnknownPerSecond, kUnknownBurst),
      strange_(kStrangePerSecond, kStrangeBurst) {}

Surroundings Engine::surroundings() {
  return {identity_,        disco_key_, settings_, random_,          probes_,
          local_addresses_, overlay_,   offer_,    largest_message_, commands_};
}

void Engine::set_peers(MonoTime now, std::vector<PeerInfo> peers) {
  std::unordered_set<NodeId> wanted;
  for (const auto& peer : peers) wanted.insert(peer.id);
  for (auto it = peers_.begin(); it != peers_.end();) {
    const auto here = it++;
    if (!wanted.contains(here->first)) erase(here);
  }
  for (auto& peer : peers) put(now, std::move(peer));
}

void Engine::upsert_peer(MonoTime now, PeerInfo peer) { put(now, std::move(peer)); }

void Engine::remove_peer(NodeId id) {
  if (const auto found = peers_.find(id); found != peers_.end()) erase(found);
}

void Engine::put(MonoTime now, PeerInfo info) {
  const NodeId id = info.id;
  auto found = peers_.find(id);
  if (found != peers_.end()) {
    const PeerInfo& known = found->second.paths.info();
    // Another machine under the same id inherits nothing.
    if (known.machine_key != info.machine_key) {
      erase(found);
      found = peers_.end();
    } else {
      forget(by_node_key_, known.node_key, id);
    }
  }
  if (found == peers_.end()) found = peers_.emplace(id, Entry{PeerPaths(info), {}, {}, {}}).first;
  by_node_key_[info.node_key] = id;
  found->second.paths.refresh(now, std::move(info), surroundings());
  index_keys(id, found->second);
  settle(now, id, found->second);
}

void Engine::erase(Peers::iterator found) {
  auto& [id, entry] = *found;
  unfile(id, entry);
  forget(by_node_key_, entry.paths.info().node_key, id);
  for (const auto& key : entry.indexed_keys) forget(by_disco_key_, key, id);
  peers_.erase(found);
}

// Does what is due for one peer and notes when to look at it again. New work at the present moment
// waits for a tick when the budget is short, so that urgency decides.
void Engine::settle(MonoTime now, NodeId id, Entry& entry) {
  entry.paths.advance(now, surroundings());
  unfile(id, entry);
  const auto deadline = entry.paths.deadline();
  if (!deadline) return;
  entry.urgency = entry.paths.urgency(now);
  entry.filed_at = *deadline <= now ? now + kStarvedPause : *deadline;
  due_[static_cast<std::size_t>(entry.urgency)].emplace(*entry.filed_at, id);
}

void Engine::unfile(NodeId id, Entry& entry) {
  if (!entry.filed_at) return;
  due_[static_cast<std::size_t>(entry.urgency)].erase({*entry.filed_at, id});
  entry.filed_at.reset();
}

void Engine::index_keys(NodeId id, Entry& entry) {
  auto keys = entry.paths.keys().all();
  if (keys == entry.indexed_keys) return;
  for (const auto& key : entry.indexed_keys) forget(by_disco_key_, key, id);
  for (const auto& key : keys) by_disco_key_[key] = id;
  entry.indexed_keys = std::move(keys);
}

void Engine::set_node_key(const NodePublicKey& key, const Attestation& attestation) {
  identity_.node_key = key;
  identity_.attestation = attestation;
}

void Engine::set_local_addresses(MonoTime now, std::vector<IpAddress> addresses) {
  std::sort(addresses.begin(), addresses.end());
  if (knows_local_addresses_ && addresses == local_addresses_) return;
  local_addresses_ = std::move(addresses);
  // The first list is no move: nothing has been learnt from another place.
  if (!std::exchange(knows_local_addresses_, true)) return;
  std::vector<NodeId> idle;
  for (auto& [id, entry] : peers_) {
    entry.paths.on_moved(now);
    if (entry.paths.urgency(now) == Urgency::kActive) {
      settle(now, id, entry);
    } else {
      idle.push_back(id);
    }
  }
  for (const auto id : idle) settle(now, id, peers_.at(id));
}

void Engine::set_overlay_prefixes(std::vector<Prefix> prefixes) { overlay_ = std::move(prefixes); }

void Engine::set_largest_message(MonoTime now, std::uint32_t bytes) {
  if (bytes == largest_message_) return;
  largest_message_ = bytes;
  for (auto& [id, entry] : peers_) settle(now, id, entry);
}

void Engine::set_offer(MonoTime now, std::vector<Endpoint> endpoints) {
  if (endpoints.size() > kMostOfferedEndpoints) endpoints.resize(kMostOfferedEndpoints);
  if (endpoints == offer_) return;
  offer_ = std::move(endpoints);
  for (auto& [id, entry] : peers_) {
    if (entry.paths.urgency(now) != Urgency::kActive) continue;
    entry.paths.on_new_offer(now);
    settle(now, id, entry);
  }
}

Verdict Engine::on_datagram(MonoTime now, std::span<const std::uint8_t> bytes,
                            const Endpoint& source, const IpAddress& local) {
  Arrival arrival{source, local};
  if (const auto relayed = relay::parse_data(bytes)) {
    arrival.source.channel = relayed->channel;
    bytes = relayed->message;
  }
  const auto parsed = parse_envelope(bytes);
  const auto* envelope = std::get_if<Envelope>(&parsed);
  if (envelope == nullptr) return Verdict::kMalformed;
  if (!is_usable(source, settings_.loopback, overlay_)) return Verdict::kBadSource;
  if (envelope->sender == disco_key_) return Verdict::kUnknownSender;
  const auto known = by_disco_key_.find(envelope->sender);
  return known != by_disco_key_.end() ? on_known(now, *envelope, known->second, arrival)
                                      : on_unknown(now, *envelope, arrival);
}

Verdict Engine::on_known(MonoTime now, const Envelope& envelope, NodeId id,
                         const Arrival& arrival) {
  Entry& entry = peers_.at(id);
  const SharedKey* key = entry.paths.keys().shared(envelope.sender, identity_.disco_secret);
  if (key == nullptr) return Verdict::kMalformed;
  if (arrival.source.is_relayed() && !entry.paths.is_relayed_way(arrival.source))
    return Verdict::kBadSource;
  const auto opened = open(envelope, *key);
  const auto* message = std::get_if<Message>(&opened);
  if (message == nullptr) return Verdict::kMalformed;
  auto verdict = Verdict::kAccepted;
  if (const auto* ping = std::get_if<Ping>(message)) {
    verdict = verdict_of(entry.paths.on_ping(now, *ping, envelope.sender, arrival, surroundings()));
  } else if (const auto* pong = std::get_if<Pong>(message)) {
    verdict = verdict_of(
        entry.paths.on_pong(now, *pong, envelope.sender, arrival.source, surroundings()));
  } else {
    verdict = verdict_of(entry.paths.on_call(now, std::get<CallMeMaybe>(*message), surroundings()));
  }
  if (verdict != Verdict::kAccepted) return verdict;
  index_keys(id, entry);
  settle(now, id, entry);
  return verdict;
}

Verdict Engine::on_unknown(MonoTime now, const Envelope& envelope, const Arrival& arrival) {
  if (!unknown_.take(now)) return Verdict::kLimited;
  const auto key = shared_key(envelope.sender, identity_.disco_secret);
  if (!key) return Verdict::kMalformed;
  const auto opened = open(envelope, *key);
  const auto* message = std::get_if<Message>(&opened);
  if (message == nullptr) return Verdict::kMalformed;
  const auto* ping = std::get_if<Ping>(message);
  if (ping == nullptr) return Verdict::kUnknownSender;
  const auto named = by_node_key_.find(ping->node_key);
  if (named == by_node_key_.end()) return Verdict::kUnknownSender;
  const NodeId id = named->second;
  Entry& entry = peers_.at(id);
  const auto& info = entry.paths.info();
  if (arrival.source.is_relayed() && !entry.paths.is_relayed_way(arrival.source))
    return Verdict::kBadSource;
  if (!attested(info.machine_key, envelope.sender, ping->node_key, ping->attestation) ||
      !entry.paths.keys().offer(envelope.sender, ping->attestation.issued_at))
    return Verdict::kUnknownSender;
  index_keys(id, entry);
  const auto reception = entry.paths.on_ping(now, *ping, envelope.sender, arrival, surroundings());
  settle(now, id, entry);
  return verdict_of(reception);
}

void Engine::on_traffic(MonoTime now, NodeId id, const Traffic& traffic) {
  const auto found = peers_.find(id);
  if (found == peers_.end()) return;
  found->second.paths.on_traffic(now, traffic);
  settle(now, id, found->second);
}

void Engine::on_unknown_initiation(MonoTime now, const Endpoint& source) {
  if (!strange_.take(now)) return;
  for (auto& [id, entry] : peers_) {
    entry.paths.on_strange_source(now, source);
    settle(now, id, entry);
  }
}

void Engine::set_relayed(MonoTime now, NodeId id, const std::vector<Way>& ways,
                         const std::vector<Way>& leaving) {
  const auto found = peers_.find(id);
  if (found == peers_.end()) return;
  found->second.paths.set_relayed(now, ways, leaving);
  settle(now, id, found->second);
}

void Engine::on_send_failed(MonoTime now, NodeId id, const Way& to) {
  const auto found = peers_.find(id);
  if (found == peers_.end()) return;
  found->second.paths.on_send_failed(to);
  settle(now, id, found->second);
}

Result<PingRequestId> Engine::ping_now(MonoTime now, NodeId id) {
  const auto found = peers_.find(id);
  if (found == peers_.end())
    return Error(ErrorCode::kNotFound, "ping: there is no peer with node id " + to_string(id));
  const PingRequestId request(last_request_ + 1);
  if (!found->second.paths.ping_now(now, request, surroundings())) {
    return Error(ErrorCode::kExhausted, "ping: " + std::to_string(kMostPingRequests) +
                                            " pings to peer " + to_string(id) +
                                            " wait for their answers already");
  }
  last_request_ = request.value();
  settle(now, id, found->second);
  return request;
}

void Engine::tick(MonoTime now) {
  starved_until_.reset();
  for (std::size_t urgency = 0; urgency < kUrgencies; ++urgency) {
    auto& due = due_[urgency];
    while (!due.empty() && due.begin()->first <= now) {
      // Active sessions' heartbeats and timeouts need no budget; discovery of the others does.
      if (urgency != static_cast<std::size_t>(Urgency::kActive) && probes_.empty(now)) {
        starved_until_ = now + kStarvedPause;
        return;
      }
      const NodeId id = due.begin()->second;
      settle(now, id, peers_.at(id));
    }
  }
}

std::optional<MonoTime> Engine::next_deadline() const {
  std::optional<MonoTime> earliest;
  for (std::size_t urgency = 0; urgency < kUrgencies; ++urgency) {
    if (due_[urgency].empty()) continue;
    MonoTime when = due_[urgency].begin()->first;
    const bool waits = urgency != static_cast<std::size_t>(Urgency::kActive) && starved_until_;
    if (waits) when = std::max(when, *starved_until_);
    if (!earliest || when < *earliest) earliest = when;
  }
  return earliest;
}

std::optional<PathStatus> Engine::status(MonoTime now, NodeId id) const {
  const auto found = peers_.find(id);
  if (found == peers_.end()) return std::nullopt;
  return found->second.paths.status(now);
}

}  // namespace kernmesh::path
