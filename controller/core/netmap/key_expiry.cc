// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netmap/key_expiry.h"

namespace kernmesh::netmap {
namespace {

template <typename Unit>
std::string whole(WallTime::duration left, const std::string& unit) {
  const auto count = std::chrono::floor<Unit>(left).count();
  return std::to_string(count) + " " + unit + (count == 1 ? "" : "s");
}

std::string in_words(WallTime::duration left) {
  if (left >= std::chrono::days(1)) return whole<std::chrono::days>(left, "day");
  if (left >= std::chrono::hours(1)) return whole<std::chrono::hours>(left, "hour");
  return "less than an hour";
}

}  // namespace

std::optional<std::string> key_expiry_notice(const Self& self, WallTime now) {
  if (self.key_expires_at == WallTime{} || self.key_expires_at <= now) return std::nullopt;
  const auto left = self.key_expires_at - now;
  if (left > kExpiryNotice) return std::nullopt;
  return "this node's key expires in " + in_words(left) +
         "; then no peer takes anything from it. An administrator renews it with `meshadm node "
         "renew " +
         self.name + "`, " + self.user_name + " with `meshadm up` and a join key";
}

}  // namespace kernmesh::netmap
