// SPDX-License-Identifier: Apache-2.0
// Waits for a person to sign this machine in (L3, thread-safe, one at a time).
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "controller/agent/identity.h"
#include "controller/rpc/sign_in_client.h"

namespace kernmesh::agent {

class PersonWait {
 public:
  // At which server, as whom.
  struct Place {
    std::string server;
    std::string ca_pem;
    topology::CaFingerprint ca{};
    std::string hostname;
    Identity identity;
  };
  // Who asked: `is_open` says whether he still does.
  struct Asker {
    std::function<void(const rpc::SignInInvitation&)> on_invitation;
    std::function<bool()> is_open;
  };

  // Blocks until somebody has signed in, or there is no hope of it: as SignInClient::sign_in().
  // kConflict when another waits, and when abandon() or the asker has ended it.
  Status wait(const Place& place, const Asker& asker);
  // Ends the wait under way, if there is one: `by` is what came in between, "`meshadm down`".
  void abandon(std::string_view by);

 private:
  std::optional<std::string> abandoned_by();

  std::mutex mutex_;
  rpc::SignInClient* client_ = nullptr;      // of the wait under way, borrowed; guarded by mutex_
  std::optional<std::string> abandoned_by_;  // guarded by mutex_
};

}  // namespace kernmesh::agent
