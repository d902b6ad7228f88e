// SPDX-License-Identifier: Apache-2.0
// The one way a unary call takes (L2, private to this folder): bearer token, gate, handler, status.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <string>

#include "controller/rpc/gate.h"
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

// Admits, calls `handle(caller)`, which returns a Result<Response>, and finishes the call.
template <typename Response, typename Handle>
grpc::ServerUnaryReactor* answer(Gate& gate, Role role, grpc::CallbackServerContext* context,
                                 Response* response, const Handle& handle) {
  auto* reactor = context->DefaultReactor();
  const auto caller = gate.admit(role, bearer_of(*context));
  if (!caller) {
    reactor->Finish(to_grpc(caller.error()));
    return reactor;
  }
  auto result = handle(*caller);
  if (!result) {
    reactor->Finish(to_grpc(result.error()));
    return reactor;
  }
  *response = std::move(*result);
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace kernmesh::rpc
