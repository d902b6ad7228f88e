// SPDX-License-Identifier: Apache-2.0
// A network that changes node by node answers as one that was there from the start, and tells of
// each change exactly what it did to the sets.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/oracle/random_policy.h"
#include "tests/oracle/random_property.h"
#include "tests/unit/core/policy/compiled_network.h"

namespace kernmesh::policy {
namespace {

// The sets as they are: who is in them, and their addresses.
struct Sets {
  std::vector<std::set<NodeIndex>> members;
  std::vector<AddressSet> addresses;

  explicit Sets(const Population& population) {
    for (std::uint32_t i = 0; i < population.policy().sets.size(); ++i) {
      members.emplace_back();
      population.set(i).members.for_each([&](NodeIndex node) { members.back().insert(node); });
      addresses.push_back(population.set(i).addresses);
    }
  }
};

// That `changes` lead from one to the other, and that none of them changes nothing.
void expect_difference(const Sets& before, const Sets& after, const SetChanges& changes) {
  Sets walked = before;
  for (const auto& step : changes.memberships) {
    auto& members = walked.members[step.set];
    const bool changed = step.joined ? members.insert(step.node).second : members.erase(step.node);
    if (!changed) RC_FAIL("a step that changes nothing, set " + std::to_string(step.set));
  }
  if (walked.members != after.members) RC_FAIL("members changed otherwise than was told");
  const std::set<std::uint32_t> told(changes.readdressed.begin(), changes.readdressed.end());
  for (std::uint32_t i = 0; i < after.addresses.size(); ++i) {
    const bool changed = !(before.addresses[i] == after.addresses[i]);
    if (changed != told.contains(i)) {
      RC_FAIL("addresses of set " + std::to_string(i) +
              (changed ? " changed untold" : " did not change"));
    }
  }
}

class Changing {
 public:
  Changing(const Choice& choice, const AcceptedPolicy& policy, Inventory inventory)
      : choice_(choice),
        policy_(policy),
        inventory_(std::move(inventory)),
        population_(policy.compiled, inventory_.overlay),
        reach_(population_) {
    for (const auto& user : inventory_.users) population_.put(user);
    inventory_.nodes.clear();
  }

  void step() {
    const Sets before(population_);
    SetChanges changes;
    const auto what = choice_.below(8);
    if (what == 0 && !inventory_.nodes.empty()) {
      const auto at = choice_.below(static_cast<std::uint32_t>(inventory_.nodes.size()));
      changes = population_.remove(inventory_.nodes[at].id);
      inventory_.nodes.erase(inventory_.nodes.begin() + at);
    } else if (what == 1) {
      const User user = random_user(choice_, choice_.below(4));
      changes = population_.put(user);
      inventory_.users[user.id.value() - 1] = user;
    } else {
      const Node node = random_node(choice_, NodeId(1 + choice_.below(9)));
      changes = population_.put(node);
      std::erase_if(inventory_.nodes, [&](const Node& known) { return known.id == node.id; });
      inventory_.nodes.push_back(node);
    }
    expect_difference(before, Sets(population_), changes);
  }

  void compare() const {
    const CompiledNetwork fresh(policy_, inventory_);
    for (const auto& node : inventory_.nodes) {
      const NodeIndex index = population_.find(node.id);
      const NodeSet peers = reach_.peers_of(index);
      if (!(slice_for(reach_, index) == fresh.slice(node.id))) {
        fail("slices differ at node " + to_string(node.id));
      }
      if (peers.size() != fresh.reach.peers_of(fresh.index(node.id)).size()) {
        fail("other peers at node " + to_string(node.id));
      }
      peers.for_each([&](NodeIndex other) {
        const NodeId peer = population_.member(other).node.id;
        if (!fresh.sees(node.id, peer)) fail("node " + to_string(node.id) + " sees too much");
        if (routes_for(reach_, other, index, peers) != fresh.routes(node.id, peer)) {
          fail("node " + to_string(node.id) + " has other routes of " + to_string(peer));
        }
      });
    }
  }

 private:
  void fail(const std::string& what) const { RC_FAIL(what + "\n" + to_string(inventory_)); }

  const Choice& choice_;
  const AcceptedPolicy& policy_;
  Inventory inventory_;
  Population population_;
  Reach reach_;
};

TEST(PopulationProperty, answers_after_changes_as_one_that_was_built_at_once) {
  int steps = 0;
  ASSERT_TRUE(holds_for(cases(1000), [&] {
    const Choice choice = shrinking_choice();
    const Inventory inventory = random_network(choice);
    const RandomPolicy written = random_policy(choice);
    Diagnostics diagnostics;
    const auto policy = accept(written.text, inventory, diagnostics);
    if (!policy) return;
    const auto seed = *rc::gen::inRange<std::uint32_t>(0, 1u << 30);
    const Choice fast = seeded_choice(seed);
    Changing changing(fast, *policy, inventory);
    const int count = *rc::gen::inRange(1, 40);
    RC_LOG() << "changes with seed " << seed << "\n" << written.text;
    for (int i = 0; i < count; ++i) {
      changing.step();
      ++steps;
      changing.compare();
    }
  }));
  EXPECT_GE(steps, 5'000);
}

}  // namespace
}  // namespace kernmesh::policy
