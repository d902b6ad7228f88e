// SPDX-License-Identifier: Apache-2.0
#include "controller/portmap/worker.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "controller/base/latest_slot.h"

namespace kernmesh::portmap {
namespace {

bool takes_away(const Attempt& attempt) { return attempt.lifetime.count() == 0; }

}  // namespace

struct Worker::Shared {
  explicit Shared(Done d) : done(std::move(d)) {}

  const Done done;
  std::mutex mutex;
  std::condition_variable changed;
  // The rest is guarded by mutex.
  bool is_closed = false;
  bool is_to_be_waited_for = false;  // one that takes away waits or is under way
  LatestSlot<Attempt> next;
};

Worker::Worker(Done done) : shared_(std::make_shared<Shared>(std::move(done))) {
  std::thread([shared = shared_] { run(shared); }).detach();
}

Worker::~Worker() {
  std::unique_lock lock(shared_->mutex);
  shared_->is_closed = true;
  shared_->changed.notify_all();
  shared_->changed.wait_for(lock, kLastWait, [this] { return !shared_->is_to_be_waited_for; });
}

void Worker::start(const Attempt& attempt) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->next.put(attempt);
    shared_->is_to_be_waited_for = takes_away(attempt);
  }
  shared_->changed.notify_all();
}

void Worker::run(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  for (;;) {
    shared->changed.wait(lock, [&] { return shared->is_closed || !shared->next.empty(); });
    const auto attempt = shared->next.take();
    if (!attempt || (shared->is_closed && !takes_away(*attempt))) return;
    lock.unlock();
    auto outcome = carry_out(*attempt);
    lock.lock();
    if (takes_away(*attempt)) {
      shared->is_to_be_waited_for = !shared->next.empty() && shared->is_to_be_waited_for;
      shared->changed.notify_all();
    } else if (!shared->is_closed) {
      shared->done(attempt->number, std::move(outcome));
    }
  }
}

}  // namespace kernmesh::portmap
