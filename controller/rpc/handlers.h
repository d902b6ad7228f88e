// SPDX-License-Identifier: Apache-2.0
// What the services ask of the server (L2 interfaces, implemented in L3). Called from gRPC's
// threads, any number at once. Requests are as received: nothing in them has been checked.
#pragma once

#include <memory>

#include "controller/base/result.h"
#include "controller/rpc/gate.h"
#include "mesh/v1/admin.pb.h"
#include "mesh/v1/coordination.pb.h"
#include "mesh/v1/relay.pb.h"

namespace kernmesh::rpc {

// Where the messages of one Watch stream come from. The stream owns it and calls it from one thread
// at a time.
class UpdateSource {
 public:
  virtual ~UpdateSource() = default;
  // Fills `message` with the next update; false when there is none now. Called only when the stream
  // can take a message: a reader that does not drain costs one message, and later gets the newest
  // state instead of every state.
  virtual bool next(mesh::v1::NetmapUpdate& message) = 0;
};

// One Watch stream as the server sees it. Thread-safe; call without holding locks.
class UpdateStream {
 public:
  virtual ~UpdateStream() = default;
  // Asks the source again, soon.
  virtual void wake() = 0;
  // Ends the stream with this error after the message under way, or at once when the reader has not
  // taken that message for a while. Only the first call counts.
  virtual void end(const Error& error) = 0;
  // How long the message under way has not been taken; zero when none is.
  virtual Duration stalled_for() const = 0;
};

class CoordinationHandler {
 public:
  virtual ~CoordinationHandler() = default;
  virtual Result<mesh::v1::ChallengeResponse> challenge(const mesh::v1::ChallengeRequest&) = 0;
  virtual Result<mesh::v1::RegisterResponse> enroll(const mesh::v1::RegisterRequest&) = 0;
  virtual Result<mesh::v1::ReportResponse> report(const Caller&,
                                                  const mesh::v1::ReportRequest&) = 0;
  virtual Result<mesh::v1::LeaveResponse> leave(const Caller&, const mesh::v1::LeaveRequest&) = 0;
  // `stream` is shared by gRPC until it is done and by the server until closed() tells it so.
  virtual Result<std::unique_ptr<UpdateSource>> watch(const Caller&, const mesh::v1::WatchRequest&,
                                                      std::shared_ptr<UpdateStream> stream) = 0;
  // The stream is over; called once for each that watch() accepted.
  virtual void closed(const Caller&, const UpdateStream* stream) = 0;
};

class RelayHandler {
 public:
  virtual ~RelayHandler() = default;
  virtual Result<mesh::v1::ChallengeResponse> challenge(const mesh::v1::ChallengeRequest&) = 0;
  virtual Result<mesh::v1::RegisterRelayResponse> enroll(const mesh::v1::RegisterRelayRequest&) = 0;
  virtual Result<mesh::v1::ReportRelayResponse> report(const Caller&,
                                                       const mesh::v1::ReportRelayRequest&) = 0;
};

class AdminHandler {
 public:
  virtual ~AdminHandler() = default;
  virtual Result<mesh::v1::User> create_user(const mesh::v1::CreateUserRequest&) = 0;
  virtual Result<mesh::v1::ListUsersResponse> list_users(const mesh::v1::ListUsersRequest&) = 0;
  virtual Result<mesh::v1::DeleteUserResponse> delete_user(const mesh::v1::DeleteUserRequest&) = 0;
  virtual Result<mesh::v1::CreateJoinKeyResponse> create_join_key(
      const mesh::v1::CreateJoinKeyRequest&) = 0;
  virtual Result<mesh::v1::ListJoinKeysResponse> list_join_keys(
      const mesh::v1::ListJoinKeysRequest&) = 0;
  virtual Result<mesh::v1::JoinKey> revoke_join_key(const mesh::v1::RevokeJoinKeyRequest&) = 0;
  virtual Result<mesh::v1::ListNodesResponse> list_nodes(const mesh::v1::ListNodesRequest&) = 0;
  virtual Result<mesh::v1::Node> get_node(const mesh::v1::GetNodeRequest&) = 0;
  virtual Result<mesh::v1::Node> rename_node(const mesh::v1::RenameNodeRequest&) = 0;
  virtual Result<mesh::v1::Node> expire_node(const mesh::v1::ExpireNodeRequest&) = 0;
  virtual Result<mesh::v1::RemoveNodeResponse> remove_node(const mesh::v1::RemoveNodeRequest&) = 0;
  virtual Result<mesh::v1::Node> tag_node(const mesh::v1::TagNodeRequest&) = 0;
};

// The part of the Admin service that is about policies.
class PolicyHandler {
 public:
  virtual ~PolicyHandler() = default;
  virtual Result<mesh::v1::Policy> get_policy(const mesh::v1::GetPolicyRequest&) = 0;
  virtual Result<mesh::v1::SetPolicyResponse> set_policy(const mesh::v1::SetPolicyRequest&) = 0;
  virtual Result<mesh::v1::CheckPolicyResponse> check_policy(
      const mesh::v1::CheckPolicyRequest&) = 0;
  virtual Result<mesh::v1::ListPoliciesResponse> list_policies(
      const mesh::v1::ListPoliciesRequest&) = 0;
  virtual Result<mesh::v1::GetRolloutResponse> get_rollout(const mesh::v1::GetRolloutRequest&) = 0;
  virtual Result<mesh::v1::Inventory> get_inventory(const mesh::v1::GetInventoryRequest&) = 0;
};

// The part of it that is about relays.
class RelayAdminHandler {
 public:
  virtual ~RelayAdminHandler() = default;
  virtual Result<mesh::v1::ListRelaysResponse> list_relays(const mesh::v1::ListRelaysRequest&) = 0;
  virtual Result<mesh::v1::Relay> get_relay(const mesh::v1::GetRelayRequest&) = 0;
  virtual Result<mesh::v1::Relay> drain_relay(const mesh::v1::DrainRelayRequest&) = 0;
  virtual Result<mesh::v1::RemoveRelayResponse> remove_relay(
      const mesh::v1::RemoveRelayRequest&) = 0;
};

}  // namespace kernmesh::rpc
