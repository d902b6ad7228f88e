// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/key_rotation.h"

#include <spdlog/spdlog.h>

namespace kernmesh::agent {

bool KeyRotation::may_begin(MonoTime now, Reason reason) const {
  if (turn_) return false;
  const Duration pause = reason == Reason::kClock ? Duration(kClockPause) : Duration(kServerPause);
  return !last_begun_ || now - *last_begun_ >= pause;
}

void KeyRotation::begin(MonoTime now, const X25519SecretKey& current, const X25519SecretKey& next) {
  if (turn_) return;
  last_begun_ = now;
  turn_ = Turn{current, next, now + kRotationPatience, false};
  if (const Status used = events_.use(next); !used) {
    spdlog::error("cannot use a new node key: {}", used.error().message());
    abandon();
    return;
  }
  events_.tell(next);
}

void KeyRotation::on_told(const NodePublicKey& key) {
  if (!turn_) return;
  if (key == node_public_key(turn_->next)) {
    // Also when the old one was to be told again, and this answer came first.
    if (turn_->goes_back) return;
    const X25519SecretKey next = turn_->next;
    turn_.reset();
    events_.keep(next);
    spdlog::info("this node has a new node key");
  } else if (turn_->goes_back && key == node_public_key(turn_->current)) {
    turn_.reset();
  }
}

void KeyRotation::on_refused(const Error& error) {
  if (!turn_) return;
  spdlog::warn("the server did not take the new node key: {}", error.message());
  abandon();
}

std::optional<MonoTime> KeyRotation::settle(MonoTime now) {
  if (!turn_ || turn_->goes_back) return std::nullopt;
  if (now < turn_->give_up_at) return turn_->give_up_at;
  spdlog::warn("the server did not answer to the new node key in time; the old one stays");
  go_back();
  events_.tell(turn_->current);
  return std::nullopt;
}

void KeyRotation::abandon() {
  if (!turn_) return;
  if (!turn_->goes_back) go_back();
  turn_.reset();
}

std::optional<X25519SecretKey> KeyRotation::key_in_use() const {
  if (!turn_) return std::nullopt;
  return turn_->goes_back ? turn_->current : turn_->next;
}

void KeyRotation::go_back() {
  turn_->goes_back = true;
  if (const Status used = events_.use(turn_->current); !used) {
    spdlog::error("cannot use the node key of before: {}", used.error().message());
  }
}

}  // namespace kernmesh::agent
