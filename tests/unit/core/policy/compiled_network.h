// SPDX-License-Identifier: Apache-2.0
// A policy text and a network, compiled, for tests to ask.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "controller/core/policy/network_policy.h"
#include "controller/core/policy/reach.h"
#include "controller/core/policy/slice_verdict.h"
#include "controller/core/policy/slicing.h"

namespace kernmesh::policy {

class CompiledNetwork {
 public:
  // Nothing when the policy is rejected.
  static std::unique_ptr<CompiledNetwork> make(std::string_view text, Inventory inventory) {
    Diagnostics diagnostics;
    auto accepted = accept(text, inventory, diagnostics);
    if (!accepted) return nullptr;
    return std::make_unique<CompiledNetwork>(*std::move(accepted), std::move(inventory));
  }

  CompiledNetwork(AcceptedPolicy accepted, Inventory network)
      : policy(std::move(accepted)),
        inventory(std::move(network)),
        population(policy.compiled, inventory.overlay),
        reach(population) {
    for (const auto& user : inventory.users) population.put(user);
    for (const auto& node : inventory.nodes) {
      population.put(node);
      addresses[node.id] = node.addresses;
    }
  }

  NodeIndex index(NodeId id) const { return population.find(id); }
  Slice slice(NodeId id) const { return slice_for(reach, index(id)); }
  bool sees(NodeId viewer, NodeId peer) const {
    return reach.peers_of(index(viewer)).contains(index(peer));
  }
  std::vector<Prefix> routes(NodeId viewer, NodeId peer) const {
    const auto peers = reach.peers_of(index(viewer));
    if (!peers.contains(index(peer))) return {};
    return routes_for(reach, index(peer), index(viewer), peers);
  }

  const AcceptedPolicy policy;
  const Inventory inventory;
  NodeAddresses addresses;
  Population population;
  Reach reach;
};

}  // namespace kernmesh::policy
