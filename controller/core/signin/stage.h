// SPDX-License-Identifier: Apache-2.0
// How far a sign-in has come (L1, pure).
//   pending -> authorized -> consumed
//      |            `------> expired
//      `-> denied | expired
#pragma once

#include <cstdint>
#include <string_view>

#include "controller/base/result.h"

namespace kernmesh::signin {

enum class Stage : std::uint8_t {
  kPending,     // nobody has signed in yet
  kAuthorized,  // somebody has; the node has not joined yet
  kConsumed,    // the node has joined by it
  kDenied,      // the person, the provider or the network's terms said no
  kExpired,     // took too long
};
std::string_view to_string(Stage stage);

enum class StageEvent : std::uint8_t { kAuthorize, kConsume, kDeny, kLapse };

// kConflict in words when the event cannot happen in this stage: nothing happens twice.
Result<Stage> next_stage(Stage stage, StageEvent event);

}  // namespace kernmesh::signin
