// SPDX-License-Identifier: Apache-2.0
// Slices and peers for tests of the compiled policy, with the storage that AclInput borrows.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "controller/core/maplayout/acl_image.h"
#include "controller/core/maplayout/acl_verdict.h"

namespace kernmesh::maplayout {

inline IpAddress address(const std::string& text) { return *IpAddress::parse(text); }
inline Prefix prefix(const std::string& text) { return *Prefix::parse(text); }

inline policy::Service tcp(std::uint16_t first, std::uint16_t last) {
  return {{policy::kProtocolTcp}, {{first, last}}};
}
inline policy::Service tcp(std::uint16_t port) { return tcp(port, port); }
// What a rule without a protocol opens.
inline policy::Service everything() { return {policy::default_protocols(), {policy::kAllPorts}}; }

struct SamplePeer {
  std::vector<IpAddress> addresses;
  std::vector<Prefix> routes;
};

struct SampleSlice {
  std::map<RuleId, policy::SliceRule> rules;
  std::map<policy::SetId, policy::SourceSet> sets;
  std::map<NodeId, SamplePeer> peers;
  std::vector<IpAddress> own = {address("100.64.0.1"), address("fd00::1")};
  std::vector<Prefix> served;

  SampleSlice() = default;
  explicit SampleSlice(const policy::Slice& slice) {
    for (const auto& rule : slice.rules) rules.emplace(rule.id, rule);
    for (const auto& set : slice.sets) sets.emplace(set.id, set);
  }

  // 100.64.ID and fd00::ID, the id written as two bytes.
  SamplePeer& peer(std::uint32_t id) {
    auto& peer = peers[NodeId(id)];
    peer.addresses = {IpAddress::from_v4_number(0x64400000u + id)};
    std::array<std::uint8_t, 16> bytes{0xfd};
    for (std::size_t i = 0; i < 4; ++i) bytes[15 - i] = static_cast<std::uint8_t>(id >> (8 * i));
    peer.addresses.push_back(IpAddress::from_v6_bytes(bytes));
    return peer;
  }
  void set(std::uint32_t id, std::initializer_list<std::uint32_t> members,
           std::initializer_list<const char*> prefixes = {}) {
    policy::SourceSet& set = sets[policy::SetId(id)];
    set.id = policy::SetId(id);
    for (const auto member : members) set.members.emplace_back(member);
    for (const char* text : prefixes) set.prefixes.push_back(prefix(text));
  }
  // To the node's own addresses.
  policy::SliceRule& rule(std::uint32_t id, std::initializer_list<std::uint32_t> sources,
                          std::vector<policy::Service> services) {
    policy::Target target;
    target.services = std::move(services);
    return rule(id, sources, std::move(target));
  }
  policy::SliceRule& rule(std::uint32_t id, std::initializer_list<std::uint32_t> sources,
                          policy::Target target) {
    policy::SliceRule& rule = rules[RuleId(id)];
    rule.id = RuleId(id);
    rule.line = id + 1000;
    rule.policy_revision = 7;
    for (const auto source : sources) rule.sources.emplace_back(source);
    rule.targets.push_back(std::move(target));
    return rule;
  }

  AclInput input() const {
    AclInput input{rules, sets, {}, own, served};
    input.peers.reserve(peers.size());
    for (const auto& [id, peer] : peers) input.peers.push_back({id, peer.addresses, peer.routes});
    return input;
  }
  Result<AclImage> try_compile(ImageOptions options = {}) const {
    RuleSlots slots;
    return compile_acl(input(), slots, options);
  }
  // Fails the test and returns an image that nothing fits when it is refused.
  AclImage compile(ImageOptions options = {}) const {
    auto image = try_compile(options);
    if (image) return *std::move(image);
    ADD_FAILURE() << image.error().message();
    return {};
  }
};

inline policy::Packet packet(const std::string& source, const std::string& destination,
                             std::uint8_t protocol, std::uint16_t port) {
  return {address(source), address(destination), protocol, port};
}

inline std::string words(const AclVerdict& verdict) {
  switch (verdict.outcome) {
    case AclOutcome::kAllowed:
      return "rule " + to_string(verdict.rule.id) + " for node " + to_string(verdict.node);
    case AclOutcome::kUnknownSource:
      return "unknown source";
    case AclOutcome::kNotOurs:
      return "not ours";
    case AclOutcome::kDenied:
      return "denied to node " + to_string(verdict.node);
    case AclOutcome::kBadImage:
      return "bad image";
  }
  return "no outcome";
}

inline mesh_acl_header header_of(const AclImage& image) {
  mesh_acl_header header;
  std::memcpy(&header, image.lines.data(), sizeof header);
  return header;
}
inline mesh_acl_extent extent_of(const AclImage& image) {
  mesh_acl_extent extent;
  std::memcpy(&extent, &image.lines[2], sizeof extent);
  return extent;
}

}  // namespace kernmesh::maplayout
