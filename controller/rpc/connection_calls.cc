// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/connection_calls.h"

namespace kernmesh::rpc {

Status ConnectionCalls::note(std::uintptr_t connection, MonoTime now) {
  // Numbers that are addresses differ in their middle bits: Fibonacci hashing (Knuth, 6.4).
  const std::uint64_t mixed = static_cast<std::uint64_t>(connection) * 0x9E3779B97F4A7C15U;
  const std::lock_guard lock(mutex_);
  if (places_[(mixed >> 32) % kCallPlaces].take(now)) return {};
  return Error(ErrorCode::kExhausted, "too many calls on one connection: wait, or open another");
}

}  // namespace kernmesh::rpc
