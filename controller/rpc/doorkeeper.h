// SPDX-License-Identifier: Apache-2.0
// Turns strangers away before a message of theirs is read, and whoever calls without end (L2,
// private to this folder, thread-safe). gRPC reads the whole message of a unary call, whatever its
// size, before it calls the method and before it compares it with its bound (1.51: 16 MiB arrived
// under a bound of 64 KiB); of a call that is refused here it reads no message at all.
#pragma once

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_metadata_processor.h>

#include <chrono>
#include <string>

#include "controller/rpc/connection_calls.h"
#include "controller/rpc/gate.h"
#include "controller/rpc/status.h"

namespace kernmesh::rpc {

class Doorkeeper final : public grpc::AuthMetadataProcessor {
 public:
  explicit Doorkeeper(Gate& gate) : gate_(gate) {}

  bool IsBlocking() const override { return false; }

  // Whoever has a token that is anybody's goes on to a method of ours, which asks for the right one
  // and has the better error: only code and message of this one arrive. A method of gRPC's own asks
  // nobody, so that all is asked here; so is one that nobody may call. A person's calls are not
  // counted: his scripts make as many as they like.
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* context, OutputMetadata*,
                       OutputMetadata*) override {
    const auto path = metadata.find(":path");
    const auto& method = access_of(path == metadata.end() ? "" : view_of(path->second));
    if (method.caller == CallerKind::kAnyone) return count(*context);
    constexpr std::string_view kScheme = "Bearer ";
    const auto header = metadata.find("authorization");
    std::string token;
    if (header != metadata.end() && view_of(header->second).starts_with(kScheme)) {
      token = view_of(header->second).substr(kScheme.size());
    }
    if (const auto known = gate_.know(token); !known) return to_grpc(known.error());
    if (method.caller == CallerKind::kNode || method.caller == CallerKind::kRelay) {
      return count(*context);
    }
    if (method.caller != CallerKind::kNobody && !method.path.starts_with("/grpc.")) {
      return grpc::Status::OK;
    }
    const auto caller = gate_.admit(method, {token, ""});
    return caller ? grpc::Status::OK : to_grpc(caller.error());
  }

 private:
  static std::string_view view_of(const grpc::string_ref& text) {
    return {text.data(), text.size()};
  }

  grpc::Status count(const grpc::AuthContext& context) {
    const MonoTime now(std::chrono::steady_clock::now().time_since_epoch());
    const auto noted = calls_.note(number_of(context), now);
    return noted ? grpc::Status::OK : to_grpc(noted.error());
  }

  // gRPC writes down what it knows of a connection when that begins and keeps it until it ends, so
  // that where it stands in memory is the connection's number. It has no other one here.
  static std::uintptr_t number_of(const grpc::AuthContext& context) {
    const auto known = context.FindPropertyValues(GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME);
    return known.empty() ? 0 : reinterpret_cast<std::uintptr_t>(known.front().data());
  }

  Gate& gate_;
  ConnectionCalls calls_;
};

}  // namespace kernmesh::rpc
