// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/stand_in.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

namespace kernmesh::policy {
namespace {

class StandInCast {
 public:
  explicit StandInCast(const Inventory& inventory) : result_(inventory) {
    for (const auto& node : inventory.nodes) {
      highest_ = std::max(highest_, node.id.value());
      taken_.insert(node.addresses.begin(), node.addresses.end());
    }
  }

  void add(const std::string& name, UserId user, std::vector<std::string> tags) {
    Node node;
    node.id = NodeId(++highest_);
    node.name = "a device of " + name;
    node.user = user;
    node.tags = std::move(tags);
    for (const auto& range : result_.overlay) {
      if (const auto address = free_address(range)) node.addresses.push_back(*address);
    }
    result_.nodes.push_back(std::move(node));
  }

  Inventory take() { return std::move(result_); }

 private:
  // From the top of the range's lowest 2^24: joining nodes are given addresses from the bottom.
  std::optional<IpAddress> free_address(const Prefix& range) {
    const int bits = range.address().bits();
    const std::uint32_t top = (1U << std::min(24, bits - range.length())) - 1;
    for (std::uint32_t host = top; host-- > 1;) {
      auto bytes = range.address().bytes();
      const auto last = static_cast<std::size_t>(bits / 8 - 1);
      for (std::size_t b = 0; b < 3; ++b) {
        bytes[last - b] = static_cast<std::uint8_t>(bytes[last - b] | host >> (8 * b));
      }
      const IpAddress address =
          bits == 32 ? IpAddress::from_v4_bytes({bytes[0], bytes[1], bytes[2], bytes[3]})
                     : IpAddress::from_v6_bytes(bytes);
      if (taken_.insert(address).second) return address;
    }
    return std::nullopt;
  }

  Inventory result_;
  std::unordered_set<IpAddress> taken_;
  std::uint64_t highest_ = 0;
};

}  // namespace

Inventory with_stand_ins(const Inventory& inventory, const std::vector<std::string>& tags) {
  std::unordered_set<UserId> users;
  std::unordered_set<std::string> known;
  for (const auto& node : inventory.nodes) {
    if (node.tags.empty()) users.insert(node.user);
    known.insert(node.tags.begin(), node.tags.end());
  }
  StandInCast stage(inventory);
  for (const auto& user : inventory.users) {
    if (users.contains(user.id)) continue;
    stage.add(user.email.empty() ? user.name + "@" : user.email, user.id, {});
  }
  for (const auto& tag : tags) {
    if (known.insert(tag).second) stage.add(tag, {}, {tag});
  }
  return stage.take();
}

}  // namespace kernmesh::policy
