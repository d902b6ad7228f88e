// SPDX-License-Identifier: Apache-2.0
// Hosts with path engines on a network of virtual time. An address lies in a realm (its second
// byte); packets pass between addresses of one realm unless that pair of hosts is cut there. Relays
// are reached by everybody.
#pragma once

#include <sodium.h>

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include "controller/core/path/engine.h"

namespace kernmesh::path {

// Who sends to whom, by the hosts' numbers.
using Pairs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
inline const Pairs kBothWays{{1, 2}, {2, 1}};

inline constexpr Port kPort{4500};

inline Endpoint place(int realm, int host, int incarnation = 0) {
  if (realm % 3 == 2) {  // every third realm speaks IPv6
    std::array<std::uint8_t, 16> b{0xfd, static_cast<std::uint8_t>(realm)};
    b[14] = static_cast<std::uint8_t>(incarnation);
    b[15] = static_cast<std::uint8_t>(host);
    return {IpAddress::from_v6_bytes(b), kPort};
  }
  return {IpAddress::from_v4_bytes({10, static_cast<std::uint8_t>(realm),
                                    static_cast<std::uint8_t>(incarnation),
                                    static_cast<std::uint8_t>(host)}),
          kPort};
}
inline int realm_of(const Way& e) { return e.endpoint.address.bytes()[1]; }

inline constexpr Duration kToRelay = milliseconds(30);
inline Endpoint relay_place(int number) {
  return {IpAddress::from_v4_bytes({198, 51, 100, static_cast<std::uint8_t>(number)}), Port(3478)};
}
// The channel of host `to` with host `with`.
inline Way relayed_way(int relay, std::uint32_t to, std::uint32_t with) {
  return {relay_place(relay), relay::Channel(to << 16 | with)};
}

template <std::size_t N>
SecretBytes<N> secret_filled(std::uint32_t seed, std::uint8_t kind) {
  SecretBytes<N> secret;
  for (std::size_t i = 0; i < N; ++i)
    secret.mutable_bytes()[i] = static_cast<std::uint8_t>(seed >> (8 * (i % 4))) ^ kind;
  return secret;
}

// A node's secrets; `generation` tells its disco keys apart.
struct SampleIdentity {
  LocalIdentity local;
  PeerInfo info;
};
inline SampleIdentity sample_identity(std::uint32_t id, std::uint32_t generation = 1) {
  std::array<std::uint8_t, 32> machine_public{};
  std::array<std::uint8_t, 64> machine_secret{};
  crypto_sign_seed_keypair(machine_public.data(), machine_secret.data(),
                           secret_filled<32>(id, 1).bytes().data());
  SampleIdentity result;
  result.local.disco_secret = secret_filled<32>(id * 1000 + generation, 2);
  result.local.node_key = node_public_key(secret_filled<32>(id, 3));
  const auto disco_key = disco_public_key(result.local.disco_secret);
  result.local.attestation =
      attest(Ed25519SecretKey(std::span<const std::uint8_t, 64>(machine_secret)), disco_key,
             result.local.node_key, WallTime(std::chrono::seconds(generation)));
  result.info = {
      NodeId(id), MachinePublicKey(machine_public), result.local.node_key, disco_key, {}};
  return result;
}

struct Host {
  SampleIdentity identity;
  std::unique_ptr<Engine> engine;
  std::vector<Endpoint> places;
  std::map<NodeId, SetPath> paths;
  std::map<NodeId, std::vector<Way>> sources;
  std::vector<PingResult> ping_results;
  std::vector<MonoTime> pings_sent;
  std::vector<DoubtRelay> doubts;
  std::map<NodeId, std::uint32_t> limits;
  int path_changes = 0;
  std::map<NodeId, int> moves;  // of path_changes, those to another first way
};

class SimulatedNetwork {
 public:
  explicit SimulatedNetwork(std::uint32_t seed) : random_(seed) {}

  double loss = 0;
  double jitter = 0;  // a datagram takes up to this share longer
  // One way, from a host to a place; what is not named takes what delay() makes up.
  std::map<std::pair<std::uint32_t, Endpoint>, Duration> delays;
  std::map<Endpoint, Duration> relay_delays;  // from host to host through it; 2 * kToRelay if none
  std::size_t direct_carries = 65535, relay_carries = 65535;  // bytes of UDP payload
  Settings settings;
  // Sees every datagram that is delivered: bytes, source, destination host.
  std::function<void(const Bytes&, const Endpoint&, Host&)> tap;

  MonoTime now() const { return now_; }
  Host& host(std::uint32_t id) { return hosts_.at(id); }
  std::map<std::uint32_t, Host>& hosts() { return hosts_; }

  Host& add(std::uint32_t id, std::vector<Endpoint> places) {
    Host& host = hosts_[id];
    host.identity = sample_identity(id);
    host.places = std::move(places);
    host.identity.info.endpoints = host.places;
    start(id);
    return host;
  }
  // A fresh engine, as after a restart of the process. Peers are to be set again.
  void start(std::uint32_t id) {
    Host& host = hosts_.at(id);
    host.engine = std::make_unique<Engine>(host.identity.local,
                                           secret_filled<32>(++starts_ * 77 + id, 9), settings);
    host.paths.clear();
    host.sources.clear();
    announce_addresses(host);
  }
  void move(std::uint32_t id, std::vector<Endpoint> places) {
    hosts_.at(id).places = std::move(places);
    announce_addresses(hosts_.at(id));
    drain(hosts_.at(id));
  }
  void know_each_other() {
    for (auto& [id, host] : hosts_) {
      std::vector<PeerInfo> peers;
      for (auto& [other, peer] : hosts_)
        if (other != id) peers.push_back(peer.identity.info);
      host.engine->set_peers(now_, peers);
      drain(host);
    }
  }
  void cut(int realm, std::uint32_t a, std::uint32_t b) {
    cut_.insert({realm, std::min(a, b), std::max(a, b)});
  }
  void heal() { cut_.clear(); }

  // Runs for `span`; `active` pairs send all the time.
  void run(Duration span, const std::vector<std::pair<std::uint32_t, std::uint32_t>>& active = {}) {
    const MonoTime end = now_ + span;
    for (MonoTime next = now_; next < end; next += milliseconds(500)) {
      run_events(next);
      for (const auto& [from, to] : active) {
        hosts_.at(from).engine->on_traffic(now_, NodeId(to), {now_, std::nullopt});
        drain(hosts_.at(from));
      }
    }
    run_events(end);
  }

  // One-way delay from one host's place to another's; none: does not pass.
  std::optional<Duration> delay(std::uint32_t from, std::uint32_t to, const Endpoint& destination) {
    const int realm = realm_of(destination);
    if (cut_.contains({realm, std::min(from, to), std::max(from, to)})) return std::nullopt;
    if (const auto named = delays.find({from, destination}); named != delays.end())
      return named->second;
    return milliseconds(1 + (realm * 37 + (from + to) * 11) % 40);
  }
  std::optional<Endpoint> source_for(const Host& host, const Endpoint& destination) const {
    for (const auto& p : host.places)
      if (realm_of(p) == realm_of(destination) &&
          p.address.family() == destination.address.family())
        return p;
    return std::nullopt;
  }
  // Both are bound at the relay and have opened each other.
  void pair_at(const std::vector<int>& relays, std::uint32_t a, std::uint32_t b) {
    for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
      std::vector<Way> ways;
      for (const int relay : relays) ways.push_back(relayed_way(relay, from, to));
      hosts_.at(from).engine->set_relayed(now_, NodeId(to), ways);
      drain(hosts_.at(from));
    }
  }
  // Relays that take everything and pass nothing on.
  std::set<Endpoint> dead_relays;

  // Would WireGuard's packets pass from one to the other on the paths that are set now?
  bool carries(std::uint32_t from, std::uint32_t to) {
    Host& a = hosts_.at(from);
    const auto& path = a.paths[NodeId(to)];
    const bool both = path.use == Use::kBoth || (path.deadline && *path.deadline < now_);
    return carries_on(a, from, to, path.primary) ||
           (both && carries_on(a, from, to, path.secondary));
  }
  bool carries_on(Host& a, std::uint32_t from, std::uint32_t to, const std::optional<Way>& where) {
    if (!where) return false;
    Host& b = hosts_.at(to);
    const auto& accepted = b.sources[NodeId(from)];
    const auto accepts = [&](const Way& way) {
      return std::find(accepted.begin(), accepted.end(), way) != accepted.end();
    };
    if (where->is_relayed()) {
      return !dead_relays.contains(where->endpoint) &&
             accepts({where->endpoint, relay::Channel(to << 16 | from)});
    }
    const auto source = source_for(a, where->endpoint);
    if (!source || std::find(b.places.begin(), b.places.end(), where->endpoint) == b.places.end())
      return false;
    return delay(from, to, where->endpoint) && accepts(*source);
  }
  // Could they reach each other at all, going by what at least one of them was told?
  bool could_carry(std::uint32_t a, std::uint32_t b) { return knows_way(a, b) || knows_way(b, a); }
  bool knows_way(std::uint32_t a, std::uint32_t b) {
    for (const auto& p : hosts_.at(b).identity.info.endpoints) {
      const auto& places = hosts_.at(b).places;
      if (std::find(places.begin(), places.end(), p) != places.end() &&
          source_for(hosts_.at(a), p) && delay(a, b, p))
        return true;
    }
    return false;
  }

  void drain(Host& host) {
    for (auto& command : host.engine->take_commands()) {
      if (auto* send = std::get_if<SendDatagram>(&command)) {
        carry(host, *send);
      } else if (auto* path = std::get_if<SetPath>(&command)) {
        if (host.paths[path->peer].primary != path->primary) ++host.moves[path->peer];
        host.paths[path->peer] = *path;
        ++host.path_changes;
      } else if (auto* sources = std::get_if<SetSources>(&command)) {
        host.sources[sources->peer] = sources->sources;
      } else if (auto* limit = std::get_if<SetMessageLimit>(&command)) {
        host.limits[limit->peer] = limit->bytes;
      } else if (auto* doubt = std::get_if<DoubtRelay>(&command)) {
        host.doubts.push_back(*doubt);
      } else {
        host.ping_results.push_back(std::get<PingResult>(command));
      }
    }
  }

 private:
  struct Delivery {
    MonoTime at;
    std::uint64_t order;
    std::uint32_t host;
    Endpoint source;
    Endpoint destination;
    Bytes bytes;
    bool operator>(const Delivery& o) const {
      return std::tie(at, order) > std::tie(o.at, o.order);
    }
  };

  void announce_addresses(Host& host) {
    std::vector<IpAddress> addresses;
    for (const auto& p : host.places) addresses.push_back(p.address);
    host.engine->set_local_addresses(now_, addresses);
  }

  void carry(Host& host, const SendDatagram& send) {
    const std::size_t header = send.to.is_relayed() ? relay::kDataHeaderBytes : 0;
    if (send.bytes.size() == kPingBytes + header) host.pings_sent.push_back(now_);
    if (send.to.is_relayed()) {
      carry_relayed(host, send);
      return;
    }
    const auto source = source_for(host, send.to.endpoint);
    if (!source || send.bytes.size() > direct_carries) return;
    for (auto& [id, other] : hosts_) {
      if (std::find(other.places.begin(), other.places.end(), send.to) == other.places.end())
        continue;
      const auto from = static_cast<std::uint32_t>(host.identity.info.id.value());
      const auto late = delay(from, id, send.to.endpoint);
      if (!late || std::uniform_real_distribution<>(0, 1)(random_) < loss) continue;
      in_flight_.push(
          {now_ + jittered(*late), ++order_, id, *source, send.to.endpoint, send.bytes});
    }
  }

  Duration jittered(Duration late) {
    if (jitter == 0) return late;
    const double share = std::uniform_real_distribution<>(0, jitter)(random_);
    return late + std::chrono::duration_cast<Duration>(late * share);
  }

  void carry_relayed(Host& host, const SendDatagram& send) {
    const auto data = relay::parse_data(send.bytes);
    if (!data || data->channel != send.to.channel) std::abort();
    const auto from = data->channel.value() >> 16;
    const auto to = data->channel.value() & 0xffff;
    if (NodeId(from) != host.identity.info.id) std::abort();
    if (dead_relays.contains(send.to.endpoint) || send.bytes.size() > relay_carries) return;
    if (std::uniform_real_distribution<>(0, 1)(random_) < loss) return;
    const Endpoint destination = hosts_.at(to).places[0];
    const auto named = relay_delays.find(send.to.endpoint);
    const Duration late = named != relay_delays.end() ? named->second : 2 * kToRelay;
    in_flight_.push({now_ + jittered(late), ++order_, to, send.to.endpoint, destination,
                     relay::wrap_data(relay::Channel(to << 16 | from), data->message)});
  }

  void run_events(MonoTime end) {
    int at_once = 0;
    while (true) {
      Host* due = nullptr;
      MonoTime when = end;
      for (auto& [id, host] : hosts_) {
        const auto deadline = host.engine->next_deadline();
        if (deadline && *deadline < when) {
          when = std::max(*deadline, now_);
          due = &host;
        }
      }
      const bool deliver = !in_flight_.empty() && in_flight_.top().at <= when;
      if (deliver) when = std::max(in_flight_.top().at, now_);
      if (!deliver && due == nullptr) break;
      at_once = when == now_ ? at_once + 1 : 0;
      if (at_once > 20'000) std::abort();  // an engine that asks for a tick and does nothing
      now_ = when;
      if (!deliver) {
        due->engine->tick(now_);
        drain(*due);
        continue;
      }
      const Delivery d = in_flight_.top();
      in_flight_.pop();
      Host& host = hosts_.at(d.host);
      if (tap) tap(d.bytes, d.source, host);
      host.engine->on_datagram(now_, d.bytes, d.source, d.destination.address);
      drain(host);
    }
    now_ = end;
  }

  std::mt19937 random_;
  MonoTime now_{std::chrono::hours(1)};
  std::map<std::uint32_t, Host> hosts_;
  std::set<std::tuple<int, std::uint32_t, std::uint32_t>> cut_;
  std::priority_queue<Delivery, std::vector<Delivery>, std::greater<>> in_flight_;
  std::uint64_t order_ = 0;
  std::uint32_t starts_ = 0;
};

}  // namespace kernmesh::path
