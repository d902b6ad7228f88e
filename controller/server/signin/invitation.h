// SPDX-License-Identifier: Apache-2.0
// What a machine without a join key is told, and who waits to be told it (L3).
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "controller/base/result.h"

namespace kernmesh::server {

// What the agent tells the person. `handle` is secret and stays with the agent.
struct Invitation {
  std::string handle;
  std::string url;
  std::string user_code;
  std::chrono::seconds lifetime{};
};

// Both are called from any thread, and do not block.
struct Visitor {
  // Called once, unless he has hung up before. False when he has meanwhile: what was made for him
  // is taken back.
  std::function<bool(const Result<Invitation>&)> answer;
  // False when nobody would hear an answer any more.
  std::function<bool()> is_there;
};

}  // namespace kernmesh::server
