// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/field_violation.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>

namespace kernmesh::rpc {
namespace {

const google::protobuf::Descriptor* request_of(std::string_view path) {
  if (!path.starts_with('/')) return nullptr;
  std::string name(path.substr(1));
  std::replace(name.begin(), name.end(), '/', '.');
  const auto* method = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
  return method == nullptr ? nullptr : method->input_type();
}

bool has_field(const google::protobuf::Descriptor* message, std::string_view path) {
  while (message != nullptr) {
    const auto dot = path.find('.');
    const auto* field = message->FindFieldByName(std::string(path.substr(0, dot)));
    if (field == nullptr) return false;
    if (dot == std::string_view::npos) return true;
    message = field->message_type();
    path.remove_prefix(dot + 1);
  }
  return false;
}

}  // namespace

std::optional<FieldViolation> violation_in(const Error& error, std::string_view method) {
  constexpr std::string_view kAfterField = ": ";
  if (error.code() != ErrorCode::kInvalid) return std::nullopt;
  const std::string_view text = error.message();
  const auto end = text.find(kAfterField);
  if (end == std::string_view::npos || !has_field(request_of(method), text.substr(0, end))) {
    return std::nullopt;
  }
  return FieldViolation{std::string(text.substr(0, end)),
                        std::string(text.substr(end + kAfterField.size()))};
}

}  // namespace kernmesh::rpc
