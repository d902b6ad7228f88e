// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/person_wait.h"

#include <thread>

namespace kernmesh::agent {
namespace {

// gRPC's synchronous API has no event for an asker that hangs up; a tenth of a second is soon
// enough.
constexpr auto kLookInterval = std::chrono::milliseconds(100);

}  // namespace

std::optional<std::string> PersonWait::abandoned_by() {
  const std::lock_guard lock(mutex_);
  return abandoned_by_;
}

Status PersonWait::wait(const Place& place, const Asker& asker) {
  rpc::SignInClient client(place.server, place.ca_pem, place.ca);
  {
    const std::lock_guard lock(mutex_);
    if (client_ != nullptr) {
      return Error(ErrorCode::kConflict, "another `meshadm up` waits for somebody to sign in");
    }
    client_ = &client;
    abandoned_by_.reset();
  }
  const auto goes_on = [&] { return asker.is_open() && !abandoned_by(); };
  const auto pause = [&](std::chrono::seconds interval) {
    const auto end = std::chrono::steady_clock::now() + interval;
    while (goes_on() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(kLookInterval);
    }
    return goes_on();
  };
  const rpc::Registration registration{place.identity.machine, node_public_key(place.identity.node),
                                       disco_public_key(place.identity.disco), "", place.hostname};
  const Status signed_in = client.sign_in(registration, {asker.on_invitation, pause});
  const std::lock_guard lock(mutex_);
  client_ = nullptr;
  if (abandoned_by_) {
    return Error(ErrorCode::kConflict, *abandoned_by_ + " came in between");
  }
  if (!asker.is_open()) return Error(ErrorCode::kConflict, "it was given up");
  return signed_in;
}

void PersonWait::abandon(std::string_view by) {
  const std::lock_guard lock(mutex_);
  if (client_ == nullptr) return;
  abandoned_by_ = by;
  client_->cancel();
}

}  // namespace kernmesh::agent
