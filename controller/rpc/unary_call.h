// SPDX-License-Identifier: Apache-2.0
// One call with one answer, as every client makes it (L2, blocking, any thread).
#pragma once

#include <grpcpp/client_context.h>

#include <chrono>
#include <optional>
#include <string>

#include "controller/base/result.h"
#include "controller/rpc/running_calls.h"
#include "controller/rpc/status.h"

namespace kernmesh::rpc {

// What goes with a call besides its request.
struct CallTerms {
  std::string attempt;  // "create user \"alice\" at vpn.example:8443", goes in front of an error
  std::string token;    // sent as `authorization: Bearer TOKEN`; empty: not sent
  // A call to a server on another continent over a lossy link takes a few seconds; more is a dead
  // server.
  std::chrono::seconds deadline{10};
  RunningCalls* running = nullptr;  // borrowed; null: nobody ends the call before its deadline
};

template <typename Stub, typename Request, typename Response>
Result<Response> unary_call(Stub& stub,
                            grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                         Response*),
                            const Request& request, const CallTerms& terms) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + terms.deadline);
  if (!terms.token.empty()) context.AddMetadata("authorization", "Bearer " + terms.token);
  std::optional<RunningCalls::Entry> entry;
  if (terms.running != nullptr) entry.emplace(*terms.running, context);
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (status.ok()) return response;
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return Error(ErrorCode::kUnavailable, terms.attempt + ": no answer within " +
                                              std::to_string(terms.deadline.count()) + " s");
  }
  return from_grpc(status).with_context(terms.attempt);
}

}  // namespace kernmesh::rpc
