// SPDX-License-Identifier: Apache-2.0
// Two or three nodes in a random arrangement of NATs and what happens to them: relays die, NATs
// forget, nodes move and restart (test support). The seed decides all of it.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "tests/unit/core/path/nat_world.h"

namespace kernmesh::path {

inline constexpr int kRelays = 3;

// Every value there is, each as often as the others.
inline constexpr std::array kDependences{Dependence::kNone, Dependence::kAddress,
                                         Dependence::kAddressAndPort};
inline constexpr std::array kPortChoices{PortChoice::kKept, PortChoice::kOverloaded,
                                         PortChoice::kSequential, PortChoice::kRandom};

template <typename Values>
auto one_of(std::mt19937& random, const Values& values) {
  return values[random() % values.size()];
}

inline NatKind random_nat(std::mt19937& random) {
  NatKind kind;
  kind.mapping = one_of(random, kDependences);
  kind.filtering = one_of(random, kDependences);
  kind.ports = one_of(random, kPortChoices);
  kind.hairpin = random() % 2 == 0;
  kind.timeout = seconds(30 + random() % 90);
  return kind;
}

struct RandomWorld {
  explicit RandomWorld(std::uint32_t seed, const Settings& settings = {}) : world(seed, kRelays) {
    auto& random = world.random();
    world.settings = settings;
    nodes = 2 + random() % 2;
    for (std::uint32_t id = 1; id <= nodes; ++id) world.add_node(id, somewhere());
    world.start();
  }
  NetworkNumber somewhere() {
    auto& random = world.random();
    if (random() % 6 == 0) return kInternet;
    if (!nats.empty() && random() % 4 == 0) return nats[random() % nats.size()];
    const bool doubled = !nats.empty() && random() % 4 == 0;
    const auto parent = doubled ? nats[random() % nats.size()] : kInternet;
    nats.push_back(world.add_network(parent, random_nat(random)));
    return nats.back();
  }
  // One thing that happens to networks. At most one relay is dead at a time.
  void disturb() {
    auto& random = world.random();
    switch (random() % 5) {
      case 2:
        restart(1 + random() % nodes);
        break;
      case 0:
        world.move(1 + random() % nodes, somewhere());
        break;
      case 1:
        if (!nats.empty()) world.rebind(nats[random() % nats.size()]);
        break;
      default:
        if (dead != 0) world.set_relay_alive(dead, true);
        dead = random() % 2 == 0 ? 0 : 1 + static_cast<int>(random() % kRelays);
        if (dead != 0) world.set_relay_alive(dead, false);
        break;
    }
  }
  void restart(std::uint32_t id) {
    if (on_restart) on_restart(id);
    world.restart(id);
  }

  std::function<void(std::uint32_t)> on_restart;  // before it
  NatWorld world;
  std::uint32_t nodes;
  std::vector<NetworkNumber> nats;
  int dead = 0;
};

}  // namespace kernmesh::path
