// SPDX-License-Identifier: Apache-2.0
// Who signs in, as a user of the network (L3, thread-safe). An account of the identity provider,
// which is issuer and subject, is one user for ever; name, address and groups are what the provider
// said last.
#pragma once

#include "controller/core/signin/ledger.h"
#include "controller/server/directory.h"
#include "controller/server/wall_clock.h"

namespace kernmesh::server {

// What to write when somebody has signed in for a machine (pure): a new user, what the provider
// says of him now, or nothing. kPermissionDenied in words for him when the machine is another
// user's, or when a policy would take him for a user who is there already: an account is never made
// one with a user of before because their names are alike, that is for an administrator to say
// (LinkUser).
Result<store::Commit> plan_sign_in(const View& view, const signin::Newcomer& newcomer,
                                   const signin::Identity& identity, WallTime now);

class SignInUsers {
 public:
  // Both outlive it.
  SignInUsers(const Directory& directory, store::Store& store, WallClock clock)
      : directory_(directory), store_(store), clock_(std::move(clock)) {}

  // As plan_sign_in(), written.
  Status take(const signin::Newcomer& newcomer, const signin::Identity& identity);

 private:
  const Directory& directory_;
  store::Store& store_;
  WallClock clock_;
};

}  // namespace kernmesh::server
