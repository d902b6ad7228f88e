// SPDX-License-Identifier: Apache-2.0
// Lets callers in (L3, thread-safe): nodes and relays by session token, people by administrator or
// API token.
#pragma once

#include "controller/rpc/gate.h"
#include "controller/server/denial_log.h"
#include "controller/server/directory.h"
#include "controller/server/wall_clock.h"

namespace kernmesh::server {

// A token's last use is written when the one before is so long ago: a program that calls all day
// costs 24 commits.
inline constexpr auto kTokenUseInterval = std::chrono::hours(1);

class Gatekeeper : public rpc::Gate {
 public:
  // All outlive it.
  Gatekeeper(const Directory& directory, store::Store& store, DenialLog& denials, WallClock clock)
      : directory_(directory), store_(store), denials_(denials), clock_(std::move(clock)) {}

  // For nodes: kUnauthenticated without a valid token, kNotFound when the node was removed,
  // kExpired when its key has expired. For relays the first two. For people kUnauthenticated, and
  // kPermissionDenied for somebody who is known but may not; the latter is audited.
  Result<rpc::Caller> admit(const rpc::MethodAccess& method,
                            const rpc::Credentials& credentials) override;
  // Tokens that look like a person's and are nobody's are audited.
  Status know(std::string_view bearer) override;
  void refused(const rpc::Caller& caller, const rpc::MethodAccess& method,
               const Error& error) override;

 private:
  Result<rpc::Caller> admit_node(std::string_view bearer) const;
  Result<rpc::Caller> admit_relay(std::string_view bearer) const;
  Result<rpc::Caller> admit_person(const rpc::MethodAccess& method,
                                   const rpc::Credentials& credentials);
  void note_use(const rpc::Principal& person);

  const Directory& directory_;
  store::Store& store_;
  DenialLog& denials_;
  WallClock clock_;
};

// Why this node may not go on, if so: removed, or its key has expired.
Status check_standing(const View& view, NodeId id, const MachinePublicKey& key);

Status check_standing(const View& view, relay::RelayId id, const MachinePublicKey& key);

// Who this person is now, since roles, tokens and users change: kUnauthenticated when the token was
// revoked or has expired.
Result<rpc::Principal> current(const View& view, const rpc::Principal& person, WallTime now);

}  // namespace kernmesh::server
