// SPDX-License-Identifier: Apache-2.0
// The agent's side of a sign-in (L2). Calls block with a deadline; thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "controller/core/signin/ledger.h"
#include "controller/core/topology/registration.h"
#include "controller/rpc/coordination_client.h"
#include "controller/rpc/session_channel.h"

namespace kernmesh::rpc {

// Where a person is to go. `handle` is secret.
struct SignInInvitation {
  std::string handle;
  std::string url;
  std::string user_code;
  std::chrono::seconds lifetime{};
  std::chrono::seconds interval{};  // between two questions, 1 s to 1 minute
};

class SignInClient {
 public:
  // `ca_pem` is the pinned authority, `ca` its fingerprint. Connects lazily.
  SignInClient(const std::string& host_port, const std::string& ca_pem, topology::CaFingerprint ca);
  ~SignInClient();

  // `registration` has no join key. kUnsupported from a server that signs nobody in. kCorrupt when
  // the answer is nothing to show to a person: the URL is checked, and its texts are plain.
  Result<SignInInvitation> start(const Registration& registration);
  // kNotFound when the server knows nothing of it any more: start again.
  Result<signin::Outcome> outcome(const std::string& handle);
  // Both of these until it is over. `on_invitation` is called for each invitation: a server that
  // has started again knows nothing of the one before. `pause` waits and says whether to go on.
  // Success: register now. kPermissionDenied with the server's reason, kExpired when nobody came,
  // kUnavailable when the server stayed away for as long as an invitation lives, or `pause` said
  // no.
  struct Waiting {
    std::function<void(const SignInInvitation&)> on_invitation;
    std::function<bool(std::chrono::seconds)> pause;
  };
  Status sign_in(const Registration& registration, const Waiting& waiting);
  // Ends every running call, from any thread; later ones fail at once.
  void cancel() { running_.cancel_all(); }

 private:
  SessionChannel channel_;
  topology::CaFingerprint ca_;
  RunningCalls running_;
};

}  // namespace kernmesh::rpc
