// SPDX-License-Identifier: Apache-2.0
// The one error type of the project (L0): a class for the caller to branch on and a sentence for
// the person who reads it. A sentence says what was attempted, on what, and what came back; each
// layer may add its own context once, in front.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace kernmesh {

enum class ErrorCode {
  kInvalid,           // input that can never be accepted as it is
  kNotFound,          // the named thing does not exist
  kAlreadyExists,     // the name or key is taken
  kPermissionDenied,  // the caller may not
  kUnauthenticated,   // the caller is not known, or its proof does not hold
  kExpired,           // was valid once
  kConflict,          // compare-and-set lost, or two facts contradict each other
  kExhausted,         // a bound, quota, disk or memory is full
  kUnavailable,       // the other side cannot be reached now; trying again may help
  kUnsupported,       // this kernel, build or peer cannot do it
  kCorrupt,           // stored or received bytes are not what they claim to be
  kSystem,            // a system call failed; the message carries errno's text
};

// Lower-case words for logs and JSON, e.g. "not found".
std::string_view to_string(ErrorCode code);

class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  // An error from errno, as "ATTEMPT: TEXT (errno NUMBER)". EPERM/EACCES, ENOENT, EEXIST,
  // ENOSPC/ENOMEM, EOPNOTSUPP map to their own codes, everything else to kSystem.
  static Error from_errno(std::string_view attempt, int errno_value);

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same error with "CONTEXT: " in front.
  Error with_context(std::string_view context) const;

 private:
  ErrorCode code_;
  std::string message_;
};

}  // namespace kernmesh
