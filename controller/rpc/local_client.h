// SPDX-License-Identifier: Apache-2.0
// The agent of this machine, asked over its unix socket (L2, blocking; one thread a client, except
// Cancellation::cancel()).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controller/base/result.h"
#include "controller/rpc/cancellation.h"
#include "mesh/v1/local.grpc.pb.h"

namespace kernmesh::rpc {

class LocalClient {
 public:
  // Tries the socket at once. Errors: kUnavailable when nobody listens, kPermissionDenied when the
  // caller may not open it, kInvalid when the path is too long for a socket.
  static Result<LocalClient> connect(const std::string& socket_path);

  // up() has 60 s, because it waits for the first netmap; the others have 10 s.
  Result<mesh::v1::UpResponse> up(const mesh::v1::UpRequest& request);
  // As ping(), for up() without a join key: invitations, and the answer of up() at last.
  Status sign_in(const mesh::v1::UpRequest& request,
                 const std::function<void(const mesh::v1::SignInResponse&)>& on_said,
                 Cancellation& cancellation);
  Result<mesh::v1::DownResponse> down();
  Result<mesh::v1::LogoutResponse> logout();
  Result<mesh::v1::StatusResponse> status();
  Result<mesh::v1::NetcheckResponse> netcheck();
  Result<mesh::v1::RoutesResponse> routes();
  Result<mesh::v1::VersionResponse> version();

  // Calls on_answer for each probe in turn, until the agent has sent them all or `cancellation` is
  // used; being cancelled is success. No deadline.
  Status ping(const mesh::v1::PingRequest& request,
              const std::function<void(const mesh::v1::PingResponse&)>& on_answer,
              Cancellation& cancellation);

  Result<mesh::v1::AclShowResponse> acl_show();
  Result<mesh::v1::AclExplainResponse> acl_explain(const mesh::v1::AclExplainRequest& request);
  Result<mesh::v1::AclStatsResponse> acl_stats();
  Result<mesh::v1::LockShowResponse> lock_show();
  Result<mesh::v1::LockSignResponse> lock_sign(const mesh::v1::LockSignRequest& request);
  // As ping(): until the agent has said all, or `cancellation` is used.
  Status drops(const mesh::v1::DropsRequest& request,
               const std::function<void(const mesh::v1::AclEvent&)>& on_event,
               Cancellation& cancellation);
  Status flows(const mesh::v1::FlowsRequest& request,
               const std::function<void(const mesh::v1::FlowsResponse&)>& on_item,
               Cancellation& cancellation);

 private:
  explicit LocalClient(std::string socket_path);
  template <typename Request, typename Response>
  Result<Response> call(grpc::Status (mesh::v1::Local::Stub::*method)(grpc::ClientContext*,
                                                                      const Request&, Response*),
                        const Request& request, const std::string& attempt, int deadline_s = 10);

  std::string socket_path_;
  std::unique_ptr<mesh::v1::Local::Stub> stub_;
};

}  // namespace kernmesh::rpc
