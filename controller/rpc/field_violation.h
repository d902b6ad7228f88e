// SPDX-License-Identifier: Apache-2.0
// Which field of a request an error is about (L2, pure).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace kernmesh::rpc {

// "FIELD: message", of an error that is kInvalid; others are left alone. A field of a part is named
// by its path, "filter.since". Persons are told field and message apart (status.h), provided that
// no context was put in front.
inline Error in_field(std::string_view field, const Error& error) {
  return error.code() == ErrorCode::kInvalid ? error.with_context(field) : error;
}
template <typename T>
Result<T> in_field(std::string_view field, Result<T> result) {
  if (!result) return in_field(field, result.error());
  return result;
}

struct FieldViolation {
  std::string field;
  std::string description;
};
// What in_field() has said, if the error is kInvalid and begins with a field of the request of that
// method ("/mesh.v1.Admin/GetNode").
std::optional<FieldViolation> violation_in(const Error& error, std::string_view method);

}  // namespace kernmesh::rpc
