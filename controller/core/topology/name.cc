// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/name.h"

#include <algorithm>

namespace kernmesh::topology {
namespace {

constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxUser = 254;

bool is_label_char(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

std::string cut(std::string label, std::size_t most) {
  label.resize(std::min(label.size(), most));
  while (!label.empty() && label.back() == '-') label.pop_back();
  return label;
}

}  // namespace

std::string to_dns_label(std::string_view hostname) {
  std::string label;
  for (char c : hostname.substr(0, hostname.find('.'))) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!is_label_char(c)) c = '-';
    if (c == '-' && (label.empty() || label.back() == '-')) continue;
    label.push_back(c);
    if (label.size() == kMaxLabel) break;
  }
  label = cut(std::move(label), kMaxLabel);
  return label.empty() ? "node" : label;
}

Status check_dns_label(std::string_view name) {
  const bool well_formed = !name.empty() && name.size() <= kMaxLabel &&
                           std::all_of(name.begin(), name.end(), is_label_char) &&
                           name.front() != '-' && name.back() != '-';
  if (well_formed) return {};
  return Error(ErrorCode::kInvalid,
               "a node's name has 1 to 63 characters of a-z, 0-9 and inner hyphens");
}

std::string unique_name(const std::string& label,
                        const std::function<bool(const std::string&)>& is_taken) {
  if (!is_taken(label)) return label;
  for (std::uint64_t number = 1;; ++number) {
    const std::string suffix = "-" + std::to_string(number);
    std::string candidate = cut(label, kMaxLabel - suffix.size()) + suffix;
    if (!is_taken(candidate)) return candidate;
  }
}

Status check_user_name(std::string_view name) {
  const auto is_printable = [](char c) { return c > 0x20 && c < 0x7f && c != '/'; };
  if (!name.empty() && name.size() <= kMaxUser &&
      std::all_of(name.begin(), name.end(), is_printable)) {
    return {};
  }
  return Error(ErrorCode::kInvalid,
               "a user's name has 1 to 254 printable ASCII characters without space and slash");
}

Status check_email(std::string_view email) {
  const auto at = email.find('@');
  if (check_user_name(email) && at != 0 && at != std::string_view::npos && at == email.rfind('@') &&
      at + 1 < email.size()) {
    return {};
  }
  return Error(ErrorCode::kInvalid, "an e-mail address is NAME@DOMAIN, not \"" +
                                        std::string(email.substr(0, 80)) + "\"");
}

}  // namespace kernmesh::topology
