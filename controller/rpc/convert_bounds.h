// SPDX-License-Identifier: Apache-2.0
// What reading messages has in common (L2, pure, private to this folder).
#pragma once

#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace kernmesh::rpc {

inline Error invalid_message(const std::string& what) { return {ErrorCode::kInvalid, what}; }

inline Status check_count(std::size_t count, std::size_t most, std::string_view what) {
  if (count <= most) return {};
  return invalid_message(std::to_string(count) + " " + std::string(what) + ", at most " +
                         std::to_string(most) + " are allowed");
}

}  // namespace kernmesh::rpc
