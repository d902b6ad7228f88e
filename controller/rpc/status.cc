// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/status.h"

#include <array>
#include <string>

namespace kernmesh::rpc {
namespace {

// HTTP/2 trailers are bounded (8 KiB by default); a sentence, or a page of findings, is
// never longer than this.
constexpr std::size_t kMaxMessage = 4096;

struct Pair {
  ErrorCode ours;
  grpc::StatusCode theirs;
};
// The first line of a gRPC code is what it means when no details say more.
constexpr std::array kPairs{
    Pair{ErrorCode::kInvalid, grpc::StatusCode::INVALID_ARGUMENT},
    Pair{ErrorCode::kNotFound, grpc::StatusCode::NOT_FOUND},
    Pair{ErrorCode::kAlreadyExists, grpc::StatusCode::ALREADY_EXISTS},
    Pair{ErrorCode::kPermissionDenied, grpc::StatusCode::PERMISSION_DENIED},
    Pair{ErrorCode::kUnauthenticated, grpc::StatusCode::UNAUTHENTICATED},
    Pair{ErrorCode::kConflict, grpc::StatusCode::FAILED_PRECONDITION},
    Pair{ErrorCode::kExpired, grpc::StatusCode::FAILED_PRECONDITION},
    Pair{ErrorCode::kExhausted, grpc::StatusCode::RESOURCE_EXHAUSTED},
    Pair{ErrorCode::kUnavailable, grpc::StatusCode::UNAVAILABLE},
    Pair{ErrorCode::kUnavailable, grpc::StatusCode::DEADLINE_EXCEEDED},
    Pair{ErrorCode::kUnavailable, grpc::StatusCode::CANCELLED},
    Pair{ErrorCode::kUnsupported, grpc::StatusCode::UNIMPLEMENTED},
    Pair{ErrorCode::kCorrupt, grpc::StatusCode::DATA_LOSS},
    Pair{ErrorCode::kSystem, grpc::StatusCode::INTERNAL},
};

}  // namespace

grpc::Status to_grpc(const Error& error) {
  for (const auto& pair : kPairs) {
    if (pair.ours == error.code()) {
      return {pair.theirs, error.message().substr(0, kMaxMessage),
              std::string(to_string(error.code()))};
    }
  }
  return {grpc::StatusCode::INTERNAL, error.message().substr(0, kMaxMessage)};
}

Error from_grpc(const grpc::Status& status) {
  const std::string message = status.error_message().substr(0, kMaxMessage);
  for (const auto& pair : kPairs) {
    if (pair.theirs == status.error_code() && status.error_details() == to_string(pair.ours)) {
      return {pair.ours, message};
    }
  }
  for (const auto& pair : kPairs) {
    if (pair.theirs == status.error_code()) return {pair.ours, message};
  }
  return {ErrorCode::kSystem,
          "gRPC status " + std::to_string(status.error_code()) + ": " + message};
}

}  // namespace kernmesh::rpc
