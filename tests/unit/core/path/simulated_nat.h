// SPDX-License-Identifier: Apache-2.0
// A NAT as RFC 4787 describes them: how it maps, filters and gives out ports (test support; pure).
// Stands in simulated networks and, in tests/nat, between real ones.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/ip.h"

namespace kernmesh::path {

enum class Dependence { kNone, kAddress, kAddressAndPort };
// kKept: the inner one while nobody has it, else a random one. kOverloaded: the inner one for every
// destination (section 4.2.1), as Linux does it, so a mapping for each destination does not show.
enum class PortChoice { kKept, kOverloaded, kSequential, kRandom };

struct NatKind {
  Dependence mapping = Dependence::kNone;
  Dependence filtering = Dependence::kNone;
  PortChoice ports = PortChoice::kKept;
  bool hairpin = false;
  Duration timeout = std::chrono::seconds(60);
};

class SimulatedNat {
 public:
  SimulatedNat(NatKind kind, const IpAddress& outer, std::uint32_t seed)
      : kind_(kind), outer_(outer), random_(seed), next_port_(2000 + random_() % 50'000) {}

  const IpAddress& outer() const { return outer_; }
  bool hairpin() const { return kind_.hairpin; }

  Endpoint outbound(MonoTime now, const Endpoint& inner, const Endpoint& to) {
    expire(now);
    const Key key{inner, reduced(kind_.mapping, to)};
    auto found = mappings_.find(key);
    if (found == mappings_.end())
      found = mappings_.emplace(key, Mapping{free_port(key), {}, {}}).first;
    found->second.used_at = now;
    found->second.contacted.insert(reduced(kind_.filtering, to));
    return {outer_, found->second.port};
  }
  std::optional<Endpoint> inbound(MonoTime now, const Endpoint& from, Port port) {
    expire(now);
    const auto to = reduced(kind_.mapping, from);
    std::optional<Endpoint> found;
    for (const auto& [key, mapping] : mappings_) {
      if (mapping.port != port) continue;
      if (!mapping.contacted.contains(reduced(kind_.filtering, from))) continue;
      // An answer goes to who asked, though others have the same port towards other places.
      if (key.to == to) return key.inner;
      if (!found) found = key.inner;
    }
    return found;
  }
  // How the inner endpoint is seen at `to`, if it was there: for what is about a packet of before.
  std::optional<Endpoint> mapped(MonoTime now, const Endpoint& inner, const Endpoint& to) {
    expire(now);
    const auto found = mappings_.find(Key{inner, reduced(kind_.mapping, to)});
    if (found == mappings_.end()) return std::nullopt;
    return Endpoint{outer_, found->second.port};
  }
  // Restarted, or the provider gave it another address.
  void rebind(const IpAddress& outer) {
    outer_ = outer;
    mappings_.clear();
    next_port_ = 2000 + random_() % 50'000;
    kept_is_taken_ = true;
  }

 private:
  struct Key {
    Endpoint inner;
    Endpoint to;
    auto operator<=>(const Key&) const = default;
  };
  struct Mapping {
    Port port;
    MonoTime used_at{};
    std::set<Endpoint> contacted;
  };

  static Endpoint reduced(Dependence dependence, const Endpoint& to) {
    if (dependence == Dependence::kNone) return {};
    return dependence == Dependence::kAddress ? Endpoint{to.address, Port()} : to;
  }
  void expire(MonoTime now) {
    std::erase_if(mappings_, [&](const auto& m) { return now - m.second.used_at > kind_.timeout; });
  }
  bool is_taken(Port port) const {
    for (const auto& [key, mapping] : mappings_)
      if (mapping.port == port) return true;
    return false;
  }
  bool is_taken_towards(const Endpoint& to, Port port) const {
    for (const auto& [key, mapping] : mappings_)
      if (mapping.port == port && key.to == to) return true;
    return false;
  }
  Port free_port(const Key& key) {
    Port port = key.inner.port;
    if (kind_.ports == PortChoice::kKept && !kept_is_taken_ && !is_taken(port)) return port;
    if (kind_.ports == PortChoice::kOverloaded && !is_taken_towards(key.to, port)) return port;
    do {
      const bool steps = kind_.ports == PortChoice::kSequential;
      port = Port(static_cast<std::uint16_t>(steps ? next_port_++ : 1024 + random_() % 64'000));
    } while (is_taken(port));
    return port;
  }

  NatKind kind_;
  IpAddress outer_;
  std::mt19937 random_;
  std::uint32_t next_port_;
  bool kept_is_taken_ = false;
  std::map<Key, Mapping> mappings_;
};

}  // namespace kernmesh::path
