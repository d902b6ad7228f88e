// SPDX-License-Identifier: Apache-2.0
#include "controller/server/signin/device_queue.h"

#include <algorithm>

namespace kernmesh::server {
namespace {

Error not_signed_in(const signin::NoToken& answer) {
  if (answer.refusal == signin::Refusal::kDenied) {
    return {ErrorCode::kPermissionDenied, "the sign-in was refused at the provider's page"};
  }
  if (answer.refusal == signin::Refusal::kExpired) {
    return {ErrorCode::kExpired, "nobody signed in in time"};
  }
  return {ErrorCode::kUnauthenticated, "the provider gives no token: " + answer.code};
}

}  // namespace

DeviceQueue::DeviceQueue(oidc::Provider& provider, std::function<MonoTime()> clock, OnEnd on_end)
    : provider_(provider), clock_(std::move(clock)), on_end_(std::move(on_end)) {
  thread_ = std::thread([this] { run(); });
}

DeviceQueue::~DeviceQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

Status DeviceQueue::check_room() {
  const std::lock_guard lock(mutex_);
  if (devices_.size() < kMostDevices) return {};
  return Error(ErrorCode::kExhausted, "too many sign-ins wait: try again in some minutes");
}

void DeviceQueue::add(signin::SignInId id, signin::Newcomer newcomer,
                      const signin::DeviceGrant& grant) {
  const MonoTime now = clock_();
  const std::lock_guard lock(mutex_);
  // A machine's new sign-in takes the place of its old one here too.
  std::erase_if(devices_, [&](const auto& entry) {
    return entry.second.newcomer.machine_key == newcomer.machine_key;
  });
  const auto lifetime = std::min<Duration>(grant.lifetime, signin::kSignInLifetime);
  devices_.insert_or_assign(id, Device{std::move(newcomer), grant.device_code, grant.interval,
                                       now + grant.interval, now + lifetime});
  changed_.notify_all();
}

void DeviceQueue::remove(signin::SignInId id) {
  const std::lock_guard lock(mutex_);
  devices_.erase(id);
}

void DeviceQueue::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto next =
        std::min_element(devices_.begin(), devices_.end(),
                         [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
    if (next == devices_.end()) {
      changed_.wait(lock);
      continue;
    }
    const Duration wait = next->second.due - clock_();
    if (wait > Duration{}) {
      changed_.wait_for(lock, wait);
      continue;
    }
    const signin::SignInId id = next->first;
    Device device = next->second;
    lock.unlock();
    const bool is_done = ask(id, device);
    lock.lock();
    const auto again = devices_.find(id);
    if (again == devices_.end()) continue;
    if (is_done) {
      devices_.erase(again);
    } else {
      again->second = std::move(device);
    }
  }
}

bool DeviceQueue::ask(signin::SignInId id, Device& device) {
  const auto answer = provider_.poll_device(device.device_code);
  const auto* const none = answer ? std::get_if<signin::NoToken>(&*answer)
                                  : static_cast<const signin::NoToken*>(nullptr);
  const MonoTime now = clock_();
  const bool is_open = now < device.until;
  const bool is_waiting = none != nullptr && (none->refusal == signin::Refusal::kPending ||
                                              none->refusal == signin::Refusal::kSlowDown);
  const bool is_silent = !answer && answer.error().code() == ErrorCode::kUnavailable;
  if (is_open && (is_waiting || is_silent)) {
    // Who does not answer is asked more slowly too.
    device.interval = signin::next_interval(device.interval,
                                            is_silent ? signin::Refusal::kSlowDown : none->refusal);
    device.due = now + device.interval;
    return false;
  }
  if (!answer) {
    on_end_(id, device.newcomer, answer.error());
  } else if (none != nullptr) {
    on_end_(id, device.newcomer, not_signed_in(*none));
  } else {
    on_end_(id, device.newcomer, std::get<signin::Identity>(*answer));
  }
  return true;
}

}  // namespace kernmesh::server
