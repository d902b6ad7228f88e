// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/source_classes.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include "bpf/abi/acl_hash.h"
#include "controller/core/maplayout/address_number.h"
#include "controller/core/maplayout/forbidden.h"

namespace kernmesh::maplayout {
namespace {

std::vector<std::uint32_t> united(std::span<const std::uint32_t> a,
                                  std::span<const std::uint32_t> b) {
  std::vector<std::uint32_t> both;
  both.reserve(a.size() + b.size());
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

// Where a node stands among the peers. Ids are given one after the other, so a table of the range
// of them is mostly small; where it is not, a search does.
class PeerPlaces {
 public:
  explicit PeerPlaces(const std::vector<AclPeer>& peers) : peers_(peers) {
    if (peers.empty() || offset(peers.back().id) >= kMostPerPeer * peers.size()) return;
    by_id_.assign(offset(peers.back().id) + 1, kUnclaimed);
    for (std::uint32_t i = 0; i < peers.size(); ++i) by_id_[offset(peers[i].id)] = i;
  }

  std::optional<std::uint32_t> of(NodeId id) const {
    if (peers_.empty() || id < peers_.front().id || peers_.back().id < id) return std::nullopt;
    if (!by_id_.empty()) {
      const std::uint32_t place = by_id_[offset(id)];
      return place == kUnclaimed ? std::nullopt : std::optional(place);
    }
    const auto found =
        std::lower_bound(peers_.begin(), peers_.end(), id,
                         [](const AclPeer& known, NodeId wanted) { return known.id < wanted; });
    if (found->id != id) return std::nullopt;
    return static_cast<std::uint32_t>(found - peers_.begin());
  }

 private:
  static constexpr std::size_t kMostPerPeer = 16;
  std::uint64_t offset(NodeId id) const { return id.value() - peers_.front().id.value(); }

  const std::vector<AclPeer>& peers_;
  std::vector<std::uint32_t> by_id_;
};

}  // namespace

class SourceReader {
 public:
  SourceReader(const OpenRules& rules, const AclInput& input, SourcePlaces& places,
               WorkBudget& budget)
      : rules_(rules), input_(input), places_(places), budget_(budget) {}

  Result<SourceClasses> run() {
    result_.sets_ = rules_.sets;
    result_.lists_.reserve(rules_.sets.size());
    result_.class_of_list(0);
    if (!label()) return too_many();
    list_members();
    holes_ = forbidden(input_.own);
    places_.addresses.reserve(input_.peers.size() * 2);  // one of each family
    for (std::size_t i = 0; i < input_.peers.size(); ++i) {
      if (!place_addresses(i)) return too_many();
    }
    drop_twice_held();
    place_ranges();
    if (places_.ranges.size() > MESH_ACL_MAX_RANGES) return too_many();
    return std::move(result_);
  }

 private:
  static Error too_many() {
    return {ErrorCode::kExhausted,
            "the rules' sources cut the network's addresses into too many pieces; name groups and "
            "tags as sources instead of prefixes and single nodes"};
  }

  bool label() {
    std::vector<PrefixClaim> claims;
    for (std::uint32_t set = 0; set < rules_.held.size(); ++set) {
      for (const auto& prefix : rules_.held[set].prefixes) {
        if (const auto claim = claim_of(prefix, set)) claims.push_back(*claim);
      }
    }
    auto segments = labelled(std::move(claims), result_.lists_, budget_);
    if (!segments) return false;
    result_.prefixes_ = *std::move(segments);
    return true;
  }

  // Sets by peer, from peers by set.
  void list_members() {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;  // peer, set
    pairs.reserve(rules_.held.size());
    members_.resize(input_.peers.size());
    const PeerPlaces places(input_.peers);
    for (std::uint32_t set = 0; set < rules_.held.size(); ++set) {
      constexpr std::size_t kAhead = 8;
      if (set + kAhead < rules_.held.size())
        __builtin_prefetch(rules_.held[set + kAhead].members.data());
      for (const auto member : rules_.held[set].members) {
        const auto place = places.of(member);
        if (!place) continue;
        pairs.emplace_back(*place, set);
        ++members_[*place].count;
      }
    }
    std::uint32_t first = 0;
    for (auto& stretch : members_) {
      stretch.first = first;
      first += std::exchange(stretch.count, 0);
    }
    sets_by_peer_.resize(first);
    for (const auto& [peer, set] : pairs) {
      sets_by_peer_[members_[peer].first + members_[peer].count++] = set;
    }
  }

  bool place_addresses(std::size_t peer) {
    const auto sets = of(sets_by_peer_, members_[peer]);
    if (!is_bounded(sets.size())) return false;
    const auto member_list = result_.lists_.intern(sets);
    for (const auto& address : input_.peers[peer].addresses) {
      const AddressNumber number = to_number(address);
      if (address.is_v4_mapped() || value_at(holes_, number) == kForbidden) continue;
      const auto list = both(member_list, value_at(result_.prefixes_, number));
      if (!list) return false;
      places_.addresses.push_back(
          {to_mesh_addr(address), input_.peers[peer].id, result_.class_of_list(*list)});
    }
    return true;
  }

  // The list of the sets in either. Many addresses ask for the same two.
  std::optional<ListInterner::Id> both(ListInterner::Id a, ListInterner::Id b) {
    if (a == 0 || a == b) return b;
    if (b == 0) return a;
    const std::uint32_t key[] = {a, b};
    const auto question = questions_.intern(key);
    if (question <= answers_.size()) return answers_[question - 1];
    const auto list_a = result_.lists_.list(a), list_b = result_.lists_.list(b);
    if (!is_bounded(list_a.size() + list_b.size())) return std::nullopt;
    answers_.push_back(result_.lists_.intern(united(list_a, list_b)));
    return answers_.back();
  }

  bool is_bounded(std::size_t words) {
    return budget_.spend(words + 1) && result_.lists_.words() + words < WorkBudget::kSignatureWords;
  }

  // No map has an address twice (netmap::validate); if one had, the lower node id would hold it.
  void drop_twice_held() {
    std::vector<std::uint32_t> seen(std::bit_ceil(2 * places_.addresses.size() + 1), kUnclaimed);
    const std::size_t mask = seen.size() - 1;
    auto& all = places_.addresses;
    std::uint32_t kept = 0;
    for (const SourceAddress source : std::span(all)) {
      std::size_t place = mesh_acl_hash(&source.address, 0) & mask;
      while (seen[place] != kUnclaimed && !is_same(all[seen[place]].address, source.address))
        place = (place + 1) & mask;
      if (seen[place] != kUnclaimed) continue;
      seen[place] = kept;
      all[kept++] = source;
    }
    all.resize(kept);
  }

  void place_ranges() {
    std::vector<PrefixClaim> claims;
    for (std::uint32_t i = 0; i < input_.peers.size(); ++i) {
      for (const auto& route : input_.peers[i].routes) {
        if (const auto claim = claim_of(route, i)) claims.push_back(*claim);
      }
    }
    if (claims.empty()) return;
    for_each_overlap(
        innermost(std::move(claims)), result_.prefixes_, holes_,
        [&](AddressNumber first, std::uint32_t peer, std::uint32_t list, std::uint32_t hole) {
          if (peer == kUnclaimed || hole == kForbidden) {
            append(first, 0, MESH_ACL_NOBODY);
          } else {
            const auto node = input_.peers[peer].id.value();
            append(first, static_cast<std::uint32_t>(node), result_.class_of_list(list));
          }
        });
  }

  void append(AddressNumber first, std::uint32_t node, std::uint32_t source_class) {
    auto& ranges = places_.ranges;
    if (ranges.empty() && source_class == MESH_ACL_NOBODY) return;
    if (!ranges.empty() && ranges.back().node == node &&
        ranges.back().address_class == source_class) {
      return;
    }
    ranges.push_back(
        {static_cast<__u64>(first >> 64), static_cast<__u64>(first), node, source_class, 0});
  }

  const OpenRules& rules_;
  const AclInput& input_;
  SourcePlaces& places_;
  WorkBudget& budget_;
  SourceClasses result_;
  Segments holes_;
  std::vector<Stretch> members_;  // by peer: in sets_by_peer_
  std::vector<std::uint32_t> sets_by_peer_;
  ListInterner questions_;                 // pairs of lists
  std::vector<ListInterner::Id> answers_;  // by question - 1
};

Result<SourceClasses> SourceClasses::make(const OpenRules& rules, const AclInput& input,
                                          SourcePlaces& places, WorkBudget& budget) {
  return SourceReader(rules, input, places, budget).run();
}

std::uint32_t SourceClasses::class_of_list(ListInterner::Id list) {
  if (list >= classes_.size()) classes_.resize(lists_.size(), kUnclaimed);
  if (classes_[list] == kUnclaimed) {
    classes_[list] = count();
    signatures_.push_back(list);
  }
  return classes_[list];
}

std::optional<std::uint32_t> SourceClasses::class_of(std::span<const std::uint32_t> member_of,
                                                     const IpAddress& address) const {
  const auto around = lists_.list(value_at(prefixes_, to_number(address)));
  const auto list = lists_.find(united(member_of, around));
  if (!list || *list >= classes_.size() || classes_[*list] == kUnclaimed) return std::nullopt;
  return classes_[*list];
}

}  // namespace kernmesh::maplayout
