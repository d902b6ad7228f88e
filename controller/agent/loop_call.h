// SPDX-License-Identifier: Apache-2.0
// How a call on a thread of gRPC's waits for the loop (L3): what Agent::on_loop() does.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <utility>

#include "controller/agent/agent.h"

namespace kernmesh::agent {

inline Error stopping() { return {ErrorCode::kUnavailable, "the agent is stopping"}; }

// Waits for a promise that the loop keeps, unless the loop ends first.
template <typename T>
Result<T> await(std::future<Result<T>> future, const std::atomic<bool>& stop) {
  while (future.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
    if (stop) return stopping();
  }
  return future.get();
}

template <typename T>
Result<T> Agent::on_loop(std::function<Result<T>()> work) {
  if (stopping_) return stopping();
  auto promise = std::make_shared<std::promise<Result<T>>>();  // shared with the posted work
  auto future = promise->get_future();
  loop_.post([promise, work = std::move(work)] { promise->set_value(work()); });
  return await(std::move(future), stopping_);
}

}  // namespace kernmesh::agent
