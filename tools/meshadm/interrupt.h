// SPDX-License-Identifier: Apache-2.0
// Ctrl-C as an event instead of an end (signalfd and one thread).
#pragma once

#include <functional>
#include <thread>

#include "controller/base/unique_fd.h"

namespace kernmesh::adm {

// While it lives, SIGINT and SIGTERM call `on_interrupt` once, on a thread of its own. Make it
// before anything starts threads, because they inherit the signal mask. A second signal ends the
// process as usual.
class Interrupt {
 public:
  explicit Interrupt(std::function<void()> on_interrupt);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

 private:
  UniqueFd signals_;
  UniqueFd stop_;
  std::thread waiter_;
};

}  // namespace kernmesh::adm
