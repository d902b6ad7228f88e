// SPDX-License-Identifier: Apache-2.0
// Small random networks whose addresses, routes, users and tags collide with each other and with
// what random policies name.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/core/policy/inventory.h"

namespace kernmesh::policy {

// A number below the given one, which is at least 1. Where it comes from decides whether a failure
// shrinks (rapidcheck) or is fast (a generator with a seed).
class Choice {
 public:
  explicit Choice(std::function<std::uint32_t(std::uint32_t)> below) : below_(std::move(below)) {}

  std::uint32_t below(std::uint32_t bound) const { return below_(bound); }
  // Shrinks towards false.
  bool once_in(std::uint32_t times) const { return below_(times) == times - 1; }
  template <typename Container>
  const auto& of(const Container& container) const {
    return container[below_(static_cast<std::uint32_t>(std::size(container)))];
  }

 private:
  std::function<std::uint32_t(std::uint32_t)> below_;
};

// Names that policies and networks share.
extern const std::vector<std::string> kUserHandles;  // as a policy writes them
extern const std::vector<std::string> kProviderGroups;
extern const std::vector<std::string> kTags;
extern const std::vector<std::string> kDomains;
extern const std::vector<std::string> kRoles;
// Prefixes that nest, overlap and touch each other, the overlay and the public addresses.
extern const std::vector<std::string> kPrefixes;

Inventory random_network(const Choice& choice);
Node random_node(const Choice& choice, NodeId id);
User random_user(const Choice& choice, std::uint32_t number);

// For messages: one line a user and node.
std::string to_string(const Inventory& inventory);

}  // namespace kernmesh::policy
