// SPDX-License-Identifier: Apache-2.0
// What people may do with the network, and how much of that a token carries (L1, pure).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace kernmesh::topology {

// Each may all that the one before may.
enum class Role : std::uint8_t {
  kMember = 1,        // sees what is his own
  kAuditor = 2,       // sees everything, changes nothing
  kNetworkAdmin = 3,  // nodes, relays, policies
  kAdmin = 4,         // users, join keys, everybody's tokens
  kOwner = 5,         // makes owners
};
std::string_view to_string(Role role);
// kInvalid for a word that is none.
Result<Role> parse_role(std::string_view word);

// The words that a user's list of roles may hold. "it-admin" and "billing-admin" are names for
// policies alone: who has no other is a member.
bool is_user_role(std::string_view word);
Role highest_role(const std::vector<std::string>& words);

// What a token is for: every method belongs to one area, and reading is an area of its own.
enum class Scope : std::uint8_t {
  kAll = 1,
  kRead = 2,    // every method that changes nothing
  kKeys = 3,    // join keys
  kPolicy = 4,  // the policy, and what is needed to judge one
};
std::string_view to_string(Scope scope);
// Empty is kAll. kInvalid for a word that is none.
Result<Scope> parse_scope(std::string_view word);

}  // namespace kernmesh::topology
