// SPDX-License-Identifier: Apache-2.0
#include "controller/server/signin/start_queue.h"

#include <algorithm>
#include <utility>

#include "controller/core/signin/fetch_pace.h"

namespace kernmesh::server {
namespace {

void tell_all(const std::deque<StartQueue::Start>& starts, const Error& error) {
  for (const auto& start : starts) start.visitor.answer(error);
}

}  // namespace

StartQueue::StartQueue(std::function<MonoTime()> clock, Begin begin)
    : clock_(std::move(clock)), begin_(std::move(begin)) {
  thread_ = std::thread([this] { run(); });
}

StartQueue::~StartQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
  tell_all(line_, Error(ErrorCode::kUnavailable, "the server is stopping"));
}

Status StartQueue::check_provider(MonoTime now) const {
  if (!failure_ || now - failure_->at >= signin::kAskInterval) return {};
  return failure_->error;
}

StartQueue::Line StartQueue::take_out(const MachinePublicKey& machine) {
  const auto is_its = [&](const Start& start) { return start.newcomer.machine_key == machine; };
  Line taken;
  std::copy_if(line_.begin(), line_.end(), std::back_inserter(taken), is_its);
  std::erase_if(line_, is_its);
  return taken;
}

Status StartQueue::add(Start start) {
  Line replaced;
  {
    const std::lock_guard lock(mutex_);
    const MonoTime now = clock_();
    MESH_TRY(check_provider(now));
    std::erase_if(line_, [](const Start& other) { return !other.visitor.is_there(); });
    const auto others = std::count_if(line_.begin(), line_.end(), [&](const Start& other) {
      return other.newcomer.machine_key != start.newcomer.machine_key;
    });
    if (static_cast<std::size_t>(others) >= kMostStarts) {
      return Error(ErrorCode::kExhausted,
                   "too many sign-ins wait for the provider: try again in a minute");
    }
    MESH_TRY(pace_.take(start.newcomer.source, now));
    replaced = take_out(start.newcomer.machine_key);
    line_.push_back(std::move(start));
    changed_.notify_all();
  }
  tell_all(replaced, Error(ErrorCode::kConflict,
                           "this machine has asked for another sign-in, which takes the place of "
                           "this one"));
  return {};
}

void StartQueue::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !line_.empty(); });
    if (stopping_) return;
    const Start start = std::move(line_.front());
    line_.pop_front();
    lock.unlock();
    const Status told = start.visitor.is_there() ? begin_(start) : Status();
    lock.lock();
    if (told || told.error().code() != ErrorCode::kUnavailable) continue;
    // Each of them would wait as long to be told the same.
    failure_ = Failure{told.error(), clock_()};
    const Line waiting = std::exchange(line_, {});
    lock.unlock();
    tell_all(waiting, told.error());
    lock.lock();
  }
}

}  // namespace kernmesh::server
