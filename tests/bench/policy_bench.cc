// SPDX-License-Identifier: Apache-2.0
// Times the policy compiler on a large network: cold, one node's change, and a change of the policy
// from its text to every node's delta. Prints a table, and as the last line the same as JSON behind
// "json ".
//   policy-bench [NODES RULES RUNS]
#include <cstdio>
#include <cstdlib>
#include <string>

#include "controller/core/policy/diff.h"
#include "controller/core/policy/network_policy.h"
#include "controller/core/policy/slicing.h"
#include "controller/core/topology/network.h"
#include "tests/bench/large_policy.h"
#include "tests/bench/table.h"

namespace kernmesh::policy {
namespace {

AcceptedPolicy accepted(const std::string& text, const Inventory& inventory) {
  Diagnostics diagnostics;
  auto policy = accept(text, inventory, diagnostics);
  if (policy) return *std::move(policy);
  std::fprintf(stderr, "%s\n", to_string(diagnostics.first_error(), "policy").c_str());
  std::exit(1);
}

Population populated(const AcceptedPolicy& policy, const Inventory& inventory) {
  Population population(policy.compiled, inventory.overlay);
  for (const auto& user : inventory.users) population.put(user);
  for (const auto& node : inventory.nodes) population.put(node);
  return population;
}

// A node is tagged and untagged in turn; its peers are asked for before and after, as for a delta.
void measure_changes(Table& table, const AcceptedPolicy& policy, const Inventory& inventory) {
  Population population = populated(policy, inventory);
  const Reach reach(population);
  std::size_t peers = 0;
  std::uint32_t turn = 0;
  const auto change = [&](Node node) {
    const NodeIndex index = population.find(node.id);
    peers += reach.peers_of(index).size();
    node.tags = {tag_name(turn++)};
    population.put(node);
    peers += reach.peers_of(index).size();
  };
  table.measure("put", "one node gets another tag, peers before and after",
                [&] { change(inventory.nodes[11]); });
  table.measure("put_router", "the same of a router of a subnet",
                [&] { change(inventory.nodes[50]); });
  std::size_t rules = 0;
  table.measure("slice", "the slice of one node", [&] {
    rules += slice_for(reach, population.find(NodeId(12 + 10 * turn++))).rules.size();
  });
  if (peers == 0 || rules == 0) std::exit(1);
}

// The same nodes as a server has them: without routes and attributes.
topology::NetworkChange initial_network(const Inventory& inventory,
                                        const topology::OverlayRange& range) {
  topology::NetworkChange change;
  change.version = {Epoch(1), Revision(1)};
  for (const auto& user : inventory.users) {
    change.users.push_back({user.id, user.name, {}, user.email, user.roles});
  }
  topology::Slot slot = 0;
  for (const auto& from : inventory.nodes) {
    topology::Node node;
    node.id = from.id;
    node.name = from.name;
    node.user_id = from.user;
    node.tags = from.tags;
    std::array<std::uint8_t, 32> key{};
    for (std::size_t i = 0; i < 8; ++i) {
      key[i] = static_cast<std::uint8_t>(from.id.value() >> 8 * i);
    }
    node.machine_key = MachinePublicKey(key);
    node.node_key = NodePublicKey(key);
    node.disco_key = DiscoPublicKey(key);
    slot = *topology::next_slot(range, slot);
    node.addresses = addresses_of(range, slot);
    change.nodes.push_back(std::move(node));
  }
  return change;
}

struct PolicyChange {
  const char* key;
  const char* what;
  Variation variation;
};

const PolicyChange kChanges[] = {
    {"member", "a group gains a member", {user_name(5), "", "", 0}},
    {"port", "a rule gains a port", {"", ",61000", "", 0}},
    {"rule",
     "a rule with a new tag",
     {"", "", R"({"action": "accept", "src": ["tag:late"], "dst": ["tag:t1:443"]})", 0}},
    {"replaced", "another policy", {"", "", "", 1013}},
};

struct Times {
  std::vector<double> read, planned, locked, deltas;
};

// There and back for each run, of which the way there is timed.
Times change_policy(int runs, const Inventory& inventory, std::uint32_t rules,
                    const Variation& variation) {
  const topology::OverlayRange range{inventory.overlay.at(0), inventory.overlay.at(1)};
  const auto usual = accepted(large_policy(rules), inventory);
  const std::string text = large_policy(rules, variation);
  auto change = initial_network(inventory, range);
  topology::Network network(range, {Epoch(1), Revision(0)});
  change.policy = usual.compiled;
  network.apply(change);
  Times times;
  for (int run = 0; run < runs; ++run) {
    topology::NetworkChange next;
    const auto from = network.version();
    next.version = {from.epoch, Revision(from.revision.value() + 1)};
    times.read.push_back(milliseconds([&] { next.policy = accepted(text, inventory).compiled; }));
    topology::PolicyPlan plan;
    times.planned.push_back(milliseconds([&] { plan = network.plan(next.policy); }));
    times.locked.push_back(milliseconds([&] { network.apply(next, std::move(plan)); }));
    times.deltas.push_back(milliseconds([&] {
      for (const auto& node : inventory.nodes) {
        if (!network.delta_for(node.id, from)) std::exit(1);
      }
    }));
    next.version.revision = Revision(next.version.revision.value() + 1);
    next.policy = usual.compiled;
    network.apply(next);
  }
  return times;
}

void measure_diffs(Table& table, const Inventory& inventory, std::uint32_t rules) {
  const auto usual = accepted(large_policy(rules), inventory);
  for (const auto& [key, what, variation] : kChanges) {
    const auto other = accepted(large_policy(rules, variation), inventory);
    table.measure(std::string(key) + "_diff", std::string("policy diff: ") + what,
                  [&] { diff(usual.compiled, other.compiled, inventory); });
  }
}

void measure_policy_changes(Table& table, const Inventory& inventory, std::uint32_t rules) {
  for (const auto& [key, what, variation] : kChanges) {
    auto times = change_policy(table.runs(), inventory, rules, variation);
    table.add(std::string(key) + "_read", std::string(what) + ": read", std::move(times.read));
    table.add(std::string(key) + "_planned", std::string(what) + ": plan",
              std::move(times.planned));
    table.add(std::string(key) + "_locked", std::string(what) + ": under the lock",
              std::move(times.locked));
    table.add(std::string(key) + "_deltas", std::string(what) + ": all deltas",
              std::move(times.deltas));
  }
}

int run(std::uint32_t nodes, std::uint32_t rules, int runs) {
  const Inventory inventory = large_network(nodes);
  const std::string text = large_policy(rules);
  std::printf("%u nodes, %u rules (%zu bytes), %d runs\n", nodes, rules, text.size(), runs);
  Table table(runs);
  table.measure("cold", "cold: text, compilation, population, reach", [&] {
    const auto policy = accepted(text, inventory);
    const Population population = populated(policy, inventory);
    const Reach reach(population);
    if (population.everybody().size() != nodes) std::exit(1);
  });
  const auto policy = accepted(text, inventory);
  table.measure("compile", "text and compilation alone", [&] { accepted(text, inventory); });
  measure_changes(table, policy, inventory);
  measure_policy_changes(table, inventory, rules);
  measure_diffs(table, inventory, rules);
  std::string large = large_policy(100'000);
  large.append(large.size() < 10'000'000 ? 10'000'000 - large.size() : 0, ' ');
  table.measure("compile_10_mb", "text and compilation of 10 MB, 100,000 rules",
                [&] { accepted(large, inventory); });
  table.finish(nodes, rules);
  return 0;
}

}  // namespace
}  // namespace kernmesh::policy

int main(int argc, char** argv) {
  const auto number = [&](int index, long usual) {
    return argc > index ? std::strtol(argv[index], nullptr, 10) : usual;
  };
  return kernmesh::policy::run(static_cast<std::uint32_t>(number(1, 10'000)),
                               static_cast<std::uint32_t>(number(2, 1000)),
                               static_cast<int>(number(3, 11)));
}
