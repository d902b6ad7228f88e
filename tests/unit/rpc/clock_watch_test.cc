// SPDX-License-Identifier: Apache-2.0
// gRPC's timers under a wall clock that goes back. The clock is this program's alone: it stands
// between the libraries and the kernel, where a wait for a time of the wall clock is a futex with
// FUTEX_CLOCK_REALTIME. What the kernel says when the real clock is set is for
// tests/vm/mesh/clock.sh.
#include "controller/rpc/clock_watch.h"

#include <dlfcn.h>
#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <ctime>
#include <mutex>
#include <set>
#include <thread>

namespace kernmesh::rpc {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

using SystemCall = long (*)(long, ...);
using GetTime = int (*)(clockid_t, timespec*);

std::atomic<std::int64_t> ahead_ns{0};  // of this program's clock, of the kernel's
// Until which times of this clock. Never destroyed: gRPC's threads sleep on when the program ends.
struct Sleepers {
  std::mutex mutex;
  std::multiset<nanoseconds> ends;  // guarded by it
};
Sleepers& sleepers() {
  static auto& all = *new Sleepers;
  return all;
}

template <typename Function>
Function next_in_line(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

nanoseconds to_ns(const timespec& time) { return seconds(time.tv_sec) + nanoseconds(time.tv_nsec); }
timespec to_timespec(nanoseconds time) {
  const auto whole = std::chrono::duration_cast<seconds>(time);
  return {whole.count(), (time - whole).count()};
}
nanoseconds kernel_now() {
  static const auto real = next_in_line<GetTime>("clock_gettime");
  timespec now{};
  real(CLOCK_REALTIME, &now);
  return to_ns(now);
}

struct FutexCall {
  long address, operation, value, other, bits;
};

// As the kernel would: it ends when the clock has that time, whatever becomes of the clock
// meanwhile.
long wait_until(const FutexCall& call, nanoseconds end) {
  static const auto real = next_in_line<SystemCall>("syscall");
  constexpr auto kLook = milliseconds(5);  // at the clock
  {
    const std::lock_guard lock(sleepers().mutex);
    sleepers().ends.insert(end);
  }
  long result = -1;
  do {
    const nanoseconds left = end - nanoseconds(ahead_ns) - kernel_now();
    const timespec slice = to_timespec(kernel_now() + std::clamp<nanoseconds>(left, {}, kLook));
    result =
        real(SYS_futex, call.address, call.operation, call.value, &slice, call.other, call.bits);
  } while (result < 0 && errno == ETIMEDOUT && kernel_now() + nanoseconds(ahead_ns) < end);
  const int error = errno;
  {
    const std::lock_guard lock(sleepers().mutex);
    sleepers().ends.erase(sleepers().ends.find(end));
  }
  errno = error;
  return result;
}

}  // namespace
}  // namespace kernmesh::rpc

// In the place of libc's, for every library of this program.
extern "C" long syscall(long number, ...) noexcept {
  using namespace kernmesh::rpc;
  static const auto real = next_in_line<SystemCall>("syscall");
  long arguments[6];
  va_list list;
  va_start(list, number);
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  const auto [a, b, c, d, e, f] = arguments;
  if (number == SYS_futex && (b & FUTEX_CLOCK_REALTIME) != 0 && d != 0) {
    return wait_until({a, b, c, e, f}, to_ns(*reinterpret_cast<const timespec*>(d)));
  }
  return real(number, a, b, c, d, e, f);
}

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  using namespace kernmesh::rpc;
  static const auto real = next_in_line<GetTime>("clock_gettime");
  const int result = real(clock, time);
  if (result == 0 && clock == CLOCK_REALTIME) {
    *time = to_timespec(to_ns(*time) + std::chrono::nanoseconds(ahead_ns));
  }
  return result;
}

namespace kernmesh::rpc {
namespace {

gpr_timespec in(milliseconds time) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_millis(time.count(), GPR_TIMESPAN));
}

class GrpcTimers : public testing::Test {
 protected:
  ~GrpcTimers() override {
    step_to(nanoseconds{});
    alarm_.Cancel();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }
  static void step_to(nanoseconds ahead) {
    ahead_ns = ahead.count();
    wake_timers();
  }
  // Begins to wait for an alarm; returns when a thread of gRPC's sleeps until then. Others sleep
  // for seconds.
  void set_alarm(milliseconds time) {
    alarm_.Set(&queue_, in(time), nullptr);
    const nanoseconds latest = kernel_now() + nanoseconds(ahead_ns) + time + milliseconds(5);
    const auto deadline = std::chrono::steady_clock::now() + time;
    while (!is_slept_until(latest) && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    ASSERT_TRUE(is_slept_until(latest));
  }
  static bool is_slept_until(nanoseconds latest) {
    const std::lock_guard lock(sleepers().mutex);
    const auto next = sleepers().ends.lower_bound(kernel_now() + nanoseconds(ahead_ns));
    return next != sleepers().ends.end() && *next <= latest;
  }
  // The queue waits by the monotonic clock.
  bool rings_within(milliseconds time) {
    void* tag = nullptr;
    bool ok = false;
    return queue_.AsyncNext(&tag, &ok, in(time)) == grpc::CompletionQueue::GOT_EVENT;
  }

  grpc::CompletionQueue queue_;
  grpc::Alarm alarm_;
};

// Why there is a ClockWatch. When this fails gRPC has mended it.
TEST_F(GrpcTimers, c13_sleep_on_when_the_clock_went_back_and_nobody_wakes_them) {
  set_alarm(seconds(2));
  ahead_ns = -nanoseconds(hours(24)).count();
  EXPECT_FALSE(rings_within(seconds(4)));
}

TEST_F(GrpcTimers, c13_go_on_after_a_step_of_any_size) {
  for (const auto step : {hours(-24), hours(24), hours(-10 * 8766), hours(10 * 8766), hours(0)}) {
    set_alarm(seconds(2));
    step_to(step);
    EXPECT_TRUE(rings_within(seconds(5))) << step.count() << " h";
  }
}

// The step comes, and is told, when the time of a timer is over by either clock.
TEST_F(GrpcTimers, c13_that_are_overdue_are_not_lost) {
  set_alarm(seconds(2));
  ahead_ns = -nanoseconds(hours(24)).count();
  EXPECT_FALSE(rings_within(seconds(3)));
  wake_timers();
  EXPECT_TRUE(rings_within(seconds(5)));
}

// Somebody sets it back all the time.
TEST_F(GrpcTimers, c13_frozen_clock_holds_nothing_up) {
  set_alarm(milliseconds(500));
  const nanoseconds stopped = kernel_now();
  bool rang = false;
  for (int i = 0; i < 1'000 && !rang; ++i) {
    step_to(stopped - kernel_now());
    rang = rings_within(milliseconds(5));
  }
  EXPECT_TRUE(rang);
}

TEST(ClockWatch, begins_and_ends) {
  const auto watch = ClockWatch::start();
  ASSERT_TRUE(watch) << watch.error().message();
}

}  // namespace
}  // namespace kernmesh::rpc
