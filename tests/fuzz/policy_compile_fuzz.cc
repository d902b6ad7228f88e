// SPDX-License-Identifier: Apache-2.0
// Any text as the policy of a small network: what is accepted is compiled, sliced for every node
// and written out, and who sees whom is the same from both ends.
#include <cstdlib>
#include <string_view>

#include "controller/core/policy/expansion.h"
#include "controller/core/policy/network_policy.h"
#include "controller/core/policy/slicing.h"

namespace kernmesh::policy {
namespace {

Node node(std::uint64_t id, UserId user, std::vector<std::string> tags,
          std::initializer_list<const char*> routes) {
  Node made;
  made.id = NodeId(id);
  made.name = "n" + std::to_string(id);
  made.user = user;
  made.tags = std::move(tags);
  made.addresses = {*IpAddress::parse("100.64.0." + std::to_string(id)),
                    *IpAddress::parse("fd7a:115c:a1e0::" + std::to_string(id))};
  for (const char* route : routes) made.routes_advertised.push_back(*Prefix::parse(route));
  if (id % 2 == 0) made.routes_approved = made.routes_advertised;
  made.attributes = {{"node:os", id % 2 == 0 ? "linux" : "macos"}};
  return made;
}

const Inventory& network() {
  static const Inventory inventory = {
      {*Prefix::parse("100.64.0.0/10"), *Prefix::parse("fd7a:115c:a1e0::/48")},
      {"a.b"},
      {{UserId(1), "u", "u@a.b", {"owner", "admin"}}, {UserId(2), "v", "", {}}},
      {node(1, UserId(1), {}, {"10.0.0.0/8"}), node(2, UserId(1), {}, {"10.33.0.0/16", "::/0"}),
       node(3, UserId(2), {}, {}), node(4, UserId(), {"tag:a"}, {"10.33.0.0/16", "0.0.0.0/0"}),
       node(5, UserId(), {"tag:a", "tag:b"}, {"fd00::/8", "100.64.0.2/31"})}};
  return inventory;
}

void ask(const Population& population) {
  const Reach reach(population);
  population.everybody().for_each([&](NodeIndex viewer) {
    expand(slice_for(reach, viewer), population, viewer);
    const NodeSet peers = reach.peers_of(viewer);
    peers.for_each([&](NodeIndex peer) {
      routes_for(reach, peer, viewer, peers);
      if (!reach.peers_of(peer).contains(viewer)) std::abort();
    });
  });
}

}  // namespace
}  // namespace kernmesh::policy

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kernmesh::policy;
  Diagnostics diagnostics;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto accepted = accept(text, network(), diagnostics);
  if (!accepted) return 0;
  Population population(accepted->compiled, network().overlay);
  for (const auto& user : network().users) population.put(user);
  for (const auto& node : network().nodes) population.put(node);
  ask(population);
  for (const auto& node : network().nodes) {
    population.remove(node.id);
    ask(population);
  }
  return 0;
}
