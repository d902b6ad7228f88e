// SPDX-License-Identifier: Apache-2.0
// From the recorded steps to what one viewer has to be told (L1, pure).
#include <algorithm>
#include <map>
#include <set>

#include "controller/core/policy/slicing.h"
#include "controller/core/topology/network.h"

namespace kernmesh::topology {

using netmap::operator^;

class ViewDelta {
 public:
  ViewDelta(const Network& network, NodeId viewer)
      : network_(network), viewer_(viewer), index_(network.population().find(viewer)) {}

  // False when only a snapshot can say it.
  bool follow(std::deque<Step>::const_iterator first, std::deque<Step>::const_iterator end) {
    for (auto step = first; step != end; ++step) {
      if (!follow(*step)) return false;
    }
    return true;
  }

  netmap::Delta make(const MapVersion& from) const {
    netmap::Delta delta{from, network_.version_, {}, {}, {}, {}, {}, {}, {}, {}};
    const Node& own = *network_.find(viewer_);
    if (self_changed_) {
      delta.self = to_self(own, *network_.find_user(own.user_id), network_.range_);
    }
    if (index_ == policy::Population::kNoNode) return delta;
    add_peers(delta);
    add_slice(delta);
    return delta;
  }

 private:
  bool follow(const Step& step) {
    for (const auto& policy : step.policies) {
      if (!policy.affected.contains(index_)) continue;
      if (slice_changed_) return false;
      if (old_policy_ == nullptr) begin_new_policy(policy.before);
    }
    for (const auto& node : step.nodes) {
      if (node.id == viewer_) {
        // Its whole view appeared or went with its state.
        if (node.state_changed) return false;
        self_changed_ = self_changed_ || node.self_changed;
        follow_own(node);
      } else if (node.seen_before.contains(index_) || node.seen_after.contains(index_)) {
        note_peer(node.id, node.seen_before.contains(index_), node.seen_after.contains(index_),
                  node.looks_different());
      } else if (const auto held = peers_.find(node.id); held != peers_.end()) {
        // Out of sight, and what it is when it comes back is not what the viewer holds.
        held->second.changed = held->second.changed || node.looks_different();
      }
    }
    for (const auto& change : step.memberships) {
      if (change.audience->contains(index_)) members_[change.set][change.node] = change.joined;
    }
    for (const auto& change : step.addresses) {
      if (change.audience.contains(index_)) whole_sets_.insert(change.set);
    }
    return true;
  }

  // From here on whoever is not noted was not seen at `from`.
  void begin_new_policy(const std::shared_ptr<const PolicyView>& before) {
    old_policy_ = before;
    before->reach.peers_of(index_).for_each([&](NodeIndex peer) {
      peers_.try_emplace(before->population.member(peer).node.id, PeerNote{true, true, false});
    });
  }

  struct PeerNote {
    bool seen_at_from;
    bool seen_now;
    bool changed;
  };

  void note_peer(NodeId id, bool before, bool after, bool changed) {
    const bool at_from = before && old_policy_ == nullptr;
    const auto [entry, fresh] = peers_.try_emplace(id, PeerNote{at_from, after, changed});
    entry->second.seen_now = after;
    entry->second.changed = entry->second.changed || changed || before != after;
  }

  // The viewer's own step: whom it sees changed, and what it is delivered.
  void follow_own(const NodeStep& step) {
    const auto& population = network_.population();
    const auto note = [&](NodeIndex peer) {
      const bool before = step.seen_before.contains(peer), after = step.seen_after.contains(peer);
      if (before != after) note_peer(population.member(peer).node.id, before, after, true);
    };
    step.seen_before.for_each(note);
    step.seen_after.for_each(note);
    if (step.slice.empty()) return;
    slice_changed_ = true;
    for (const auto id : step.slice.removed_rules) rules_[id] = std::nullopt;
    for (const auto& rule : step.slice.upserted_rules) rules_[rule.id] = rule;
    for (const auto& set : step.slice.upserted_sets) {
      sets_.insert_or_assign(set.id, set);
      members_.erase(set.id);  // what came before is in it
    }
  }

  void add_peers(netmap::Delta& delta) const {
    auto peers = peers_;
    if (old_policy_ != nullptr) {
      const NodeSet now = network_.reach().peers_of(index_);
      now.for_each([&](NodeIndex peer) {
        peers.try_emplace(network_.population().member(peer).node.id, PeerNote{false, true, true});
      });
      for (auto& [id, note] : peers) {
        const NodeIndex peer = network_.population().find(id);
        note.seen_now = peer != policy::Population::kNoNode && now.contains(peer);
      }
    }
    for (const auto& [id, note] : peers) {
      if (note.seen_now && (note.changed || !note.seen_at_from)) {
        const Node& node = *network_.find(id);
        delta.upserted.push_back(to_peer(node, *network_.find_user(node.user_id)));
      } else if (!note.seen_now && note.seen_at_from) {
        delta.removed.push_back(id);
      }
    }
  }

  void add_slice(netmap::Delta& delta) const {
    if (old_policy_ != nullptr) {
      add_slice_difference(delta);
      return;
    }
    for (const auto& [id, rule] : rules_) {
      if (rule) {
        delta.upserted_rules.push_back(*rule);
      } else {
        delta.removed_rules.push_back(id);
      }
    }
    auto whole = sets_;
    for (const auto id : whole_sets_) {
      if (auto set = source_set(id)) whole.insert_or_assign(id, std::move(*set));
    }
    for (const auto& [id, set] : whole) delta.upserted_sets.push_back(set);
    for (const auto& [id, nodes] : members_) {
      if (whole_sets_.contains(id)) continue;
      netmap::SetChange change{id, {}, {}};
      for (const auto& [node, joined] : nodes) {
        (joined ? change.joined : change.left).push_back(node);
      }
      delta.changed_sets.push_back(std::move(change));
    }
  }

  // As the old policy stood when the new one took its place, against what stands now.
  void add_slice_difference(netmap::Delta& delta) const {
    const auto before = policy::slice_for(old_policy_->reach, index_);
    const auto now = policy::slice_for(network_.reach(), index_);
    auto change = difference(before, now);
    delta.upserted_rules = std::move(change.upserted_rules);
    delta.removed_rules = std::move(change.removed_rules);
    // Earlier steps are in neither: sets that they changed go whole.
    std::set<netmap::SetId> sent;
    for (const auto& set : change.upserted_sets) sent.insert(set.id);
    delta.upserted_sets = std::move(change.upserted_sets);
    for (const auto& set : now.sets) {
      const bool touched = members_.contains(set.id) || whole_sets_.contains(set.id);
      if (touched && !sent.contains(set.id)) delta.upserted_sets.push_back(set);
    }
  }

  std::optional<netmap::SourceSet> source_set(netmap::SetId id) const {
    const auto& sets = network_.population().policy().sets;
    const auto found =
        std::find_if(sets.begin(), sets.end(), [&](const auto& set) { return set.id == id; });
    if (found == sets.end()) return std::nullopt;
    return policy::source_set(network_.population(),
                              static_cast<std::uint32_t>(found - sets.begin()));
  }

  const Network& network_;
  NodeId viewer_;
  NodeIndex index_;
  bool self_changed_ = false;
  bool slice_changed_ = false;
  std::shared_ptr<const PolicyView> old_policy_;  // the first that affected the viewer
  std::map<NodeId, PeerNote> peers_;
  std::map<RuleId, std::optional<netmap::Rule>> rules_;  // nothing: removed
  std::map<netmap::SetId, netmap::SourceSet> sets_;      // sent whole
  std::set<netmap::SetId> whole_sets_;                   // whose addresses changed
  std::map<netmap::SetId, std::map<NodeId, bool>> members_;
};

std::optional<netmap::Delta> Network::delta_for(NodeId viewer, const MapVersion& from) const {
  const auto first = steps_since(from);
  if (!first || find(viewer) == nullptr) return std::nullopt;
  ViewDelta view(*this, viewer);
  if (!view.follow(*first, history_.end())) return std::nullopt;
  return view.make(from);
}

bool Network::may_concern(NodeId viewer, const MapVersion& from, const MapVersion& to) const {
  const auto first = steps_since(from);
  if (!first) return true;
  const NodeIndex index = population().find(viewer);
  return std::any_of(*first, history_.end(), [&](const Step& step) {
    return step.revision <= to.revision && topology::may_concern(step, viewer, index);
  });
}

// A policy step names everybody whom it may concern, so the delta has the last word.
bool Network::is_behind(NodeId viewer, const MapVersion& held, const MapVersion& to) const {
  if (held >= to || !may_concern(viewer, held, to)) return false;
  const auto delta = delta_for(viewer, held);
  return !delta || !is_empty(*delta);
}

bool Network::matches(NodeId viewer, const MapVersion& held,
                      const netmap::SectionDigests& digests) const {
  const auto first = steps_since(held);
  const Node* own = find(viewer);
  const User* user = own == nullptr ? nullptr : find_user(own->user_id);
  if (!first || user == nullptr) return false;
  const NodeIndex index = population().find(viewer);
  const bool sees = index != policy::Population::kNoNode;
  netmap::Digest peers{}, sets{}, rules{};
  if (sees) {
    peers = peers_sum(reach().peers_of(index));
    const auto slice = policy::slice_for(reach(), index);
    for (const auto& rule : slice.rules) rules = rules ^ netmap::rule_digest(rule);
    for (const auto& set : slice.sets) sets = sets ^ netmap::set_digest(set);
  }
  bool own_changed = false;
  for (auto step = *first; step != history_.end(); ++step) {
    for (const auto& policy : step->policies) {
      if (policy.affected.contains(index)) return false;
    }
    for (const auto& change : step->addresses) {
      if (change.audience.contains(index)) return false;
    }
    for (const auto& change : step->memberships) {
      if (change.audience->contains(index)) {
        sets = sets ^ netmap::member_digest(change.set, change.node);
      }
    }
    for (const auto& node : step->nodes) {
      if (node.id == viewer) {
        if (node.state_changed || !node.slice.empty() || node.seen_before != node.seen_after) {
          return false;
        }
        own_changed = own_changed || node.self_changed;
        continue;
      }
      if (node.seen_before.contains(index)) peers = peers ^ node.before;
      if (node.seen_after.contains(index)) peers = peers ^ node.after;
    }
  }
  // A self that changed since comes whole with the delta, so only an unchanged one must match.
  return digests.peers == peers && digests.rules == rules && digests.sets == sets &&
         (own_changed || digests.self == self_digest(to_self(*own, *user, range_)));
}

}  // namespace kernmesh::topology
