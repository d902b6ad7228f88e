// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/clock_watch.h"

#include <grpc/grpc.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>

// Of gRPC's library, but in none of its headers: wakes the thread that sleeps until the next timer.
// What the headers have, an Alarm, wakes it only when it comes before that timer, which may be due
// by then. Weak: a gRPC without this function is one that has other timers.
void grpc_kick_poller() __attribute__((weak));

namespace kernmesh::rpc {
namespace {

// Seconds of a time that does not come, in the year 2242; the timer is there to be cancelled.
constexpr std::time_t kNever = std::time_t{1} << 33;

// They are for the program's own thread.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

void wake_timers() {
  if (grpc_kick_poller != nullptr) grpc_kick_poller();
}

Result<std::unique_ptr<ClockWatch>> ClockWatch::start() {
  constexpr const char* kAttempt = "watching the clock";
  UniqueFd timer(timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) return Error::from_errno(kAttempt, errno);
  itimerspec never{};
  never.it_value.tv_sec = kNever;
  constexpr int kFlags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
  if (timerfd_settime(timer.get(), kFlags, &never, nullptr) != 0) {
    return Error::from_errno(kAttempt, errno);
  }
  UniqueFd end(eventfd(0, EFD_CLOEXEC));
  if (!end) return Error::from_errno(kAttempt, errno);
  return std::unique_ptr<ClockWatch>(new ClockWatch(std::move(timer), std::move(end)));
}

// What wake_timers() touches lives as long as gRPC is in use.
ClockWatch::ClockWatch(UniqueFd timer, UniqueFd end)
    : timer_(std::move(timer)), end_(std::move(end)) {
  grpc_init();
  thread_ = std::thread([this] {
    block_signals();
    run();
  });
}

ClockWatch::~ClockWatch() {
  const std::uint64_t one = 1;
  while (write(end_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
  grpc_shutdown();
}

// One setting ends one read with ECANCELED, and the timer goes on to watch.
void ClockWatch::run() {
  std::array<pollfd, 2> waiting{pollfd{timer_.get(), POLLIN, 0}, pollfd{end_.get(), POLLIN, 0}};
  while (true) {
    if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
    if (waiting[1].revents != 0) return;
    std::uint64_t times = 0;
    if (read(timer_.get(), &times, sizeof times) < 0 && errno == ECANCELED) wake_timers();
  }
}

}  // namespace kernmesh::rpc
