// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netmap/rule_words.h"

#include <gtest/gtest.h>

#include "controller/core/policy/any_source.h"

namespace kernmesh::netmap {
namespace {

using policy::Service;
using policy::TargetKind;
using Texts = std::vector<std::string>;

Prefix cidr(const char* text) { return *Prefix::parse(text); }
Service tcp(std::uint16_t first, std::uint16_t last) {
  return {{policy::kProtocolTcp}, {{first, last}}};
}

class Words : public ::testing::Test {
 protected:
  Words() {
    map_.self.id = NodeId(1);
    map_.self.name = "db-1";
    map_.self.addresses = {*IpAddress::parse("100.64.0.1")};
    for (const std::uint64_t id : {2, 3}) {
      auto& peer = map_.peers[NodeId(id)];
      peer.id = NodeId(id);
      peer.name = "web-" + std::to_string(id);
      peer.addresses = {IpAddress::from_v4_number(0x64400000u + static_cast<std::uint32_t>(id))};
    }
    map_.sets[SetId(1)] = {SetId(1), {NodeId(1), NodeId(2), NodeId(3)}, {cidr("10.0.0.0/8")}};
    map_.sets[SetId(2)] = {SetId(2), {NodeId(2), NodeId(9)}, {}};
  }
  Rule& rule(std::uint32_t id, std::uint32_t set, std::vector<policy::Target> targets) {
    auto& rule = map_.rules[RuleId(id)];
    rule.id = RuleId(id);
    rule.sources = {SetId(set)};
    rule.targets = std::move(targets);
    return rule;
  }
  NearRules near(const char* source, const char* destination, std::uint16_t port) const {
    return near_rules(map_, {*IpAddress::parse(source), *IpAddress::parse(destination),
                             policy::kProtocolTcp, port});
  }
  Netmap map_;
};

TEST_F(Words, sources_are_names_then_prefixes_once_each_and_all_are_counted) {
  auto& both = rule(1, 1, {});
  both.sources = {SetId(1), SetId(2)};
  const auto all = words_of(map_, both, 16);
  EXPECT_EQ(all.sources, (Texts{"db-1", "web-2", "web-3", "node 9", "10.0.0.0/8"}));
  const auto few = words_of(map_, both, 2);
  EXPECT_EQ(few.sources, (Texts{"db-1", "web-2"}));
  EXPECT_EQ(few.source_count, 5u);
}

TEST_F(Words, a_source_that_is_the_whole_overlay_is_a_star) {
  map_.self.overlay_prefixes = {cidr("100.64.0.0/10"), cidr("fd46::/48")};
  const auto any = policy::any_of(map_.self.overlay_prefixes).prefixes();
  ASSERT_GT(any.size(), 2u) << "100.115.92.0/23 is left out";
  map_.sets[SetId(3)] = {SetId(3), {}, any};
  map_.sets[SetId(3)].prefixes.push_back(cidr("192.168.7.0/24"));  // an approved route
  auto& one = rule(1, 3, {});
  EXPECT_EQ(words_of(map_, one, 16).sources, Texts{"*"});
  EXPECT_EQ(words_of(map_, one, 16).source_count, 1u);
  one.sources = {SetId(1), SetId(3)};
  EXPECT_EQ(words_of(map_, one, 16).sources, (Texts{"*", "db-1", "web-2", "web-3", "10.0.0.0/8"}));
  EXPECT_EQ(words_of(map_, one, 16).source_count, 5u);
}

TEST_F(Words, a_source_that_lacks_a_part_of_the_overlay_is_told_by_its_prefixes) {
  map_.self.overlay_prefixes = {cidr("100.64.0.0/10"), cidr("fd46::/48")};
  map_.sets[SetId(3)] = {SetId(3), {}, {cidr("100.64.0.0/10")}};
  EXPECT_EQ(words_of(map_, rule(1, 3, {}), 16).sources, Texts{"100.64.0.0/10"});
}

TEST_F(Words, services_are_told_as_the_policy_writes_them) {
  const std::vector<std::pair<Service, Texts>> cases{
      {tcp(80, 443), {"tcp/80-443"}},
      {{policy::default_protocols(), {policy::kAllPorts}}, {"*"}},
      {{{policy::kProtocolIcmp}, {policy::kAllPorts}}, {"icmp"}},
      {{policy::default_protocols(), {{53, 53}}}, {"tcp/53", "udp/53"}},
  };
  for (const auto& [service, expected] : cases) {
    const auto& one = rule(1, 1, {{TargetKind::kOwnAddresses, {}, {service}}});
    EXPECT_EQ(words_of(map_, one, 1).services, expected) << expected.front();
  }
}

TEST_F(Words, destinations_without_services_are_left_out) {
  const auto& one = rule(1, 1,
                         {{TargetKind::kOwnAddresses, {}, {tcp(22, 22)}},
                          {TargetKind::kPrefixes, {cidr("10.1.0.0/16")}, {tcp(22, 22)}},
                          {TargetKind::kAny, {}, {}}});
  const auto words = words_of(map_, one, 1);
  EXPECT_EQ(words.destinations, (Texts{"this node", "10.1.0.0/16"}));
  EXPECT_EQ(words.services, (Texts{"tcp/22"}));
}

TEST_F(Words, near_rules_have_the_source_or_open_the_port_there) {
  rule(1, 2, {{TargetKind::kOwnAddresses, {}, {tcp(22, 22)}}});
  rule(2, 1, {{TargetKind::kPrefixes, {cidr("10.1.0.0/16")}, {tcp(80, 80)}}});
  rule(3, 2, {{TargetKind::kOwnAddresses, {}, {}}});
  const auto of_member = near("100.64.0.3", "100.64.0.1", 22);
  ASSERT_EQ(of_member.from_source.size(), 1u);
  EXPECT_EQ(of_member.from_source[0]->id, RuleId(2));
  ASSERT_EQ(of_member.to_destination.size(), 1u);
  EXPECT_EQ(of_member.to_destination[0]->id, RuleId(1));
  const auto of_range = near("10.9.9.9", "10.1.2.3", 80);
  ASSERT_EQ(of_range.from_source.size(), 1u);
  EXPECT_EQ(of_range.from_source[0]->id, RuleId(2));
  EXPECT_EQ(of_range.to_destination, of_range.from_source);
}

}  // namespace
}  // namespace kernmesh::netmap
