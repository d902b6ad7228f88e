// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/peer_change.h"

#include <algorithm>
#include <vector>

#include "controller/core/maplayout/address_table.h"
#include "controller/core/maplayout/forbidden.h"

namespace kernmesh::maplayout {
namespace {

const AclPeer* find_peer(const AclInput& input, NodeId id) {
  const auto found =
      std::lower_bound(input.peers.begin(), input.peers.end(), id,
                       [](const AclPeer& peer, NodeId wanted) { return peer.id < wanted; });
  return found != input.peers.end() && found->id == id ? &*found : nullptr;
}

// Everything is found out before anything is written.
class ChangePlan {
 public:
  ChangePlan(const AclImage& image, std::span<mesh_acl_line> lines, const AclInput& input,
             const TouchedPeers& touched)
      : image_(image), lines_(lines), input_(input), touched_(touched.nodes), held_(touched.held) {}

  bool make() {
    if (touched_.size() > kMostTouched || !list_memberships()) return false;
    holes_ = forbidden(input_.own);
    for (std::size_t i = 0; i < touched_.size(); ++i) {
      if (!plan(i)) return false;
    }
    std::sort(set_.begin(), set_.end(), is_before);
    const auto twice = std::adjacent_find(set_.begin(), set_.end(),
                                          [](const SourceAddress& a, const SourceAddress& b) {
                                            return is_same(a.address, b.address);
                                          });
    return twice == set_.end() && has_room();
  }

  void apply() {
    for (const auto& source : set_) set_address(lines_, source);
    for (const auto& address : held_) {
      const auto source = find_address(lines_, to_mesh_addr(address));
      if (source && is_touched(source->node) &&
          !std::binary_search(set_.begin(), set_.end(), *source, is_before)) {
        remove_address(lines_, source->address);
      }
    }
  }

 private:
  static bool is_before(const SourceAddress& a, const SourceAddress& b) {
    return std::lexicographical_compare(a.address.w, a.address.w + 4, b.address.w, b.address.w + 4);
  }

  bool is_touched(NodeId node) const {
    return std::binary_search(touched_.begin(), touched_.end(), node);
  }

  // Both maps ascend by set. A set that is gone means other rules.
  bool list_memberships() {
    member_of_.resize(touched_.size());
    auto held = input_.sets.begin();
    const auto& sets = image_.sources.sets();
    for (std::uint32_t place = 0; place < sets.size(); ++place) {
      while (held != input_.sets.end() && held->first < sets[place]) ++held;
      if (held == input_.sets.end() || held->first != sets[place]) return false;
      const auto& members = held->second.members;
      for (std::size_t i = 0; i < touched_.size(); ++i) {
        if (std::binary_search(members.begin(), members.end(), touched_[i])) {
          member_of_[i].push_back(place);
        }
      }
    }
    return true;
  }

  bool plan(std::size_t i) {
    const auto& routers = image_.routers;
    if (std::binary_search(routers.begin(), routers.end(), touched_[i])) return false;
    const AclPeer* const peer = find_peer(input_, touched_[i]);
    if (peer == nullptr) return true;
    if (!peer->routes.empty()) return false;
    for (const auto& address : peer->addresses) {
      if (address.is_v4_mapped() || value_at(holes_, to_number(address)) == kForbidden) continue;
      const auto source_class = image_.sources.class_of(member_of_[i], address);
      if (!source_class) return false;
      set_.push_back({to_mesh_addr(address), touched_[i], *source_class});
    }
    return true;
  }

  // An address of a node that is not touched is not to be taken from it.
  bool has_room() const {
    Reservations reservations(lines_);
    return std::all_of(set_.begin(), set_.end(), [&](const SourceAddress& source) {
      const auto holder = find_address(lines_, source.address);
      return (!holder || is_touched(holder->node)) && reservations.reserve(source.address);
    });
  }

  const AclImage& image_;
  std::span<mesh_acl_line> lines_;
  const AclInput& input_;
  std::span<const NodeId> touched_;
  std::span<const IpAddress> held_;
  Segments holes_;
  std::vector<std::vector<std::uint32_t>> member_of_;  // by touched node
  std::vector<SourceAddress> set_;                     // sorted by address
};

}  // namespace

PeerChange change_peers(const AclImage& image, std::span<mesh_acl_line> lines,
                        const AclInput& input, const TouchedPeers& touched) {
  ChangePlan plan(image, lines, input, touched);
  if (!plan.make()) return PeerChange::kNeedsNewImage;
  plan.apply();
  return PeerChange::kApplied;
}

}  // namespace kernmesh::maplayout
