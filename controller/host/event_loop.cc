// SPDX-License-Identifier: Apache-2.0
#include "controller/host/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <vector>

namespace kernmesh::host {

MonoTime mono_now() {
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return MonoTime(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

WallTime wall_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

struct EventLoop::Shared {
  UniqueFd epoll;
  UniqueFd wake;  // eventfd
  UniqueFd
      timer;  // timerfd on CLOCK_BOOTTIME: epoll_wait's own timeout stands still during suspend
  std::map<int, std::function<void()>> ready;
  std::mutex mutex;
  std::vector<std::function<void()>> posted;  // guarded by mutex
  std::atomic<bool> stopping{false};
};

EventLoop::EventLoop(std::unique_ptr<Shared> shared) : shared_(std::move(shared)) {}
EventLoop::EventLoop(EventLoop&&) noexcept = default;
EventLoop::~EventLoop() = default;

Result<EventLoop> EventLoop::open() {
  auto shared = std::make_unique<Shared>();
  shared->epoll.reset(epoll_create1(EPOLL_CLOEXEC));
  shared->wake.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  shared->timer.reset(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!shared->epoll || !shared->wake || !shared->timer)
    return Error::from_errno("cannot make an event loop", errno);
  Shared* s = shared.get();
  EventLoop loop(std::move(shared));
  const auto drain = [](int fd) {
    std::uint64_t count = 0;
    while (::read(fd, &count, sizeof count) > 0) {
    }
  };
  MESH_TRY(loop.watch(s->wake.get(), [s, drain] { drain(s->wake.get()); }));
  MESH_TRY(loop.watch(s->timer.get(), [s, drain] { drain(s->timer.get()); }));
  return loop;
}

Status EventLoop::watch(int fd, std::function<void()> ready) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(shared_->epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return Error::from_errno("cannot watch descriptor " + std::to_string(fd), errno);
  }
  shared_->ready[fd] = std::move(ready);
  return {};
}

void EventLoop::unwatch(int fd) {
  epoll_ctl(shared_->epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
  shared_->ready.erase(fd);
}

void EventLoop::set_interest(int fd, Interest interest) {
  epoll_event event{};
  event.events = EPOLLIN;
  if (interest == Interest::kReadAndWrite) event.events |= EPOLLOUT;
  event.data.fd = fd;
  epoll_ctl(shared_->epoll.get(), EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::post(std::function<void()> work) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->posted.push_back(std::move(work));
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written =
      ::write(shared_->wake.get(), &one, sizeof one);  // full: awake already
}

void EventLoop::stop() {
  shared_->stopping = true;
  post([] {});
}

Status EventLoop::run(const std::function<std::optional<MonoTime>()>& settle) {
  std::array<epoll_event, 32> events;
  while (!shared_->stopping) {
    const auto deadline = settle();
    itimerspec when{};
    if (deadline) {
      // Zero would disarm; a deadline that has passed fires at once.
      const auto since_boot = std::max<std::int64_t>(deadline->time_since_epoch().count(), 1);
      when.it_value = {since_boot / 1'000'000'000, since_boot % 1'000'000'000};
    }
    timerfd_settime(shared_->timer.get(), TFD_TIMER_ABSTIME, &when, nullptr);
    const int count = epoll_wait(shared_->epoll.get(), events.data(), events.size(), -1);
    if (count < 0 && errno != EINTR) return Error::from_errno("cannot wait for events", errno);
    for (int i = 0; i < count; ++i) {
      const auto found =
          shared_->ready.find(events[i].data.fd);  // may have gone by an earlier one's work
      if (found == shared_->ready.end()) continue;
      const auto call = found->second;  // a copy: the call may unwatch itself
      call();
    }
    std::vector<std::function<void()>> work;
    {
      const std::lock_guard lock(shared_->mutex);
      work.swap(shared_->posted);
    }
    for (auto& piece : work) piece();
  }
  return {};
}

}  // namespace kernmesh::host
