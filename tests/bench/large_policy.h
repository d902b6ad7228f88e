// SPDX-License-Identifier: Apache-2.0
// A large network and a policy for it, for what is timed: groups of users, tags and prefixes.
#pragma once

#include <cstdint>
#include <string>

#include "controller/core/policy/inventory.h"

namespace kernmesh::policy {

inline constexpr std::uint32_t kUsers = 2000;
inline constexpr std::uint32_t kGroups = 400;
inline constexpr std::uint32_t kTags = 100;

// By number, beginning again after the last one.
std::string user_name(std::uint32_t n);
std::string group_name(std::uint32_t n);
std::string tag_name(std::uint32_t n);

// One node in ten has a tag, one in fifty routes a subnet.
Inventory large_network(std::uint32_t nodes);

// How a policy differs from the usual one of that many rules.
struct Variation {
  std::string member;       // one more in the first group
  std::string port;         // one more in the first rule
  std::string rule;         // one more at the end
  std::uint32_t shift = 0;  // of the numbers in every rule
};
std::string large_policy(std::uint32_t rules, const Variation& variation = {});

}  // namespace kernmesh::policy
