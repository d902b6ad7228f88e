// SPDX-License-Identifier: Apache-2.0
// Random policies over random networks: what is compiled and the oracle say the same of packets,
// capabilities, peers and routes. A failure prints the smallest policy found and both answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "tests/oracle/policy_oracle.h"
#include "tests/oracle/random_policy.h"
#include "tests/oracle/random_property.h"
#include "tests/unit/core/policy/compiled_network.h"

namespace kernmesh::policy {
namespace {

std::string shown(const std::vector<Prefix>& prefixes) {
  std::string text;
  for (const auto& prefix : prefixes) text += to_string(prefix) + " ";
  return text;
}

// A random policy and network; without `compiled` when the text was rejected.
struct World {
  explicit World(const Choice& choice)
      : inventory(random_network(choice)), written(random_policy(choice)) {
    compiled = CompiledNetwork::make(written.text, inventory);
    RC_LOG() << to_string(inventory) << written.text;
    if (written.flaw.empty() == (compiled != nullptr)) return;
    Diagnostics diagnostics;
    accept(written.text, inventory, diagnostics);
    std::string findings = written.flaw;
    for (const auto& finding : diagnostics.findings()) findings += "\n" + to_string(finding, "");
    RC_FAIL((compiled ? "accepted in spite of " : "rejected: ") + findings);
  }

  Inventory inventory;
  RandomPolicy written;
  std::unique_ptr<CompiledNetwork> compiled;
};

struct Count {
  int policies = 0;
  int rejected = 0;
  long asked = 0;
  long yes = 0;
};

void print(const char* what, const Count& count) {
  std::cout << "agreed on " << count.asked << " " << what << " (" << count.yes
            << " of them yes) in " << count.policies << " policies; " << count.rejected
            << " more rejected as they must be" << std::endl;
}

void compare_verdicts(const CompiledNetwork& compiled, const Oracle& oracle, const Choice& choice,
                      Count& count) {
  for (const auto& node : compiled.inventory.nodes) {
    const Slice slice = compiled.slice(node.id);
    for (int i = 0; i < 28; ++i) {
      Packet packet = random_packet(choice, compiled.inventory);
      // Every other one to the node itself.
      const IpAddress& own = choice.of(node.addresses);
      if (i % 2 == 0 && own.family() == packet.source.family()) packet.destination = own;
      const SliceRule* const rule = judge(slice, compiled.addresses, node.addresses, packet);
      const auto lines = oracle.judge(node.id, packet);
      ++count.asked;
      count.yes += lines.empty() ? 0 : 1;
      const bool is_right = rule == nullptr
                                ? lines.empty()
                                : std::find(lines.begin(), lines.end(), rule->line) != lines.end();
      if (is_right) continue;
      RC_FAIL("node " + to_string(node.id) + ", " + to_string(packet) + ": compiled says " +
              (rule == nullptr ? "no" : "line " + std::to_string(rule->line)) + ", the oracle " +
              (lines.empty() ? "no" : "line " + std::to_string(lines.front())));
    }
  }
}

TEST(OracleProperty, slices_judge_a_million_packets_as_the_policy_says) {
  Count count;
  ASSERT_TRUE(holds_for(cases(8000), [&] {
    const World world(shrinking_choice());
    const auto seed = *rc::gen::inRange<std::uint32_t>(0, 1u << 30);
    if (!world.compiled) {
      ++count.rejected;
      return;
    }
    ++count.policies;
    const Oracle oracle(*world.compiled->policy.document, world.compiled->inventory);
    compare_verdicts(*world.compiled, oracle, seeded_choice(seed), count);
  }));
  print("verdicts", count);
  EXPECT_GE(count.asked, 1'000'000);
  EXPECT_GE(count.yes, count.asked / 12);
}

std::vector<std::string> granted(const CompiledNetwork& compiled, const Slice& slice,
                                 const Node& node, const IpAddress& source) {
  std::vector<std::string> names;
  for (const auto* capability :
       capabilities_of(slice, compiled.addresses, node.addresses, source)) {
    names.push_back(capability->name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

TEST(OracleProperty, capabilities_are_given_to_whom_the_policy_says) {
  Count count;
  ASSERT_TRUE(holds_for(cases(500), [&] {
    const World world(shrinking_choice());
    const auto choice = seeded_choice(*rc::gen::inRange<std::uint32_t>(0, 1u << 30));
    if (!world.compiled) {
      ++count.rejected;
      return;
    }
    ++count.policies;
    const Oracle oracle(*world.compiled->policy.document, world.compiled->inventory);
    for (const auto& node : world.compiled->inventory.nodes) {
      const Slice slice = world.compiled->slice(node.id);
      for (int i = 0; i < 30; ++i) {
        const IpAddress source = random_packet(choice, world.compiled->inventory).source;
        const auto expected = oracle.capabilities(node.id, source);
        const auto names = granted(*world.compiled, slice, node, source);
        ++count.asked;
        count.yes += expected.empty() ? 0 : 1;
        if (names == expected) continue;
        RC_FAIL("node " + to_string(node.id) + " gives " + to_string(source) +
                " compiled: " + ::testing::PrintToString(names) +
                ", oracle: " + ::testing::PrintToString(expected));
      }
    }
  }));
  print("lists of capabilities", count);
  EXPECT_GE(count.yes, count.asked / 50);
}

TEST(OracleProperty, nodes_see_the_peers_and_routes_that_the_policy_says) {
  Count peers, routes;
  ASSERT_TRUE(holds_for(cases(2500), [&] {
    const World world(shrinking_choice());
    if (!world.compiled) {
      ++peers.rejected;
      return;
    }
    ++peers.policies;
    const auto& nodes = world.compiled->inventory.nodes;
    const Oracle oracle(*world.compiled->policy.document, world.compiled->inventory);
    for (const auto& viewer : nodes) {
      for (const auto& peer : nodes) {
        const auto pair = "node " + to_string(viewer.id) + " of node " + to_string(peer.id) + ": ";
        const bool sees = oracle.sees(viewer.id, peer.id);
        ++peers.asked;
        peers.yes += sees ? 1 : 0;
        if (world.compiled->sees(viewer.id, peer.id) != sees) {
          RC_FAIL(pair + "the oracle says " + (sees ? "sees" : "does not see"));
        }
        const auto expected = oracle.routes(viewer.id, peer.id);
        auto actual = world.compiled->routes(viewer.id, peer.id);
        std::sort(actual.begin(), actual.end());
        ++routes.asked;
        routes.yes += expected.empty() ? 0 : 1;
        if (actual != expected) {
          RC_FAIL(pair + "compiled " + shown(actual) + ", oracle " + shown(expected));
        }
      }
    }
  }));
  print("pairs of nodes", peers);
  routes.policies = peers.policies;
  routes.rejected = peers.rejected;
  print("lists of routes", routes);
  EXPECT_GE(peers.asked, 50'000);
  EXPECT_GE(routes.yes, routes.asked / 50);
}

TEST(OracleProperty, approvals_are_those_of_the_administrator_and_the_policy) {
  Count count;
  ASSERT_TRUE(holds_for(cases(1000), [&] {
    const World world(shrinking_choice());
    if (!world.compiled) {
      ++count.rejected;
      return;
    }
    ++count.policies;
    const Oracle oracle(*world.compiled->policy.document, world.compiled->inventory);
    for (const auto& node : world.compiled->inventory.nodes) {
      const Member& member = world.compiled->population.member(world.compiled->index(node.id));
      auto actual = member.subnet_routes;
      actual.insert(actual.end(), member.exit_routes.begin(), member.exit_routes.end());
      std::sort(actual.begin(), actual.end());
      const auto expected = oracle.approved(node.id);
      ++count.asked;
      count.yes += expected.empty() ? 0 : 1;
      if (actual == expected) continue;
      RC_FAIL("node " + to_string(node.id) + ": compiled " + shown(actual) + ", oracle " +
              shown(expected));
    }
  }));
  print("lists of approvals", count);
  EXPECT_GE(count.yes, count.asked / 20);
}

}  // namespace
}  // namespace kernmesh::policy
