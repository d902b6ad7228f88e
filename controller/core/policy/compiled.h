// SPDX-License-Identifier: Apache-2.0
// A policy compiled as far as it goes without knowing any node (L1, pure values): rules over sets.
// A set is what one name of the policy stands for; which nodes are in it changes with the network,
// the rules do not (design: identities and rules apart).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/ids.h"
#include "controller/core/policy/address_set.h"
#include "controller/core/policy/document.h"
#include "controller/core/policy/identity.h"
#include "controller/core/policy/slice.h"

namespace kernmesh::policy {

struct SetDefinition {
  SetId id;
  std::string name;  // as the policy spells it, with its postures: for people, and the id's source
  Identity identity;
  bool wildcard = false;  // "*" as a source: the overlay and approved routes
  AddressSet addresses;   // literal ones
  // Each of them suffices; empty: none asked. Point into CompiledPolicy::postures.
  std::vector<std::uint32_t> postures;
};

enum class DestinationKind { kAny, kInternet, kSelf, kSet };

struct CompiledDestination {
  DestinationKind kind = DestinationKind::kSet;
  std::uint32_t set = 0;         // kSet: index into CompiledPolicy::sets
  std::vector<PortRange> ports;  // acls only, see Rule::services
};

struct CompiledRule {
  RuleId id;
  RuleId self_id;  // of its part towards autogroup:self
  RuleOrigin origin = RuleOrigin::kAcl;
  std::uint32_t index = 0;  // in its list
  Position at;
  std::vector<std::uint32_t> sources;  // indices into CompiledPolicy::sets, ascending
  std::vector<CompiledDestination> destinations;
  std::vector<Service> services;
  std::vector<AppCapability> app;
  std::vector<std::string> via;
  std::optional<SshGrant>
      ssh;  // a rule of `ssh`: it connects nobody, and is delivered all the same
};

struct Approval {
  Prefix prefix;
  std::vector<Identity> approvers;
  bool operator==(const Approval&) const = default;
};

struct CompiledPolicy {
  std::uint32_t revision = 0;  // which of a server's policies this is; 0: none's
  std::vector<SetDefinition> sets;
  std::vector<CompiledRule> rules;  // in the order of the file
  std::vector<Posture> postures;
  std::vector<Approval> route_approvals;
  std::vector<Identity> exit_approvers;
};

// All ipsets together, resolved; past this a policy is refused rather than the memory used up.
inline constexpr std::size_t kMaxIpSetRanges = 1'000'000;

// Of a document that parse() accepted; ipsets are resolved. Time is proportional to the document.
// kExhausted past kMaxIpSetRanges.
Result<CompiledPolicy> compile(const Document& document);

// FNV-1a (RFC 9923), 32 bits, never 0: ids that are the same wherever the same name is compiled.
std::uint32_t set_id_hash(std::string_view name);

// What the rule opens towards one of its destinations: an acl's protocols with the destination's
// ports, a grant's services. Calls visit(const std::vector<std::uint8_t>& protocols, const
// std::vector<PortRange>& ports).
template <typename Visit>
void for_each_service(const CompiledRule& rule, const CompiledDestination& destination,
                      Visit visit) {
  for (const auto& service : rule.services) {
    visit(service.protocols, rule.origin == RuleOrigin::kAcl ? destination.ports : service.ports);
  }
}

// Public addresses as autogroup:internet means them: IPv4 without the private ranges, 2000::/3.
const AddressSet& internet();

}  // namespace kernmesh::policy
