// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/local_client.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "controller/base/unique_fd.h"
#include "controller/rpc/channel.h"
#include "controller/rpc/unary_call.h"

namespace kernmesh::rpc {
namespace {

using mesh::v1::Local;

// gRPC reports every failure to connect as "unavailable"; a connection of our own tells why.
Status try_socket(const std::string& path) {
  const std::string attempt = "connect to the agent at " + path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error(ErrorCode::kInvalid, attempt + ": a socket's path has 1 to " +
                                          std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error::from_errno("socket", errno).with_context(attempt);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return {};
  }
  const int code = errno;
  const Error error = Error::from_errno(attempt, code);
  const bool nobody = code == ENOENT || code == ECONNREFUSED || code == ENOTDIR;
  return nobody ? Error(ErrorCode::kUnavailable, error.message()) : error;
}

}  // namespace

LocalClient::LocalClient(std::string socket_path)
    : socket_path_(std::move(socket_path)), stub_(Local::NewStub(unix_channel(socket_path_))) {}

Result<LocalClient> LocalClient::connect(const std::string& socket_path) {
  MESH_TRY(try_socket(socket_path));
  return LocalClient(socket_path);
}

template <typename Request, typename Response>
Result<Response> LocalClient::call(grpc::Status (Local::Stub::*method)(grpc::ClientContext*,
                                                                       const Request&, Response*),
                                   const Request& request, const std::string& attempt,
                                   int deadline_s) {
  const CallTerms terms{attempt, {}, std::chrono::seconds(deadline_s)};
  return unary_call(*stub_, method, request, terms);
}

Result<mesh::v1::UpResponse> LocalClient::up(const mesh::v1::UpRequest& request) {
  const std::string where = request.server().empty() ? "" : " with " + request.server();
  return call(&Local::Stub::Up, request, "bring the mesh up" + where, 60);
}

Result<mesh::v1::DownResponse> LocalClient::down() {
  return call(&Local::Stub::Down, mesh::v1::DownRequest(), "take the mesh down");
}

Result<mesh::v1::LogoutResponse> LocalClient::logout() {
  return call(&Local::Stub::Logout, mesh::v1::LogoutRequest(), "leave the network");
}

Result<mesh::v1::StatusResponse> LocalClient::status() {
  return call(&Local::Stub::Status, mesh::v1::StatusRequest(), "ask the agent for its status");
}

Result<mesh::v1::RoutesResponse> LocalClient::routes() {
  return call(&Local::Stub::Routes, mesh::v1::RoutesRequest(), "ask the agent for its routes");
}

Result<mesh::v1::VersionResponse> LocalClient::version() {
  return call(&Local::Stub::Version, mesh::v1::VersionRequest(), "ask the agent for its version");
}

Status LocalClient::ping(const mesh::v1::PingRequest& request,
                         const std::function<void(const mesh::v1::PingResponse&)>& on_answer,
                         Cancellation& cancellation) {
  const auto reader = stub_->Ping(&cancellation.context_, request);
  mesh::v1::PingResponse answer;
  while (reader->Read(&answer)) on_answer(answer);
  const grpc::Status status = reader->Finish();
  if (status.ok() || status.error_code() == grpc::StatusCode::CANCELLED) return {};
  return from_grpc(status).with_context("ping " + request.target());
}

}  // namespace kernmesh::rpc
