// SPDX-License-Identifier: Apache-2.0
// A daemon's one thread of decisions (L2): file descriptors, one deadline, and work that other
// threads hand over. post() and stop() may be called from any thread, all else from the loop's own.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/unique_fd.h"

namespace kernmesh::host {

MonoTime mono_now();
WallTime wall_now();

class EventLoop {
 public:
  static Result<EventLoop> open();
  EventLoop(EventLoop&&) noexcept;
  ~EventLoop();

  // Calls `ready` whenever the descriptor is readable. The descriptor stays the caller's.
  Status watch(int fd, std::function<void()> ready);
  void unwatch(int fd);
  // Whether `ready` is also called when the descriptor, which is watched, takes more to write.
  enum class Interest { kRead, kReadAndWrite };
  void set_interest(int fd, Interest interest);

  // Queues work for the loop. The queue's length is bounded by its producers: each posts at most
  // one piece of work at a time.
  void post(std::function<void()> work);
  void stop();

  // Runs until stop(). Before each wait it calls `settle`, which does what is due and says when it
  // wants to be called again at the latest.
  Status run(const std::function<std::optional<MonoTime>()>& settle);

 private:
  struct Shared;
  explicit EventLoop(std::unique_ptr<Shared> shared);
  std::unique_ptr<Shared> shared_;
};

}  // namespace kernmesh::host
