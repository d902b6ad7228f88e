// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/status.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "controller/rpc/field_violation.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

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

// Of the message's second copy, in the details: both and their encoding fit into the trailers.
constexpr std::size_t kMaxSecondMessage = 1024;
constexpr std::size_t kMaxThirdMessage = 512;  // in the BadRequest of a field

std::string reason_of(ErrorCode code) {
  std::string reason(to_string(code));
  for (char& c : reason) c = c == ' ' ? '_' : static_cast<char>(std::toupper(c));
  return reason;
}

// The class in words, or the reason of an ErrorInfo of ours; empty when the details are another's.
std::string class_in(const std::string& details) {
  for (const auto& pair : kPairs) {
    if (details == to_string(pair.ours)) return reason_of(pair.ours);
  }
  google::rpc::Status status;
  if (!status.ParseFromString(details)) return {};
  for (const auto& detail : status.details()) {
    google::rpc::ErrorInfo info;
    if (detail.UnpackTo(&info) && info.domain() == kErrorDomain) return info.reason();
  }
  return {};
}

// Cut between characters of UTF-8, which protobuf's strings are.
std::string cut(const std::string& text, std::size_t most) {
  std::size_t end = std::min(text.size(), most);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    --end;
  }
  return text.substr(0, end);
}

}  // namespace

grpc::Status to_grpc(const Error& error, const MethodAccess& method) {
  if (method.caller != CallerKind::kPerson) return to_grpc(error);
  const auto violation = violation_in(error, method.path);
  const std::string& message = violation ? violation->description : error.message();
  const grpc::Status plain = to_grpc(Error(error.code(), message));
  google::rpc::ErrorInfo info;
  info.set_reason(reason_of(error.code()));
  info.set_domain(kErrorDomain);
  auto& entry = *info.add_metadata();
  entry.set_key("method");
  entry.set_value(std::string(method.path));
  google::rpc::Status details;
  details.set_code(plain.error_code());
  details.set_message(cut(message, kMaxSecondMessage));
  details.add_details()->PackFrom(info);
  if (violation) {
    google::rpc::BadRequest bad;
    bad.add_field_violations()->set_field(violation->field);
    bad.mutable_field_violations(0)->set_description(cut(message, kMaxThirdMessage));
    details.add_details()->PackFrom(bad);
  }
  return {plain.error_code(), plain.error_message(), details.SerializeAsString()};
}

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
  const std::string reason = class_in(status.error_details());
  for (const auto& pair : kPairs) {
    if (pair.theirs == status.error_code() && reason == reason_of(pair.ours)) {
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
