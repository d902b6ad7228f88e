// SPDX-License-Identifier: Apache-2.0
// What a policy means, read off its syntax tree one question at a time: slow, without sets, indices
// or anything else of the compiler, which is held against it. Sections of docs/policy.md stand
// behind each function.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controller/core/policy/document.h"
#include "controller/core/policy/inventory.h"
#include "controller/core/policy/packet.h"
#include "tests/oracle/region.h"

namespace kernmesh::policy {

class Oracle {
 public:
  // Of a document that parse() accepted. Borrows both.
  Oracle(const Document& document, const Inventory& inventory);

  // Lines of the rules by which `receiver` admits the packet, in the order of the rules; 0 stands
  // for the rule that an absent rule list means. None: denied.
  std::vector<std::uint32_t> judge(NodeId receiver, const Packet& packet) const;
  // Names of the capabilities that `source` has at the receiver, sorted.
  std::vector<std::string> capabilities(NodeId receiver, const IpAddress& source) const;
  bool sees(NodeId viewer, NodeId peer) const;
  // Approved routes of `peer` as `viewer` sees them, ascending; none when it does not see the peer.
  std::vector<Prefix> routes(NodeId viewer, NodeId peer) const;
  // What the administrator and the policy approve of what the node advertises, ascending.
  std::vector<Prefix> approved(NodeId node) const;

 private:
  // A node with what approvals make of its routes.
  struct Host {
    const Node* node = nullptr;
    const User* user = nullptr;  // null: tagged, or nobody's
    std::vector<Prefix> subnets;
    std::vector<Prefix> exits;
    std::vector<Prefix> places;  // own addresses and subnets
  };
  // A rule with what its names come to.
  struct ReadRule {
    Rule rule;
    std::vector<Region> src;
    std::vector<Region> dst;
    Region passing;  // with postures: addresses of the nodes that hold one of them
    bool has_postures = false;
  };
  // One destination of a rule.
  struct Way {
    const ReadRule* read;
    std::size_t destination;
    bool is_network;  // has services; otherwise the rule only gives capabilities
    const Selector& to() const { return read->rule.dst[destination].selector; }
    const Region& region() const { return read->dst[destination]; }
  };

  const Host& host(NodeId id) const;
  void approve(Host& host) const;
  bool is_approved_by_policy(const Host& host, const Prefix& route) const;
  bool means(const Selector& selector, const Host& host) const;
  bool names(const std::string& handle, const User& user) const;
  bool passes(const std::vector<Located>& postures, const Host& host) const;
  void read(const Rule& rule);
  Region source_region(const Selector& selector) const;
  Region region_of(const Selector& selector) const;
  Region ipset_region(const IpSet& ipset) const;

  std::vector<Way> ways_to(const Host& receiver) const;
  bool exists_at(const Way& way, const Host& receiver) const;
  bool admits_source(const Way& way, const Host& receiver, const IpAddress& address) const;
  bool has_source_in(const Way& way, const Host& receiver, const Prefix& place) const;
  bool is_source(const Way& way, const Host& receiver, const Host& source) const;
  bool delivers(const Way& way, const Host& receiver, const IpAddress& address) const;
  static bool leads_to(const Way& way, const Prefix& route);
  bool reaches(const Host& source, const Host& receiver) const;
  bool wants(const Host& viewer, const Host& peer, const Prefix& route) const;
  bool wants_exit(const Host& viewer, const Host& peer) const;

  const Document& document_;
  std::vector<Prefix> overlay_;
  std::vector<Host> hosts_;
  std::vector<ReadRule> rules_;
};

}  // namespace kernmesh::policy
