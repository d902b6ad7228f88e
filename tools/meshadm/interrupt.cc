// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace kernmesh::adm {
namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

Interrupt::Interrupt(std::function<void()> on_interrupt) {
  const sigset_t set = ending_signals();
  signals_.reset(signalfd(-1, &set, SFD_CLOEXEC));
  stop_.reset(eventfd(0, EFD_CLOEXEC));
  if (!signals_ || !stop_) return;  // out of descriptors: signals keep their default
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  waiter_ = std::thread([this, set, call = std::move(on_interrupt)] {
    std::array<pollfd, 2> entries{pollfd{signals_.get(), POLLIN, 0},
                                  pollfd{stop_.get(), POLLIN, 0}};
    while (poll(entries.data(), entries.size(), -1) < 0 && errno == EINTR) {
    }
    if ((entries[0].revents & POLLIN) == 0) return;
    signalfd_siginfo info{};
    if (read(signals_.get(), &info, sizeof info) < 0) return;
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    call();
    // The second signal is delivered to this thread, which no longer blocks it.
    while (poll(&entries[1], 1, -1) < 0 && errno == EINTR) {
    }
  });
}

Interrupt::~Interrupt() {
  if (!waiter_.joinable()) return;
  eventfd_write(stop_.get(), 1);
  waiter_.join();
  const sigset_t set = ending_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

SignalsIgnored::SignalsIgnored() {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGINT, &ignore, &interrupt_);
  sigaction(SIGTERM, &ignore, &terminate_);
}

SignalsIgnored::~SignalsIgnored() {
  sigaction(SIGINT, &interrupt_, nullptr);
  sigaction(SIGTERM, &terminate_, nullptr);
}

}  // namespace kernmesh::adm
