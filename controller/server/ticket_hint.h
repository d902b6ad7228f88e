// SPDX-License-Identifier: Apache-2.0
// What is kept of a join key or token for people to match with the one they hold (L3, pure).
#pragma once

#include <string>

#include "controller/core/topology/registration.h"

namespace kernmesh::server {

// The end of its text; all keys of a server begin with the same fingerprint. These characters carry
// 32 of the secret's 256 bits.
inline std::string hint_of(const topology::Ticket& ticket) {
  constexpr std::size_t kCharacters = 6;
  const std::string text = to_string(ticket);
  return text.substr(text.size() - kCharacters);
}

}  // namespace kernmesh::server
