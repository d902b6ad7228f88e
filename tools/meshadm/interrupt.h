// SPDX-License-Identifier: Apache-2.0
// Ctrl-C as an event instead of an end (signalfd and one thread).
#pragma once

#include <csignal>
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

// While it lives, SIGINT and SIGTERM do nothing, on any thread: for a few calls with deadlines
// whose answer must reach the caller.
class SignalsIgnored {
 public:
  SignalsIgnored();
  ~SignalsIgnored();
  SignalsIgnored(const SignalsIgnored&) = delete;
  SignalsIgnored& operator=(const SignalsIgnored&) = delete;

 private:
  struct sigaction interrupt_ {};
  struct sigaction terminate_ {};
};

}  // namespace kernmesh::adm
