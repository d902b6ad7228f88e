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

template <typename Message>
Status read_all(grpc::ClientReader<Message>& reader,
                const std::function<void(const Message&)>& on_message, const std::string& attempt) {
  Message message;
  while (reader.Read(&message)) on_message(message);
  const grpc::Status status = reader.Finish();
  if (status.ok() || status.error_code() == grpc::StatusCode::CANCELLED) return {};
  return from_grpc(status).with_context(attempt);
}

std::string attempt_of(const mesh::v1::UpRequest& request) {
  return "bring the mesh up" + (request.server().empty() ? "" : " with " + request.server());
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
  return call(&Local::Stub::Up, request, attempt_of(request), 60);
}

Status LocalClient::sign_in(const mesh::v1::UpRequest& request,
                            const std::function<void(const mesh::v1::SignInResponse&)>& on_said,
                            Cancellation& cancellation) {
  const auto reader = stub_->SignIn(&cancellation.context_, request);
  return read_all(*reader, on_said, attempt_of(request));
}

Result<mesh::v1::DownResponse> LocalClient::down() {
  return call(&Local::Stub::Down, mesh::v1::DownRequest(), "take the mesh down", 60);
}

Result<mesh::v1::LogoutResponse> LocalClient::logout() {
  return call(&Local::Stub::Logout, mesh::v1::LogoutRequest(), "leave the network", 60);
}

Result<mesh::v1::StatusResponse> LocalClient::status() {
  return call(&Local::Stub::Status, mesh::v1::StatusRequest(), "ask the agent for its status");
}

Result<mesh::v1::NetcheckResponse> LocalClient::netcheck() {
  return call(&Local::Stub::Netcheck, mesh::v1::NetcheckRequest(),
              "ask the agent what network it is in");
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
  return read_all(*reader, on_answer, "ping " + request.target());
}

Result<mesh::v1::AclShowResponse> LocalClient::acl_show() {
  return call(&Local::Stub::AclShow, mesh::v1::AclShowRequest(), "ask the agent for its rules");
}

Result<mesh::v1::AclExplainResponse> LocalClient::acl_explain(
    const mesh::v1::AclExplainRequest& request) {
  return call(&Local::Stub::AclExplain, request, "ask the agent about " + request.source());
}

Result<mesh::v1::AclStatsResponse> LocalClient::acl_stats() {
  return call(&Local::Stub::AclStats, mesh::v1::AclStatsRequest(),
              "ask the agent for its counters");
}

Result<mesh::v1::LockShowResponse> LocalClient::lock_show() {
  return call(&Local::Stub::LockShow, mesh::v1::LockShowRequest(),
              "ask the agent for the network lock");
}

Result<mesh::v1::LockSignResponse> LocalClient::lock_sign(
    const mesh::v1::LockSignRequest& request) {
  return call(&Local::Stub::LockSign, request, "have the agent sign");
}

Status LocalClient::drops(const mesh::v1::DropsRequest& request,
                          const std::function<void(const mesh::v1::AclEvent&)>& on_event,
                          Cancellation& cancellation) {
  const auto reader = stub_->Drops(&cancellation.context_, request);
  return read_all(*reader, on_event, "ask the agent for drops");
}

Status LocalClient::flows(const mesh::v1::FlowsRequest& request,
                          const std::function<void(const mesh::v1::FlowsResponse&)>& on_item,
                          Cancellation& cancellation) {
  const auto reader = stub_->Flows(&cancellation.context_, request);
  return read_all(*reader, on_item, "ask the agent for flows");
}

}  // namespace kernmesh::rpc
