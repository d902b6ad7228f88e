// SPDX-License-Identifier: Apache-2.0
// Waits for a person to sign this machine in (L3, thread-safe, one at a time).
#pragma once

#include <condition_variable>
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
  // One that is under way is given up for it: who asks last has the link before him.
  // kConflict when abandon(), a later wait() or the asker has ended it.
  Status wait(const Place& place, const Asker& asker);
  // Ends the wait under way, if there is one: `by` is what came in between, "`meshadm down`".
  void abandon(std::string_view by);

 private:
  struct Running {
    rpc::SignInClient& client;
    std::optional<std::string> abandoned_by;  // guarded by mutex_
  };
  static void give_up(Running& running, std::string_view by);
  // Waits, and says whether `mine` goes on.
  bool pause(const Running& mine, const Asker& asker, std::chrono::seconds interval);

  std::mutex mutex_;
  std::condition_variable changed_;  // running_, or what is in it
  Running* running_ = nullptr;       // lives in wait(); guarded by mutex_
};

}  // namespace kernmesh::agent
