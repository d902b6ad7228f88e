// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/destination_classes.h"

#include <algorithm>
#include <utility>

#include "controller/core/maplayout/address_segments.h"
#include "controller/core/maplayout/forbidden.h"

namespace kernmesh::maplayout {
namespace {

using policy::TargetKind;

// Who has an address: the longest prefix says, of equal ones this order.
enum Holder : std::uint32_t { kOwn, kServed };

class DestinationReader {
 public:
  DestinationReader(const OpenRules& rules, const AclInput& input, WorkBudget& budget)
      : rules_(rules), input_(input), budget_(budget) {}

  Result<DestinationClasses> run() {
    if (!label()) return too_many();
    find_wide_shapes();
    place_own();
    place_ranges();
    if (result_.ranges.size() > MESH_ACL_MAX_RANGES || !list_shapes()) return too_many();
    result_.count = std::max(classes_.size() - 1, 1u);
    return std::move(result_);
  }

 private:
  static Error too_many() {
    return {ErrorCode::kExhausted,
            "the rules' destinations cut what this node serves into too many pieces; name fewer "
            "or wider destination prefixes"};
  }

  bool label() {
    std::vector<PrefixClaim> claims;
    for (std::uint32_t shape = 0; shape < rules_.shapes.size(); ++shape) {
      if (rules_.shapes[shape].kind != TargetKind::kPrefixes) continue;
      for (const auto& prefix : *rules_.shapes[shape].prefixes) {
        if (const auto claim = claim_of(prefix, shape)) claims.push_back(*claim);
      }
    }
    auto labels = labelled(std::move(claims), signatures_, budget_);
    if (!labels) return false;
    labels_ = *std::move(labels);
    return true;
  }

  // Shapes that hold every address, or every own one, are not listed in each class.
  std::uint32_t class_of(std::uint32_t signature, Holder holder) {
    const std::uint32_t own = holder == kOwn && own_shape_ ? 1 : 0;
    const std::uint32_t key[] = {signature + 1, own};
    return classes_.intern(key) - 1;  // the empty list is no class
  }

  void place_own() {
    const std::size_t count = std::min<std::size_t>(input_.own.size(), MESH_ACL_OWN_COUNT);
    for (std::size_t i = 0; i < count; ++i) {
      result_.own.addr[i] = to_mesh_addr(input_.own[i]);
      result_.own.destination_class[i] =
          class_of(value_at(labels_, to_number(input_.own[i])), kOwn);
    }
  }

  void place_ranges() {
    std::vector<PrefixClaim> claims;
    for (const auto& prefix : input_.served) {
      if (const auto claim = claim_of(prefix, kServed)) claims.push_back(*claim);
    }
    for (std::size_t i = MESH_ACL_OWN_COUNT; i < input_.own.size(); ++i) {
      if (const auto claim = claim_of(Prefix::host(input_.own[i]), kOwn)) claims.push_back(*claim);
    }
    if (claims.empty()) return;
    const auto visit = [&](AddressNumber first, std::uint32_t holder, std::uint32_t signature,
                           std::uint32_t hole) {
      const bool is_ours = holder != kUnclaimed && hole != kForbidden;
      append(first, is_ours ? class_of(signature, static_cast<Holder>(holder)) : MESH_ACL_NOBODY);
    };
    for_each_overlap(innermost(std::move(claims)), labels_, forbidden({}), visit);
  }

  void append(AddressNumber first, std::uint32_t address_class) {
    auto& ranges = result_.ranges;
    const std::uint32_t before = ranges.empty() ? MESH_ACL_NOBODY : ranges.back().address_class;
    if (before == address_class) return;
    ranges.push_back(
        {static_cast<__u64>(first >> 64), static_cast<__u64>(first), 0, address_class, 0});
  }

  bool list_shapes() {
    std::vector<std::vector<std::uint32_t>> classes(rules_.shapes.size());
    std::size_t words = 0;
    for (std::uint32_t id = 1; id < classes_.size(); ++id) {
      const auto key = classes_.list(id);
      const auto held = signatures_.list(key[0] - 1);
      words += held.size();
      if (words > WorkBudget::kSignatureWords || !budget_.spend(held.size())) return false;
      for (const auto shape : held) classes[shape].push_back(id - 1);
      if (any_shape_) classes[*any_shape_].push_back(id - 1);
      if (own_shape_ && key[1] != 0) classes[*own_shape_].push_back(id - 1);
    }
    for (auto& list : classes) {
      result_.shape_classes.push_back({static_cast<std::uint32_t>(result_.classes.size()),
                                       static_cast<std::uint32_t>(list.size())});
      result_.classes.insert(result_.classes.end(), list.begin(), list.end());
    }
    return true;
  }

  // At most one of each kind, since a shape stands once.
  void find_wide_shapes() {
    for (std::uint32_t shape = 0; shape < rules_.shapes.size(); ++shape) {
      if (rules_.shapes[shape].kind == TargetKind::kAny) any_shape_ = shape;
      if (rules_.shapes[shape].kind == TargetKind::kOwnAddresses) own_shape_ = shape;
    }
  }

  const OpenRules& rules_;
  const AclInput& input_;
  WorkBudget& budget_;
  DestinationClasses result_;
  ListInterner signatures_;  // of shapes with prefixes
  ListInterner classes_;     // pairs: a signature + 1, whether the address is own
  Segments labels_;
  std::optional<std::uint32_t> any_shape_;
  std::optional<std::uint32_t> own_shape_;
};

}  // namespace

Result<DestinationClasses> destination_classes(const OpenRules& rules, const AclInput& input,
                                               WorkBudget& budget) {
  return DestinationReader(rules, input, budget).run();
}

}  // namespace kernmesh::maplayout
