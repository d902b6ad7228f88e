// SPDX-License-Identifier: Apache-2.0
// The agent's local API on a unix socket (L2). gRPC's threads call the handler; the handler is the
// agent's, and hands the work to its own loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controller/base/result.h"
#include "mesh/v1/local.pb.h"

namespace grpc {
class Server;
}

namespace kernmesh::rpc {

// Where an answer in many pieces goes.
template <typename Message>
struct Stream {
  std::function<bool(const Message&)> send;  // waits for the reader; false: nobody listens any more
  std::function<bool()> is_open;             // false: the caller hung up, or the server stops
};

// What the agent does. Each call may block; several may run at once.
class LocalHandler {
 public:
  virtual ~LocalHandler() = default;
  virtual Result<mesh::v1::UpResponse> up(const mesh::v1::UpRequest& request) = 0;
  // The same for a machine without a join key; ends early when the stream is not open any more.
  virtual Status sign_in(const mesh::v1::UpRequest& request,
                         const Stream<mesh::v1::SignInResponse>& stream) = 0;
  virtual Result<mesh::v1::DownResponse> down() = 0;
  virtual Result<mesh::v1::LogoutResponse> logout() = 0;
  virtual Result<mesh::v1::StatusResponse> status() = 0;
  // One probe of the peer named `target`; blocks until its answer or its time-out.
  virtual Result<mesh::v1::PingResponse> ping(const std::string& target) = 0;
  // Blocks for about a second, until relays have answered.
  virtual Result<mesh::v1::NetcheckResponse> netcheck() = 0;
  virtual Result<mesh::v1::RoutesResponse> routes() = 0;
  virtual mesh::v1::VersionResponse version() = 0;
  virtual Result<mesh::v1::AclShowResponse> acl_show() = 0;
  virtual Result<mesh::v1::AclExplainResponse> acl_explain(
      const mesh::v1::AclExplainRequest& request) = 0;
  virtual Result<mesh::v1::AclStatsResponse> acl_stats() = 0;
  virtual Result<mesh::v1::LockShowResponse> lock_show() = 0;
  virtual Result<mesh::v1::LockSignResponse> lock_sign(
      const mesh::v1::LockSignRequest& request) = 0;
  // These two return when all is said, or, when following, once the stream is not open any more.
  virtual Status drops(const mesh::v1::DropsRequest& request,
                       const Stream<mesh::v1::AclEvent>& stream) = 0;
  virtual Status flows(const mesh::v1::FlowsRequest& request,
                       const Stream<mesh::v1::FlowsResponse>& stream) = 0;
};

class LocalServer {
 public:
  // Binds `path` with mode 0600, its directory made if need be. A socket file that nobody answers
  // on is replaced; one that somebody answers on is kAlreadyExists. The handler must outlive the
  // server.
  static Result<LocalServer> start(const std::string& path, LocalHandler& handler);
  LocalServer(LocalServer&&) noexcept;
  ~LocalServer();

  // Ends running calls and removes the socket file.
  void stop();

 private:
  struct Parts;
  explicit LocalServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace kernmesh::rpc
