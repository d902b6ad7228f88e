// SPDX-License-Identifier: Apache-2.0
// A call with one answer, as every client makes it (L2, blocking, any thread).
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include <chrono>
#include <memory>
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

// What became of a call that did not end well.
inline Error failed(const grpc::Status& status, const CallTerms& terms) {
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return {ErrorCode::kUnavailable,
            terms.attempt + ": no answer within " + std::to_string(terms.deadline.count()) + " s"};
  }
  return from_grpc(status).with_context(terms.attempt);
}

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
  return failed(status, terms);
}

// Text goes in pieces that every server takes, gRPC's frame and the request's other fields with it.
inline constexpr std::size_t kMostTextOfAPiece = 48 * 1024;

// Each piece is a string of its own to protobuf, so that no character of UTF-8 may be cut.
inline std::size_t length_of_piece(const std::string& text, std::size_t from) {
  std::size_t end = from + kMostTextOfAPiece;
  if (end >= text.size()) return text.size() - from;
  for (int i = 0; i < 3 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80; ++i) --end;
  return end - from;
}

// The same for a call whose `text` goes in pieces; `text_bytes` is filled in here.
template <typename Stub, typename Request, typename Response>
Result<Response> upload_call(
    Stub& stub,
    std::unique_ptr<grpc::ClientWriter<Request>> (Stub::*method)(grpc::ClientContext*, Response*),
    Request request, const CallTerms& terms) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + terms.deadline);
  context.AddMetadata("authorization", "Bearer " + terms.token);
  const std::string text = std::move(*request.mutable_text());
  request.set_text_bytes(static_cast<std::uint32_t>(text.size()));
  Response response;
  const auto writer = (stub.*method)(&context, &response);
  std::size_t sent = 0;
  do {
    request.set_text(text.substr(sent, length_of_piece(text, sent)));
    sent += request.text().size();
    if (!writer->Write(request)) break;  // the server has answered; Finish says what
    request.Clear();
  } while (sent < text.size());
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  if (status.ok()) return response;
  return failed(status, terms);
}

}  // namespace kernmesh::rpc
