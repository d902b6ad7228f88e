// SPDX-License-Identifier: Apache-2.0
// Turns strangers away before a message of theirs is read (L2, private to this folder,
// thread-safe). gRPC reads the whole message of a unary call, whatever its size, before it calls
// the method and before it compares it with its bound (1.51: 16 MiB arrived under a bound of
// 64 KiB); of a call that is refused here it reads no message at all.
#pragma once

#include <grpcpp/security/auth_metadata_processor.h>

#include <string>

#include "controller/rpc/gate.h"
#include "controller/rpc/status.h"

namespace kernmesh::rpc {

class Doorkeeper final : public grpc::AuthMetadataProcessor {
 public:
  explicit Doorkeeper(Gate& gate) : gate_(gate) {}

  bool IsBlocking() const override { return false; }

  // Whoever has a token that is anybody's goes on to the method, which asks for the right one and
  // has the better error: only code and message of this one arrive.
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext*, OutputMetadata*,
                       OutputMetadata*) override {
    const auto path = metadata.find(":path");
    if (path != metadata.end() && is_open(view_of(path->second))) return grpc::Status::OK;
    constexpr std::string_view kScheme = "Bearer ";
    const auto header = metadata.find("authorization");
    std::string token;
    if (header != metadata.end() && view_of(header->second).starts_with(kScheme)) {
      token = view_of(header->second).substr(kScheme.size());
    }
    for (const Role role : {Role::kNode, Role::kRelay}) {
      const auto caller = gate_.admit(role, token);
      if (caller || caller.error().code() != ErrorCode::kUnauthenticated) return grpc::Status::OK;
    }
    const auto administrator = gate_.admit(Role::kAdministrator, token);
    if (administrator || administrator.error().code() != ErrorCode::kUnauthenticated) {
      return grpc::Status::OK;
    }
    return to_grpc(administrator.error());
  }

 private:
  static std::string_view view_of(const grpc::string_ref& text) {
    return {text.data(), text.size()};
  }
  // What a node or relay says before it has a token, and whether the server is well.
  static bool is_open(std::string_view path) {
    return path == "/mesh.v1.Coordination/Challenge" || path == "/mesh.v1.Coordination/Register" ||
           path == "/mesh.v1.RelayCoordination/Challenge" ||
           path == "/mesh.v1.RelayCoordination/Register" || path.starts_with("/grpc.health.");
  }

  Gate& gate_;
};

}  // namespace kernmesh::rpc
