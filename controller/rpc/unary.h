// SPDX-License-Identifier: Apache-2.0
// The one way a call takes (L2, private to this folder): bearer token, gate, handler, status.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <string>

#include "controller/rpc/gate.h"
#include "controller/rpc/peer_address.h"
#include "controller/rpc/status.h"

namespace kernmesh::rpc {

// What follows "Bearer " in the authorization header; empty without one or with several.
inline std::string bearer_of(const grpc::CallbackServerContext& context) {
  constexpr std::string_view kScheme = "Bearer ";
  const auto [first, last] = context.client_metadata().equal_range("authorization");
  if (first == last || std::next(first) != last) return {};
  const std::string_view value(first->second.data(), first->second.size());
  if (!value.starts_with(kScheme)) return {};
  return std::string(value.substr(kScheme.size()));
}

// One call of one method.
struct ServerCall {
  grpc::CallbackServerContext* context;
  const MethodAccess& method;
};

inline Result<Caller> admit(Gate& gate, const ServerCall& call) {
  return gate.admit(call.method, {bearer_of(*call.context), peer_address(call.context->peer())});
}

// What to answer a caller who was let in and whose request failed.
inline grpc::Status failure(Gate& gate, const Caller& caller, const MethodAccess& method,
                            const Error& error) {
  if (error.code() == ErrorCode::kPermissionDenied) gate.refused(caller, method, error);
  return to_grpc(error, method);
}

// Admits, calls `handle(caller)`, which returns a Result<Response>, and finishes the call.
template <typename Response, typename Handle>
grpc::ServerUnaryReactor* answer(Gate& gate, const ServerCall& call, Response* response,
                                 const Handle& handle) {
  auto* reactor = call.context->DefaultReactor();
  const auto caller = admit(gate, call);
  if (!caller) {
    reactor->Finish(to_grpc(caller.error(), call.method));
    return reactor;
  }
  auto result = handle(*caller);
  if (!result) {
    reactor->Finish(failure(gate, *caller, call.method, result.error()));
    return reactor;
  }
  *response = std::move(*result);
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace kernmesh::rpc
