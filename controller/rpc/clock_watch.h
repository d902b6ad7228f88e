// SPDX-License-Identifier: Apache-2.0
// Keeps gRPC's timers going when the wall clock is set (L2). gRPC 1.51 counts its deadlines by the
// monotonic clock but sleeps until them with Abseil, which waits for a time of the wall clock:
// after the clock went back by an hour it sleeps an hour longer. No call would reach its deadline
// meanwhile, no dead connection be noticed (https://github.com/grpc/grpc/issues/32176, ADR 0017).
#pragma once

#include <memory>
#include <thread>

#include "controller/base/result.h"
#include "controller/base/unique_fd.h"

namespace kernmesh::rpc {

// Has gRPC look at its timers again and sleep anew by the clock of now. Any thread, while something
// of gRPC's is in use.
void wake_timers();

// Calls wake_timers() whenever the kernel says that the wall clock was set, on a thread of its own.
class ClockWatch {
 public:
  // Made before the first channel or server. Errors are the system's.
  static Result<std::unique_ptr<ClockWatch>> start();
  ~ClockWatch();
  ClockWatch(const ClockWatch&) = delete;
  ClockWatch& operator=(const ClockWatch&) = delete;

 private:
  ClockWatch(UniqueFd timer, UniqueFd end);
  void run();

  UniqueFd timer_;  // readable when the clock was set
  UniqueFd end_;    // readable when it is over
  std::thread thread_;
};

}  // namespace kernmesh::rpc
