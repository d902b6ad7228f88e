// SPDX-License-Identifier: Apache-2.0
// Images of small slices written by hand.
#include "controller/core/maplayout/acl_image.h"

#include <cstring>

#include "tests/unit/core/maplayout/sample_slice.h"

namespace kernmesh::maplayout {
namespace {

using policy::Target;
using policy::TargetKind;

constexpr std::uint8_t kTcp = policy::kProtocolTcp;
constexpr std::uint8_t kUdp = policy::kProtocolUdp;
constexpr std::uint8_t kSctp = policy::kProtocolSctp;
constexpr std::uint8_t kIcmp = policy::kProtocolIcmp;
constexpr std::uint8_t kGre = 47;

struct Case {
  const char* source;
  const char* destination;
  std::uint8_t protocol;
  std::uint16_t port;
  std::string expected;
};

void check(const AclImage& image, const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const auto verdict = judge(image.lines, packet(c.source, c.destination, c.protocol, c.port));
    EXPECT_EQ(words(verdict), c.expected) << c.source << " to " << c.destination << " protocol "
                                          << int{c.protocol} << " port " << c.port;
  }
}

Target to_prefixes(std::initializer_list<const char*> texts,
                   std::vector<policy::Service> services) {
  Target target{TargetKind::kPrefixes, {}, std::move(services)};
  for (const char* text : texts) target.prefixes.push_back(prefix(text));
  return target;
}

// Peers 2, 3 and 4; set 1 is peer 2, set 2 peers 2 and 3.
SampleSlice small() {
  SampleSlice sample;
  for (const std::uint32_t id : {2u, 3u, 4u}) sample.peer(id);
  sample.set(1, {2});
  sample.set(2, {2, 3});
  return sample;
}

TEST(AclImage, a_slice_without_rules_denies_and_knows_its_peers) {
  check(small().compile(), {{"100.64.0.2", "100.64.0.1", kTcp, 80, "denied to node 2"},
                            {"fd00::4", "fd00::1", kTcp, 80, "denied to node 4"},
                            {"100.64.0.9", "100.64.0.1", kTcp, 80, "unknown source"},
                            {"100.64.0.1", "100.64.0.1", kTcp, 80, "unknown source"},
                            {"100.64.0.2", "100.64.0.9", kTcp, 80, "not ours"}});
}

TEST(AclImage, ports_are_open_from_the_first_to_the_last_of_a_range) {
  SampleSlice sample = small();
  sample.rule(1, {1}, {tcp(80, 90), tcp(65535), tcp(1)});
  sample.rule(2, {1}, {{{kUdp}, {{0, 5}}}});
  const std::string yes = "rule 1 for node 2", no = "denied to node 2";
  check(sample.compile(), {{"100.64.0.2", "100.64.0.1", kTcp, 79, no},
                           {"100.64.0.2", "100.64.0.1", kTcp, 80, yes},
                           {"100.64.0.2", "100.64.0.1", kTcp, 90, yes},
                           {"100.64.0.2", "100.64.0.1", kTcp, 91, no},
                           {"100.64.0.2", "100.64.0.1", kTcp, 65535, yes},
                           {"100.64.0.2", "100.64.0.1", kTcp, 65534, no},
                           {"100.64.0.2", "100.64.0.1", kTcp, 0, no},
                           {"100.64.0.2", "100.64.0.1", kTcp, 1, yes},
                           {"100.64.0.2", "100.64.0.1", kUdp, 0, "rule 2 for node 2"},
                           {"100.64.0.2", "100.64.0.1", kUdp, 5, "rule 2 for node 2"},
                           {"100.64.0.2", "100.64.0.1", kUdp, 6, no},
                           {"100.64.0.2", "100.64.0.1", kUdp, 80, no},
                           {"100.64.0.3", "100.64.0.1", kTcp, 80, "denied to node 3"}});
}

TEST(AclImage, protocols_without_ports_are_open_only_where_all_ports_are) {
  SampleSlice sample = small();
  sample.rule(1, {1}, {{{kIcmp, kTcp}, {{1, 65535}}}});
  sample.rule(2, {1}, {{{kIcmp}, {policy::kAllPorts}}});
  sample.rule(3, {2}, {{{kGre}, {{0, 100}, {101, 65535}}}});
  sample.rule(4, {2}, {{{kSctp}, {policy::kAllPorts}}});
  check(sample.compile(), {{"100.64.0.2", "100.64.0.1", kIcmp, 0, "rule 2 for node 2"},
                           {"100.64.0.2", "100.64.0.1", kIcmp, 7, "rule 2 for node 2"},
                           {"100.64.0.2", "100.64.0.1", kTcp, 1, "rule 1 for node 2"},
                           {"100.64.0.2", "100.64.0.1", kTcp, 0, "denied to node 2"},
                           {"100.64.0.3", "100.64.0.1", kGre, 0, "denied to node 3"},
                           {"100.64.0.3", "100.64.0.1", kSctp, 0, "rule 4 for node 3"},
                           {"100.64.0.3", "100.64.0.1", kSctp, 65535, "rule 4 for node 3"},
                           {"100.64.0.2", "100.64.0.1", 0, 0, "denied to node 2"},
                           {"100.64.0.2", "100.64.0.1", 255, 0, "denied to node 2"}});
}

TEST(AclImage, a_protocol_of_one_class_has_no_table_of_ports) {
  SampleSlice sample = small();
  sample.rule(1, {1}, {everything()});
  EXPECT_EQ(header_of(sample.compile()).ports[0], 0u);
  sample.rule(2, {1}, {tcp(22)});
  const auto header = header_of(sample.compile());
  EXPECT_NE(header.ports[0], 0u);
  EXPECT_EQ(header.ports[1], 0u);
  EXPECT_EQ(header.ports[2], 0u);
}

TEST(AclImage, of_several_rules_the_lowest_id_decides) {
  SampleSlice sample = small();
  sample.rule(7, {1}, {tcp(22)});
  sample.rule(3, {2}, {tcp(20, 25)});
  sample.rule(9, {1, 2}, {everything()});
  check(sample.compile(), {{"100.64.0.2", "100.64.0.1", kTcp, 22, "rule 3 for node 2"},
                           {"100.64.0.2", "100.64.0.1", kTcp, 26, "rule 9 for node 2"},
                           {"fd00::3", "fd00::1", kUdp, 22, "rule 9 for node 3"}});
}

TEST(AclImage, rules_for_logins_or_capabilities_open_nothing) {
  SampleSlice sample = small();
  sample.rule(1, {1}, {tcp(22)}).ssh = policy::SshGrant{};
  sample.rule(2, {1}, Target{}).capabilities = {{"example.com/cap", "[]"}};
  const auto image = sample.compile();
  check(image, {{"100.64.0.2", "100.64.0.1", kTcp, 22, "denied to node 2"}});
  EXPECT_EQ(extent_of(image).rule_count, 1u);
}

TEST(AclImage, a_literal_prefix_names_addresses_of_its_family_only) {
  SampleSlice sample = small();
  sample.set(3, {}, {"100.64.0.2/32", "0.0.0.0/0"});
  sample.set(4, {}, {"::/0"});
  sample.rule(1, {3}, {tcp(1)});
  sample.rule(2, {4}, {tcp(2)});
  check(sample.compile(), {{"100.64.0.2", "100.64.0.1", kTcp, 1, "rule 1 for node 2"},
                           {"100.64.0.2", "100.64.0.1", kTcp, 2, "denied to node 2"},
                           {"fd00::2", "fd00::1", kTcp, 1, "denied to node 2"},
                           {"fd00::2", "fd00::1", kTcp, 2, "rule 2 for node 2"}});
}

TEST(AclImage, sources_behind_a_peer_are_those_of_the_longest_route) {
  SampleSlice sample = small();
  sample.peers[NodeId(2)].routes = {prefix("10.0.0.0/8"), prefix("fd77::/16")};
  sample.peers[NodeId(3)].routes = {prefix("10.1.0.0/16")};
  sample.peers[NodeId(4)].routes = {prefix("10.1.0.0/16")};
  sample.set(3, {}, {"10.1.2.0/24"});
  sample.rule(1, {3}, {tcp(80)});
  sample.rule(2, {1}, {tcp(80)});  // peer 2, not what is behind it
  check(sample.compile(), {{"10.0.0.0", "100.64.0.1", kTcp, 80, "denied to node 2"},
                           {"10.0.255.255", "100.64.0.1", kTcp, 80, "denied to node 2"},
                           {"10.1.0.0", "100.64.0.1", kTcp, 80, "denied to node 3"},
                           {"10.1.1.255", "100.64.0.1", kTcp, 80, "denied to node 3"},
                           {"10.1.2.0", "100.64.0.1", kTcp, 80, "rule 1 for node 3"},
                           {"10.1.2.255", "100.64.0.1", kTcp, 80, "rule 1 for node 3"},
                           {"10.1.3.0", "100.64.0.1", kTcp, 80, "denied to node 3"},
                           {"10.2.0.0", "100.64.0.1", kTcp, 80, "denied to node 2"},
                           {"10.255.255.255", "100.64.0.1", kTcp, 80, "denied to node 2"},
                           {"11.0.0.0", "100.64.0.1", kTcp, 80, "unknown source"},
                           {"9.255.255.255", "100.64.0.1", kTcp, 80, "unknown source"},
                           {"fd77::1", "fd00::1", kTcp, 80, "denied to node 2"}});
}

TEST(AclImage, a_peers_own_address_wins_over_a_route_around_it) {
  SampleSlice sample = small();
  sample.peers[NodeId(4)].routes = {prefix("100.64.0.0/24")};
  sample.rule(1, {2}, {tcp(80)});
  check(sample.compile(), {{"100.64.0.3", "100.64.0.1", kTcp, 80, "rule 1 for node 3"},
                           {"100.64.0.5", "100.64.0.1", kTcp, 80, "denied to node 4"},
                           {"100.64.0.1", "100.64.0.1", kTcp, 80, "unknown source"}});
}

TEST(AclImage, an_exit_node_is_no_source_of_special_addresses) {
  SampleSlice sample = small();
  sample.peers[NodeId(2)].routes = {prefix("0.0.0.0/0"), prefix("::/0")};
  sample.set(3, {}, {"0.0.0.0/0", "::/0"});
  sample.rule(1, {3}, {everything()});
  const auto image = sample.compile();
  for (const char* source :
       {"0.0.0.0", "0.255.255.255", "127.0.0.1", "127.255.255.255", "169.254.0.0",
        "169.254.255.255", "224.0.0.0", "239.255.255.255", "255.255.255.255", "100.64.0.1",
        "::", "::1", "fe80::", "ff02::1", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fd00::1",
        "::ffff:1.1.1.1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    check(image, {{source, "100.64.0.1", kTcp, 80, "unknown source"}});
  }
  for (const char* source :
       {"1.0.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
        "223.255.255.255", "240.0.0.0", "100.64.0.0", "::2",
        "fe7f:ffff::", "fec0::", "feff::", "fd00::0", "::fffe:1:1", "::1:0:0:0"}) {
    check(image, {{source, "100.64.0.1", kTcp, 80, "rule 1 for node 2"}});
  }
}

TEST(AclImage, destinations_behind_this_node_are_cut_by_the_targets) {
  SampleSlice sample = small();
  sample.served = {prefix("10.0.0.0/8"), prefix("0.0.0.0/0")};
  sample.rule(1, {1}, to_prefixes({"10.1.0.0/16", "10.1.2.0/24"}, {tcp(80)}));
  sample.rule(2, {1}, Target{TargetKind::kAny, {}, {tcp(443)}});
  sample.rule(3, {1}, {tcp(22)});
  const std::string no = "denied to node 2";
  check(sample.compile(), {{"100.64.0.2", "10.0.255.255", kTcp, 80, no},
                           {"100.64.0.2", "10.1.0.0", kTcp, 80, "rule 1 for node 2"},
                           {"100.64.0.2", "10.1.255.255", kTcp, 80, "rule 1 for node 2"},
                           {"100.64.0.2", "10.2.0.0", kTcp, 80, no},
                           {"100.64.0.2", "8.8.8.8", kTcp, 443, "rule 2 for node 2"},
                           {"100.64.0.2", "100.64.0.1", kTcp, 443, "rule 2 for node 2"},
                           {"100.64.0.2", "8.8.8.8", kTcp, 22, no},
                           {"100.64.0.2", "100.64.0.1", kTcp, 22, "rule 3 for node 2"},
                           {"100.64.0.2", "127.0.0.1", kTcp, 443, "not ours"},
                           {"100.64.0.2", "169.254.169.254", kTcp, 443, "not ours"},
                           {"100.64.0.2", "224.0.0.1", kTcp, 443, "not ours"},
                           {"fd00::2", "2001:db8::1", kTcp, 443, "not ours"}});
}

TEST(AclImage, own_addresses_past_the_third_are_found_among_the_ranges) {
  SampleSlice sample = small();
  sample.own = {address("100.64.0.1"), address("fd00::1"), address("100.65.0.1"),
                address("100.66.0.1"), address("fd00::ffff")};
  sample.served = {prefix("100.66.0.0/24")};
  sample.rule(1, {1}, {tcp(80)});
  sample.rule(2, {1}, to_prefixes({"fd00::ffff/128"}, {tcp(81)}));
  check(sample.compile(), {{"100.64.0.2", "100.65.0.1", kTcp, 80, "rule 1 for node 2"},
                           {"100.64.0.2", "100.66.0.1", kTcp, 80, "rule 1 for node 2"},
                           {"100.64.0.2", "100.66.0.2", kTcp, 80, "denied to node 2"},
                           {"100.64.0.2", "100.66.1.0", kTcp, 80, "not ours"},
                           {"fd00::2", "fd00::ffff", kTcp, 81, "rule 2 for node 2"},
                           {"fd00::2", "fd00::1", kTcp, 81, "denied to node 2"},
                           {"fd00::2", "fd00::fffe", kTcp, 80, "not ours"},
                           {"100.66.0.1", "100.64.0.1", kTcp, 80, "unknown source"}});
}

TEST(AclImage, the_unspecified_address_is_nobodys_though_unused_places_are_zero) {
  SampleSlice sample = small();
  sample.own = {address("fd00::1")};
  sample.rule(1, {2}, {everything()});
  check(sample.compile(), {{"fd00::2", "::", kTcp, 80, "not ours"}});
}

TEST(AclImage, a_set_that_the_map_does_not_have_admits_nobody) {
  SampleSlice sample = small();
  sample.rule(1, {9}, {everything()});
  check(sample.compile(), {{"100.64.0.2", "100.64.0.1", kTcp, 80, "denied to node 2"}});
}

TEST(AclImage, says_where_the_rule_stands_and_what_it_was_made_of) {
  SampleSlice sample = small();
  sample.rule(5, {1}, {tcp(80)});
  const auto image = sample.compile({42, 3, {Epoch(2), Revision(17)}, MESH_ACL_MAX_LINES});
  const auto verdict = judge(image.lines, packet("100.64.0.2", "100.64.0.1", kTcp, 80));
  EXPECT_EQ(verdict.slot, 1u);
  EXPECT_EQ(verdict.rule.line, 1005u);
  EXPECT_EQ(verdict.rule.policy_revision, PolicyRevision(7));
  EXPECT_EQ(header_of(image).generation, 42u);
  EXPECT_EQ(extent_of(image).epoch, 2u);
  EXPECT_EQ(extent_of(image).revision, 17u);
  EXPECT_EQ(extent_of(image).lines, image.lines.size());
}

TEST(AclImage, one_of_another_build_or_cut_short_is_bad) {
  SampleSlice sample = small();
  sample.rule(1, {1}, {tcp(80)});
  auto image = sample.compile();
  const auto question = packet("100.64.0.2", "100.64.0.1", kTcp, 80);
  for (const std::size_t lines : {std::size_t{0}, std::size_t{2}, image.lines.size() - 1}) {
    EXPECT_EQ(judge(std::span(image.lines).first(lines), question).outcome, AclOutcome::kBadImage);
  }
  image.lines[0].w[0] += 1;
  EXPECT_EQ(judge(image.lines, question).outcome, AclOutcome::kBadImage);
}

}  // namespace
}  // namespace kernmesh::maplayout
