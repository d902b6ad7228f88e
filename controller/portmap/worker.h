// SPDX-License-Identifier: Apache-2.0
// A thread that carries out attempts to map a port, because they block (L2). All members are called
// on the owner's thread, and none waits for an attempt to map.
#pragma once

#include <functional>
#include <memory>

#include "controller/portmap/attempts.h"

namespace kernmesh::portmap {

class Worker {
 public:
  // Called on the worker's thread, and not once the worker is gone; hands over to the owner's.
  using Done = std::function<void(std::uint64_t attempt, Result<Grant>)>;
  // How long one that takes a mapping away may hold up the end.
  static constexpr auto kLastWait = std::chrono::seconds(2);

  explicit Worker(Done done);
  // Leaves the attempt that is under way to itself; one that takes a mapping away is carried out,
  // and waited for as said.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Replaces one that has not begun yet.
  void start(const Attempt& attempt);

 private:
  struct Shared;
  static void run(const std::shared_ptr<Shared>& shared);

  // With the thread, which may have an attempt to end.
  std::shared_ptr<Shared> shared_;
};

}  // namespace kernmesh::portmap
