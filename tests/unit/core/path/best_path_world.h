// SPDX-License-Identifier: Apache-2.0
// Random networks in which every way between two hosts takes its own time, and what is the best of
// them, found by looking at the network alone: nothing here asks the engine or shares its code.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/core/path/simulated_network.h"

namespace kernmesh::path {

// A realm may hold several networks, which is what addresses tell of them: /24 or /64.
inline Endpoint site(int realm, int network, std::uint32_t host) {
  const auto r = static_cast<std::uint8_t>(realm), n = static_cast<std::uint8_t>(network);
  const auto h = static_cast<std::uint8_t>(host);
  if (realm % 2 == 0) {
    std::array<std::uint8_t, 16> b{0xfd, r};
    b[7] = n;
    b[15] = h;
    return {IpAddress::from_v6_bytes(b), kPort};
  }
  return {IpAddress::from_v4_bytes({10, r, n, h}), kPort};
}

class BestPathWorld {
 public:
  explicit BestPathWorld(std::uint32_t seed) : net(seed), random_(seed), hosts_(2 + below(2)) {
    sites_.resize(hosts_ + 1);
    for (std::uint32_t id = 1; id <= hosts_; ++id) {
      settle_down(id);
      net.add(id, places(id));
    }
    for (std::uint32_t a = 1; a <= hosts_; ++a)
      for (std::uint32_t b = 1; b <= hosts_; ++b)
        if (a != b) pairs_.emplace_back(a, b);
    for (int relay = 1, last = below(3); relay <= last; ++relay) relays_.push_back(relay);
    take_other_times();
    tell();
  }

  // Something else than before; then everybody knows everything that is to be known.
  void change() {
    switch (below(5)) {
      case 0:
        cut_some();
        break;
      case 1:
        settle_down(1);
        net.host(1).identity.info.endpoints = places(1);
        net.move(1, places(1));
        take_other_times();
        tell();
        break;
      case 2:
        for (std::uint32_t id = 1; id <= hosts_; ++id) net.start(id);
        tell();
        break;
      case 3:
        kill_some_relays();
        break;
      default:
        take_other_times();
    }
  }

  // Everybody sends to everybody, and hears what arrives.
  void run(Duration span) {
    for (const MonoTime end = net.now() + span; net.now() < end;) {
      for (const auto& [from, to] : pairs_) {
        const SetPath sent = net.host(from).paths[NodeId(to)];
        Traffic heard;
        for (const auto& way :
             {sent.primary, sent.use == Use::kBoth ? sent.secondary : std::nullopt}) {
          if (!way || !net.carries_on(net.host(from), from, to, way)) continue;
          (way->is_relayed() ? heard.last_rx_relayed : heard.last_rx) = net.now();
        }
        net.host(to).engine->on_traffic(net.now(), NodeId(from), heard);
        net.drain(net.host(to));
      }
      net.run(milliseconds(500), pairs_);
    }
  }

  // What is wrong with the ways in use: one line for each session that should use another.
  std::string faults() {
    std::string found;
    for (const auto& [from, to] : pairs_) {
      const auto fault = fault_of(from, to);
      if (!fault.empty())
        found += std::to_string(from) + " to " + std::to_string(to) + ": " + fault + "\n";
    }
    return found;
  }

  int moves() {
    int all = 0;
    for (const auto& [id, host] : net.hosts())
      for (const auto& [peer, moves] : host.moves) all += moves;
    return all;
  }
  // Of the session with the most.
  int most_moves() {
    int most = 0;
    for (const auto& [id, host] : net.hosts())
      for (const auto& [peer, moves] : host.moves) most = std::max(most, moves);
    return most;
  }
  void forget_moves() {
    for (auto& [id, host] : net.hosts()) host.moves.clear();
  }
  std::size_t sessions() const { return pairs_.size(); }
  // The sessions that have several ways to choose from.
  int choices() {
    int all = 0;
    for (const auto& [from, to] : pairs_) all += working(from, to).size() > 1 ? 1 : 0;
    return all;
  }

  SimulatedNetwork net;

 private:
  struct Working {
    Way way;
    double ms;  // there and back
    bool v6, near;
    int rank() const { return (v6 ? 2 : 0) + (near ? 1 : 0); }
  };
  struct Site {
    int realm, network;
  };
  static constexpr int kRealms = 6;
  static constexpr double kRoundingMs = 0.1;  // a smoothed round trip creeps up to the true one

  int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  double between(double low, double high) {
    return std::uniform_real_distribution<>(low, high)(random_);
  }
  static Duration of_ms(double ms) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(ms));
  }
  static double to_ms(Duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

  void settle_down(std::uint32_t id) {
    auto& sites = sites_[id];
    sites.clear();
    for (int realm = 1; realm <= kRealms; ++realm)
      if (below(4) != 0) sites.push_back({realm, below(2)});
    if (sites.empty()) sites.push_back({1, 0});
  }
  std::vector<Endpoint> places(std::uint32_t id) const {
    std::vector<Endpoint> all;
    for (const auto& s : sites_[id]) all.push_back(site(s.realm, s.network, id));
    return all;
  }
  void tell() {
    net.know_each_other();
    for (std::uint32_t a = 1; a <= hosts_; ++a)
      for (std::uint32_t b = a + 1; b <= hosts_; ++b) net.pair_at(relays_, a, b);
  }
  // Ways between two hosts differ by as much as the margins, or by little.
  void take_other_times() {
    net.delays.clear();
    for (std::uint32_t a = 1; a <= hosts_; ++a)
      for (std::uint32_t b = a + 1; b <= hosts_; ++b) {
        const double base = std::array{0.4, 2.0, 8.0, 30.0, 120.0}[below(5)];
        const double spread = std::array{1.05, 1.3, 2.0}[below(3)];
        for (const auto& there : places(b))
          net.delays[{a, there}] = of_ms(base * between(1, spread));
        for (const auto& here : places(a)) net.delays[{b, here}] = of_ms(base * between(1, spread));
      }
    for (const int relay : relays_) net.relay_delays[relay_place(relay)] = of_ms(between(1, 90));
  }
  void cut_some() {
    net.heal();
    for (int realm = 1; realm <= kRealms; ++realm)
      for (std::uint32_t a = 1; a <= hosts_; ++a)
        for (std::uint32_t b = a + 1; b <= hosts_; ++b)
          if (below(2) == 0) net.cut(realm, a, b);
  }
  void kill_some_relays() {
    net.dead_relays.clear();
    for (const int relay : relays_)
      if (below(2) == 0) net.dead_relays.insert(relay_place(relay));
  }

  std::vector<Working> working(std::uint32_t from, std::uint32_t to) {
    std::vector<Working> direct;
    for (const auto& there : sites_[to])
      for (const auto& here : sites_[from]) {
        if (here.realm != there.realm) continue;
        const Endpoint away = site(there.realm, there.network, to);
        const auto out = net.delay(from, to, away);
        const auto back = net.delay(to, from, site(here.realm, here.network, from));
        if (!out || !back) continue;
        direct.push_back(
            {away, to_ms(*out + *back), !away.address.is_v4(), here.network == there.network});
      }
    if (!direct.empty()) return direct;
    std::vector<Working> relayed;
    for (const int relay : relays_) {
      if (net.dead_relays.contains(relay_place(relay))) continue;
      relayed.push_back({relayed_way(relay, from, to),
                         2 * to_ms(net.relay_delays.at(relay_place(relay))), false, false});
    }
    return relayed;
  }

  std::string fault_of(std::uint32_t from, std::uint32_t to) {
    const auto ways = working(from, to);
    const auto used = net.host(from).paths[NodeId(to)].primary;
    if (ways.empty()) return "";
    const Working *held = nullptr, *fastest = &ways[0];
    for (const auto& way : ways) {
      if (used == way.way) held = &way;
      if (way.ms < fastest->ms) fastest = &way;
    }
    if (held == nullptr)
      return (used ? to_string(*used) : std::string("nothing")) + " is used though " +
             to_string(ways[0].way) + " works";
    for (const auto& way : ways) {
      const bool faster = way.ms + std::max(2.0, held->ms / 4) + kRoundingMs <= held->ms;
      const bool as_good = way.ms + kRoundingMs <= fastest->ms + std::max(2.0, fastest->ms / 4) / 2;
      if (faster || (as_good && way.rank() > held->rank()))
        return to_string(held->way) + " of " + std::to_string(held->ms) + " ms, rank " +
               std::to_string(held->rank()) + ", is used though " + to_string(way.way) + " takes " +
               std::to_string(way.ms) + " ms, rank " + std::to_string(way.rank());
    }
    return "";
  }

  std::mt19937 random_;
  std::uint32_t hosts_;
  std::vector<std::vector<Site>> sites_;  // by host
  Pairs pairs_;
  std::vector<int> relays_;
};

}  // namespace kernmesh::path
