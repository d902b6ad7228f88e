// SPDX-License-Identifier: Apache-2.0
// A node's slice of the policy (L1, pure values): the rules that are delivered to it, over sets,
// and apart from them who is in those sets.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/core/policy/service.h"

namespace kernmesh::policy {

// Names a set towards agents. The same name of a policy has the same id in every compilation, and
// after a restart.
using SetId = StrongId<struct SetIdTag, std::uint32_t>;

enum class TargetKind : std::uint8_t {
  kOwnAddresses = 1,  // the node's overlay addresses
  kPrefixes = 2,      // `prefixes`
  kAny = 3,           // whatever the node serves: own addresses, approved routes, exit
};

struct Target {
  TargetKind kind = TargetKind::kOwnAddresses;
  std::vector<Prefix> prefixes;
  std::vector<Service> services;  // with ports; none for a rule that only grants capabilities
  bool operator==(const Target&) const = default;
};

struct Capability {
  std::string name;
  std::string values_json;
  bool operator==(const Capability&) const = default;
};

enum class SshAction : std::uint8_t {
  kAccept = 1,
  kCheck = 2,  // the person behind the source confirms it first
};

enum class SshUserKind : std::uint8_t {
  kRoot = 1,
  kNonroot = 2,    // any local user but root
  kLiteral = 3,    // `name`
  kLocalpart = 4,  // the part before the @ of the source user's address, if its domain is `name`
};

struct SshUserClass {
  SshUserKind kind = SshUserKind::kLiteral;
  std::string name;
  bool operator==(const SshUserClass&) const = default;
};

// Who of the sources may log in as whom. Opens nothing in the packet filter.
struct SshGrant {
  SshAction action = SshAction::kAccept;
  std::vector<SshUserClass> users;
  std::optional<std::chrono::seconds> check_period;  // 0: at every login; absent: the default
  std::vector<std::string> accept_env;
  bool operator==(const SshGrant&) const = default;
};

// A rule of the file is two here when one of its destinations is autogroup:self, because it has
// other sources there. The id says what the rule means, wherever it stands: a rule that only moved
// in the file is not sent again, so `line` is a place in the policy of `policy_revision`.
struct SliceRule {
  RuleId id;
  std::uint32_t policy_revision = 0;
  std::uint32_t line = 0;      // 0: the rule that an absent rule list stands for
  std::vector<SetId> sources;  // ascending; a source in any of them matches
  std::vector<Target> targets;
  std::vector<Capability> capabilities;  // at the own addresses that a target holds
  std::optional<SshGrant> ssh;           // a rule of `ssh`: its targets open nothing
  bool operator==(const SliceRule&) const = default;
};

// Apart from the place.
bool same_meaning(const SliceRule& a, const SliceRule& b);

// Who is in a set: all addresses of its members, and literal prefixes.
struct SourceSet {
  SetId id;
  std::vector<NodeId> members;  // ascending
  std::vector<Prefix> prefixes;
  bool operator==(const SourceSet&) const = default;
};

struct Slice {
  std::vector<SliceRule> rules;  // ascending by id
  std::vector<SourceSet> sets;   // those that the rules name, ascending by id
  bool operator==(const Slice&) const = default;
};

}  // namespace kernmesh::policy
