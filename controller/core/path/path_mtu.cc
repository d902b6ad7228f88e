// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/path_mtu.h"

#include <algorithm>

namespace kernmesh::path {
namespace {

std::uint32_t halfway(std::uint32_t low, std::uint32_t high) {
  return low + (high - low) / (2 * kMessageStep) * kMessageStep;
}

}  // namespace

void PathMtu::set_largest(MonoTime now, std::uint32_t bytes) {
  if (bytes == largest_) return;
  *this = PathMtu();
  largest_ = bytes;
  next_at_ = now;
}

std::uint32_t PathMtu::bytes() const { return works_ == 0 ? largest_ : works_; }

std::optional<std::uint32_t> PathMtu::next_size() const {
  if (largest_ <= kBaseMessage) return std::nullopt;
  if (works_ == 0 || (fails_ == 0 && !is_settled_)) return largest_;
  if (is_settled_) return works_ > kBaseMessage ? std::optional(works_) : std::nullopt;
  if (works_ < kEthernetMessage && fails_ > kEthernetMessage) return kEthernetMessage;
  return halfway(works_, fails_);
}

std::optional<MonoTime> PathMtu::next_at() const {
  if (next_size()) return next_at_;
  return bytes() < largest_ ? raise_at_ : std::nullopt;
}

void PathMtu::on_sent(MonoTime now, Duration patience) {
  ++sent_;
  sent_at_ = now;
  next_at_ = now + patience;
}

void PathMtu::on_answer(MonoTime now, std::uint32_t bytes, MonoTime sent_at) {
  if (bytes > largest_ || bytes < this->bytes()) return;
  if (gave_up_at_ && sent_at < *gave_up_at_) return;
  works_ = bytes == largest_ ? 0 : bytes;
  if (fails_ != 0 && fails_ <= bytes) fails_ = 0;
  proven_ = true;
  sent_ = tries_ = 0;
  sent_at_.reset();
  next_at_ = now;
  if (bytes == largest_ || (fails_ != 0 && fails_ - bytes <= kMessageStep)) settle(now);
}

void PathMtu::settle(MonoTime now) {
  if (!is_settled_) raise_at_ = now + raise_after_;
  is_settled_ = true;
  next_at_ = now + kMtuConfirm;
}

void PathMtu::on_silence(MonoTime now, std::optional<MonoTime> last_pong) {
  const auto tested = next_size();
  if (sent_at_ && tested) {
    const bool answered = last_pong && *last_pong >= *sent_at_;
    sent_at_.reset();
    if (answered && ++tries_ >= kMtuProbes) give_up(now, *tested);
  }
  if (is_settled_ && bytes() < largest_ && raise_at_ && now >= *raise_at_) {
    is_settled_ = false;
    raise_after_ = std::min(2 * raise_after_, kMtuRaise);
    fails_ = 0;
    sent_ = tries_ = 0;
    next_at_ = now;
  }
}

void PathMtu::give_up(MonoTime now, std::uint32_t bytes) {
  sent_ = tries_ = 0;
  gave_up_at_ = now;
  const bool was_counted_on = bytes <= this->bytes();
  fails_ = bytes;
  is_settled_ = false;
  if (was_counted_on) {
    works_ = kBaseMessage;
    raise_after_ = kMtuRaiseFirst;
    proven_ = false;
  }
  next_at_ = now;
  if (fails_ - works_ <= kMessageStep) settle(now);
}

}  // namespace kernmesh::path
