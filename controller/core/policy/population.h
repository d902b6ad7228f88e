// SPDX-License-Identifier: Apache-2.0
// The nodes of a network by dense index, with what approvals make of their routes, and which of a
// policy's sets each is in or meets (L1, pure; not thread-safe). One node's change costs work in
// proportion to the number of sets, not of nodes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "controller/core/policy/compiled.h"
#include "controller/core/policy/inventory.h"
#include "controller/core/policy/node_set.h"

namespace kernmesh::policy {

struct Member {
  Node node;
  std::vector<Prefix> subnet_routes;  // approved, without exit routes
  std::vector<Prefix> exit_routes;    // approved
  std::vector<std::uint32_t> sets;    // that it is in or meets, ascending
  bool present = false;               // false: an index without a node, or of a removed one
};

// What a set comes to in this network.
struct SetValue {
  NodeSet members;       // by identity
  NodeSet near;          // whose own addresses or subnet routes meet the set's addresses, or whose
                         // subnet routes hold a member's address
  AddressSet addresses;  // literal ones and "*"; with postures, those of nodes that hold them
  bool operator==(const SetValue&) const = default;
  bool touches(NodeIndex node) const { return members.contains(node) || near.contains(node); }
};

struct MembershipStep {
  std::uint32_t set = 0;
  NodeIndex node = 0;
  bool joined = false;
};

// What a change did to the sets.
struct SetChanges {
  std::vector<MembershipStep> memberships;
  std::vector<std::uint32_t> readdressed;  // sets whose addresses changed
  bool rippled = false;  // nodes other than the one that changed meet other sets than before
};

class Population {
 public:
  Population(std::shared_ptr<const CompiledPolicy> policy, const std::vector<Prefix>& overlay);
  // The same nodes, under the same indices, under another policy.
  Population(const Population& other, std::shared_ptr<const CompiledPolicy> policy);

  SetChanges put(const User& user);
  SetChanges put(const Node& node);
  SetChanges remove(NodeId id);
  void remove(UserId id);  // its nodes were removed before
  // Who would join and leave sets under the policy, when that is all that it changes: same rules,
  // same sets in the same order, same addresses, postures and approvals. Nothing when it is not.
  std::optional<std::vector<MembershipStep>> plan_redefinition(const CompiledPolicy& policy) const;
  // Carries out that plan.
  SetChanges redefine(std::shared_ptr<const CompiledPolicy> policy,
                      const std::vector<MembershipStep>& plan);
  // Lets the index of a removed node be given again; until then it stays its.
  void release(NodeIndex index) { free_.push_back(index); }

  const CompiledPolicy& policy() const { return *policy_; }
  const SetValue& set(std::uint32_t index) const { return sets_[index]; }
  const std::vector<Member>& members() const { return members_; }
  const Member& member(NodeIndex index) const { return members_[index]; }
  const User* user_of(NodeIndex index) const;
  const NodeSet& everybody() const { return everybody_; }
  const NodeSet& exits() const { return exits_; }
  // Nodes with an approved subnet route, ascending by id.
  const std::map<NodeId, NodeIndex>& routers() const { return routers_; }
  // Untagged nodes of the same user, the node itself with them; empty for a tagged one.
  NodeSet own_nodes(NodeIndex index) const;
  // Whether a subnet route of the node holds overlay addresses, which sets are met by as well.
  bool routes_overlay(NodeIndex index) const;
  // Whether the node itself is in the set: by identity or by an address of its own.
  bool holds(std::uint32_t set, NodeIndex node) const;
  // Whether addresses of the set, its members' among them, lie in the prefix.
  bool meets(std::uint32_t set, const Prefix& prefix) const;
  // kNoNode when there is none.
  NodeIndex find(NodeId id) const;

  static constexpr NodeIndex kNoNode = ~NodeIndex{0};

 private:
  // What a node had before a change.
  struct Former {
    std::vector<IpAddress> addresses;
    std::vector<Prefix> subnet_routes;
  };
  static Former former_of(const Member& member);

  NodeIndex index_for(NodeId id);
  void approve(Member& member) const;
  bool is_member(const SetDefinition& set, const Subject& subject) const;
  bool is_near(std::uint32_t set, const Member& member) const;
  bool passes_postures(const SetDefinition& set, const Node& node) const;
  void evaluate(NodeIndex index, const Former& former, SetChanges& changes);
  void follow(NodeIndex index, std::uint32_t set, const std::vector<IpAddress>& former,
              SetChanges& changes);
  void readdress(std::uint32_t set, NodeIndex cause, SetChanges& changes);
  void meet_overlay_routes(NodeIndex cause, SetChanges& changes);
  AddressSet addresses_of(const SetDefinition& set) const;
  void set_touch(NodeIndex index, std::uint32_t set);

  std::shared_ptr<const CompiledPolicy> policy_;
  AddressSet overlay_;  // without what "*" leaves out
  std::vector<SetValue> sets_;
  std::vector<std::uint32_t> wildcards_;  // sets whose addresses follow the routers
  std::vector<std::uint32_t> postured_;   // sets whose addresses follow the nodes
  std::vector<Member> members_;
  std::vector<NodeIndex> free_;
  std::unordered_map<NodeId, NodeIndex> index_;
  std::unordered_map<UserId, User> users_;
  std::unordered_map<UserId, NodeSet> untagged_;  // by user
  NodeSet everybody_;
  NodeSet exits_;
  std::map<NodeId, NodeIndex> routers_;
};

}  // namespace kernmesh::policy
