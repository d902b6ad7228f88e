// SPDX-License-Identifier: Apache-2.0
// Who asks a desk for a sign-in and waits for the answer, or hangs up before it comes.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "controller/server/signin/desk.h"

namespace kernmesh::server {

class WaitingVisitor {
 public:
  // Shares what the desk calls with it: the desk may answer when this object is gone.
  Visitor visitor() const {
    return {[state = state_](const Result<Invitation>& invitation) {
              const std::lock_guard lock(state->mutex);
              ++state->answers;
              state->answer = invitation;
              state->condition.notify_all();
              return !state->is_gone;
            },
            [state = state_] {
              const std::lock_guard lock(state->mutex);
              return !state->is_gone;
            }};
  }
  void hang_up() {
    const std::lock_guard lock(state_->mutex);
    state_->is_gone = true;
  }
  // None when none has come in time.
  std::optional<Result<Invitation>> wait(std::chrono::seconds most = std::chrono::seconds(20)) {
    std::unique_lock lock(state_->mutex);
    state_->condition.wait_for(lock, most, [this] { return state_->answers > 0; });
    return state_->answer;
  }
  int answers() const {
    const std::lock_guard lock(state_->mutex);
    return state_->answers;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable condition;
    std::optional<Result<Invitation>> answer;  // guarded by mutex, as the next
    int answers = 0;
    bool is_gone = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// The desk's answer, waited for.
inline Result<Invitation> open_at(SignInDesk& desk, const signin::Newcomer& newcomer) {
  WaitingVisitor waiting;
  desk.open(newcomer, waiting.visitor());
  const auto answer = waiting.wait();
  return answer ? *answer : Error(ErrorCode::kSystem, "the desk has not answered");
}

}  // namespace kernmesh::server
