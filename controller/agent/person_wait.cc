// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/person_wait.h"

namespace kernmesh::agent {
namespace {

// gRPC's synchronous API has no event for an asker that hangs up; a tenth of a second is soon
// enough.
constexpr auto kLookInterval = std::chrono::milliseconds(100);

}  // namespace

void PersonWait::give_up(Running& running, std::string_view by) {
  running.abandoned_by = by;
  running.client.cancel();
}

bool PersonWait::pause(const Running& mine, const Asker& asker, std::chrono::seconds interval) {
  const auto end = std::chrono::steady_clock::now() + interval;
  std::unique_lock lock(mutex_);
  while (!mine.abandoned_by && asker.is_open() && std::chrono::steady_clock::now() < end) {
    changed_.wait_for(lock, kLookInterval);
  }
  return !mine.abandoned_by && asker.is_open();
}

Status PersonWait::wait(const Place& place, const Asker& asker) {
  rpc::SignInClient client(place.server, place.ca_pem, place.ca);
  Running mine{client, std::nullopt};
  {
    std::unique_lock lock(mutex_);
    while (running_ != nullptr) {
      give_up(*running_, "another `meshadm up`");
      changed_.notify_all();
      changed_.wait(lock);
    }
    running_ = &mine;
  }
  const rpc::Registration registration{place.identity.machine, node_public_key(place.identity.node),
                                       disco_public_key(place.identity.disco), "", place.hostname};
  const Status signed_in = client.sign_in(
      registration, {asker.on_invitation,
                     [&](std::chrono::seconds interval) { return pause(mine, asker, interval); }});
  const std::lock_guard lock(mutex_);
  running_ = nullptr;
  changed_.notify_all();
  if (mine.abandoned_by)
    return Error(ErrorCode::kConflict, *mine.abandoned_by + " came in between");
  if (!asker.is_open()) return Error(ErrorCode::kConflict, "it was given up");
  return signed_in;
}

void PersonWait::abandon(std::string_view by) {
  const std::lock_guard lock(mutex_);
  if (running_ == nullptr) return;
  give_up(*running_, by);
  changed_.notify_all();
}

}  // namespace kernmesh::agent
