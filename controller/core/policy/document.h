// SPDX-License-Identifier: Apache-2.0
// A policy file as a syntax tree: what the text says, each name still a name (L1, pure values).
// Written by parse.cc, read by the checks, the compiler and the oracle; never changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/ip.h"
#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/posture.h"
#include "controller/core/policy/selector.h"
#include "controller/core/policy/service.h"
#include "controller/core/policy/slice.h"

namespace kernmesh::policy {

enum class RuleOrigin { kAcl, kGrant };

struct Destination {
  Selector selector;
  std::vector<PortRange> ports;  // acls only; empty in grants
};

// One capability of a grant: a name and its list of values as compact JSON text, e.g. "[{}]".
struct AppCapability {
  std::string name;
  std::string values_json;
  Position at;
};

// An acl or a grant. An acl has one service without ports, and each destination its own ports; a
// grant has services with ports, each of which applies to each destination.
struct Rule {
  RuleOrigin origin = RuleOrigin::kAcl;
  std::uint32_t index = 0;  // in its list, from 0
  Position at;              // of its opening brace
  std::vector<Selector> src;
  std::vector<Destination> dst;
  std::vector<Service> services;  // empty in a grant without `ip`
  std::vector<AppCapability> app;
  std::vector<Selector> via;                        // tags
  std::optional<std::vector<Located>> src_posture;  // absent: default_src_posture holds
};

struct Group {
  Position at;
  std::vector<Located> members;  // users, and "oidc:x": the identity provider's group x
};

struct Host {
  Position at;
  Prefix prefix;
};

enum class IpSetOperation { kAdd, kRemove };

struct IpSetStep {
  IpSetOperation operation = IpSetOperation::kAdd;
  Selector selector;  // kPrefix, kHost, kIpSet or autogroup:internet
};

struct IpSet {
  Position at;
  std::vector<IpSetStep> steps;
};

struct TagOwners {
  Position at;
  std::vector<Selector> owners;
};

struct RouteApproval {
  Prefix prefix;
  Position at;
  std::vector<Selector> approvers;
};

struct NodeAttribute {
  Position at;
  std::vector<Selector> targets;
  std::vector<Located> attributes;
  std::vector<AppCapability> app;
  std::vector<Prefix> ip_pool;
};

struct SshUser : SshUserClass {
  Position at;
};

struct SshRule {
  std::uint32_t index = 0;
  Position at;
  SshAction action = SshAction::kAccept;
  std::vector<Selector> src;
  std::vector<Selector> dst;
  std::vector<SshUser> users;
  std::optional<std::chrono::seconds> check_period;  // 0: always
  std::vector<std::string> accept_env;
  std::optional<std::vector<Located>> src_posture;
};

// An entry of `tests`, its names unread: what is wrong in them is a test that fails.
struct PolicyTest {
  Position at;
  Located src;
  Located protocol;  // empty: none said
  std::vector<Located> accept;
  std::vector<Located> deny;
  std::vector<std::pair<std::string, std::string>> src_posture_attrs;
};

struct SshTest {
  Position at;
  Selector src;
  std::vector<Selector> dst;
  std::vector<Located> accept;
  std::vector<Located> deny;
  std::vector<Located> check;
};

struct Document {
  // Absent and empty differ: no `acls` and no `grants` at all allows everything.
  bool has_rules_key = false;
  std::vector<Rule> rules;                                // acls in order, then grants in order
  std::unordered_map<std::string, Group> groups;          // by "group:x"
  std::unordered_map<std::string, Host> hosts;            // by alias
  std::unordered_map<std::string, IpSet> ipsets;          // by "ipset:x"
  std::unordered_map<std::string, TagOwners> tag_owners;  // by "tag:x"
  std::unordered_map<std::string, Posture> postures;      // by "posture:x"
  std::vector<Located> default_src_posture;
  std::vector<RouteApproval> route_approvals;
  std::vector<Selector> exit_approvers;
  std::vector<NodeAttribute> node_attributes;
  bool randomize_client_port = false;
  std::vector<SshRule> ssh;
  std::vector<PolicyTest> tests;
  std::vector<SshTest> ssh_tests;
};

}  // namespace kernmesh::policy
