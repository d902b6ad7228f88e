// SPDX-License-Identifier: Apache-2.0
// The whole network and what each node sees of it (L1, pure; not thread-safe). A node sees the
// peers that the policy connects it with, the rules that are delivered to it, and who is in their
// sets.
//
// A bounded history of changes lets a view move from an older revision to the newest by what
// changed since, at a cost in proportion to that.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "controller/core/netmap/digest.h"
#include "controller/core/netmap/netmap.h"
#include "controller/core/topology/node.h"
#include "controller/core/topology/step.h"

namespace kernmesh::topology {

// How many changes are remembered: an hour of three a second. A resume from further back costs a
// snapshot, nothing else.
inline constexpr std::size_t kHistory = 10'000;
// How many of them may be new policies: each keeps the sets of the one before, some megabytes at
// 10,000 nodes.
inline constexpr std::size_t kPolicyHistory = 4;

struct NetworkChange {
  MapVersion version;  // after the change
  std::vector<User> users;
  std::vector<Node> nodes;
  std::vector<NodeId> removed_nodes;
  std::vector<UserId> removed_users;
  std::shared_ptr<const policy::CompiledPolicy> policy;  // null: as it was
};

// A policy made ready to take the place of the one in force, for one state of the network.
struct PolicyPlan {
  std::shared_ptr<PolicyView> view;  // null: there is nothing to make ready
  NodeSet affected;                  // as in PolicyStep
  std::uint64_t change_count = 0;    // of the network that it was made for
};

class Network {
 public:
  // Without a policy nobody sees anybody.
  Network(OverlayRange range, MapVersion version, std::size_t history = kHistory);

  // The dear part of a change of policy, which only reads: two thirds of a second at 10,000 nodes
  // and 1,000 rules, in which others may go on reading.
  PolicyPlan plan(const std::shared_ptr<const policy::CompiledPolicy>& policy) const;

  // A node's user comes before or with the node. Changes come in the order of their versions; one
  // that leaves the version as it is changes nothing that views show. `plan` is of the change's
  // policy; one that was made for another state of the network is not used.
  void apply(const NetworkChange& change, PolicyPlan plan = {});

  const MapVersion& version() const { return version_; }
  const OverlayRange& range() const { return range_; }
  const std::map<NodeId, Node>& nodes() const { return nodes_; }
  const std::map<UserId, User>& users() const { return users_; }
  const Node* find(NodeId id) const;
  const Node* find(const MachinePublicKey& key) const;
  const Node* find_node_named(const std::string& name) const;
  const Node* find(const IpAddress& address) const;
  const User* find_user(UserId id) const;
  const User* find_user_named(const std::string& name) const;
  const policy::Population& population() const { return policy_->population; }
  const policy::Reach& reach() const { return policy_->reach; }

  // The view of `viewer`, which is in the network. An expired node sees itself and nobody.
  netmap::Netmap snapshot_for(NodeId viewer) const;
  // What changed for `viewer` since `from`; nothing when the history does not reach that far back
  // or `from` is of another epoch or the future. May be empty apart from the versions.
  std::optional<netmap::Delta> delta_for(NodeId viewer, const MapVersion& from) const;
  // Whether something in (from, to] may have changed the view of `viewer`; true also when the
  // history does not tell.
  bool may_concern(NodeId viewer, const MapVersion& from, const MapVersion& to) const;
  // Whether something in (held, to] changed the view of `viewer`, so that one that holds `held` is
  // not up to date; true also when the history does not tell.
  bool is_behind(NodeId viewer, const MapVersion& held, const MapVersion& to) const;
  // Whether a map with these digests is what `viewer` saw at `held`, as far as history tells.
  bool matches(NodeId viewer, const MapVersion& held, const netmap::SectionDigests& digests) const;

 private:
  friend class ViewDelta;
  // A node as the policy saw it before a change.
  struct Face;

  netmap::Digest digest_of(NodeId id) const;
  Face face_of(NodeId id) const;
  void put(const Node& node, Step& step);
  void put(const User& user, Step& step);
  void remove(NodeId id, Step& step);
  void put_policy(const NetworkChange& change, PolicyPlan plan, Step& step);
  bool regroup(const std::shared_ptr<const policy::CompiledPolicy>& policy, Step& step);
  void finish(const Face& before, Step& step) const;
  void note_sets(const policy::SetChanges& changes, Step& step) const;
  void refresh_digest(const Node& node);
  void forget_indexes(const Node& node);
  void remember(Step step);
  void forget_oldest();
  std::optional<std::deque<Step>::const_iterator> steps_since(const MapVersion& from) const;
  netmap::Digest peers_sum(const NodeSet& peers) const;

  OverlayRange range_;
  MapVersion version_;
  std::uint64_t change_count_ = 0;  // also of changes that leave the version as it is
  Revision history_start_;          // views of this revision and later can be moved forward
  std::size_t history_limit_;
  std::size_t policies_in_history_ = 0;
  std::deque<Step> history_;
  std::map<UserId, User> users_;
  std::map<NodeId, Node> nodes_;
  std::unordered_map<MachinePublicKey, NodeId> by_machine_key_;
  std::unordered_map<std::string, NodeId> by_name_;
  std::unordered_map<IpAddress, NodeId> by_address_;
  std::unordered_map<NodeId, netmap::Digest> digests_;  // of the nodes that others may see
  // Shared with the history: a policy's view is frozen when another takes its place.
  std::shared_ptr<PolicyView> policy_;
};

}  // namespace kernmesh::topology
