// SPDX-License-Identifier: Apache-2.0
// Who waits for the provider to begin a device authorization (L3, thread-safe; one thread of its
// own; RFC 8628 section 3.1). The provider is asked for one after the other and at a bounded pace,
// and nobody but those in this line waits for it: whoever calls the server does so on one of the
// few threads that serve everybody.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "controller/base/clock.h"
#include "controller/core/signin/ledger.h"
#include "controller/core/signin/start_pace.h"
#include "controller/server/signin/device_queue.h"
#include "controller/server/signin/invitation.h"

namespace kernmesh::server {

// As many as may be on their way at the provider's page afterwards. One takes the thread some
// 200 ms, and agents wait for 15 s.
inline constexpr std::size_t kMostStarts = kMostDevices;

class StartQueue {
 public:
  struct Start {
    signin::Newcomer newcomer;
    Visitor visitor;
  };
  // Called on the queue's thread for one after the other. Answers the visitor, and returns what he
  // was told.
  using Begin = std::function<Status(const Start&)>;
  StartQueue(std::function<MonoTime()> clock, Begin begin);
  // Whoever still waits is told that the server stops.
  ~StartQueue();
  StartQueue(const StartQueue&) = delete;
  StartQueue& operator=(const StartQueue&) = delete;

  // A machine has one place: its new start takes that of its old one, whose visitor is told so.
  // kExhausted when too many wait or begin, kUnavailable while the provider is known not to answer
  // (kAskInterval); the visitor is then the caller's to answer.
  Status add(Start start);

 private:
  using Line = std::deque<Start>;
  void run();
  Status check_provider(MonoTime now) const;
  // What another start of this machine leaves behind.
  Line take_out(const MachinePublicKey& machine);

  const std::function<MonoTime()> clock_;
  const Begin begin_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_, as the next
  Line line_;
  signin::StartPace pace_;
  struct Failure {
    Error error;
    MonoTime at;
  };
  std::optional<Failure> failure_;  // the last time that the provider did not answer
  std::thread thread_;
};

}  // namespace kernmesh::server
