// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/slicing.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/core/policy/small_network.h"

namespace kernmesh::policy {
namespace {

using Texts = std::vector<std::string>;

Packet packet(const std::string& source, const std::string& destination,
              std::uint8_t protocol = kProtocolTcp, std::uint16_t port = 80) {
  return {address(source), address(destination), protocol, port};
}

bool admits(const CompiledNetwork& network, std::uint64_t node, const Packet& packet) {
  const NodeId id(node);
  return judge(network.slice(id), network.addresses, network.addresses.at(id), packet) != nullptr;
}

Texts routes(const CompiledNetwork& network, std::uint64_t viewer, std::uint64_t peer) {
  auto routes = texts(network.routes(NodeId(viewer), NodeId(peer)));
  std::sort(routes.begin(), routes.end());
  return routes;
}

TEST(Slicing, a_user_means_all_untagged_devices_in_both_families) {
  SmallNetwork network;
  network.node(1, "ada");
  network.node(2, "ada");
  network.node(3, "tag:web");
  network.inventory.nodes[2].user = UserId(1);
  network.node(4, "bob");
  const auto compiled = network.compile(R"({
    "tagOwners": {"tag:web": ["ada@example.com"]},
    "acls": [{"action": "accept", "src": ["ada@example.com"], "dst": ["bob@example.com:80"]}]})");
  EXPECT_TRUE(admits(*compiled, 4, packet("100.64.0.1", "100.64.0.4")));
  EXPECT_TRUE(admits(*compiled, 4, packet("100.64.0.2", "100.64.0.4")));
  EXPECT_TRUE(admits(*compiled, 4, packet("fd7a:115c:a1e0::2", "fd7a:115c:a1e0::4")));
  EXPECT_FALSE(admits(*compiled, 4, packet("100.64.0.3", "100.64.0.4"))) << "a tagged node";
  EXPECT_FALSE(admits(*compiled, 1, packet("100.64.0.4", "100.64.0.1"))) << "the other way";
}

struct PortCase {
  const char* rule;
  std::uint8_t protocol;
  std::uint16_t port;
  bool admitted;
};

TEST(Slicing, opens_exactly_the_protocols_and_ports_of_the_rule) {
  SmallNetwork network;
  network.node(1, "ada");
  network.node(2, "bob");
  const char* const acl = R"({"acls": [{"action": "accept", "src": ["*"], )";
  const std::vector<PortCase> cases = {{R"("dst": ["*:22,80-443"]}]})", 6, 22, true},
                                       {R"("dst": ["*:22,80-443"]}]})", 6, 23, false},
                                       {R"("dst": ["*:22,80-443"]}]})", 17, 80, true},
                                       {R"("dst": ["*:22,80-443"]}]})", 6, 79, false},
                                       {R"("dst": ["*:22,80-443"]}]})", 6, 443, true},
                                       {R"("dst": ["*:22,80-443"]}]})", 6, 444, false},
                                       {R"("dst": ["*:22,80-443"]}]})", 1, 0, false},
                                       {R"("dst": ["*:*"]}]})", 1, 0, true},
                                       {R"("dst": ["*:*"]}]})", 58, 0, true},
                                       {R"("dst": ["*:*"]}]})", 132, 80, false},
                                       {R"("dst": ["*:*"]}]})", 47, 0, false},
                                       {R"("proto": "icmp", "dst": ["*:*"]}]})", 1, 0, true},
                                       {R"("proto": "icmp", "dst": ["*:*"]}]})", 58, 0, false},
                                       {R"("proto": "47", "dst": ["*:*"]}]})", 47, 0, true},
                                       {R"("proto": "sctp", "dst": ["*:80"]}]})", 132, 80, true},
                                       {R"("proto": "sctp", "dst": ["*:80"]}]})", 6, 80, false},
                                       {R"("proto": "tcp", "dst": ["*:*"]}]})", 6, 0, true}};
  for (const auto& test : cases) {
    const auto compiled = network.compile(acl + std::string(test.rule));
    EXPECT_EQ(admits(*compiled, 2, packet("100.64.0.1", "100.64.0.2", test.protocol, test.port)),
              test.admitted)
        << test.rule << " protocol " << int{test.protocol} << " port " << test.port;
  }
}

TEST(Slicing, a_bare_number_in_a_grant_is_a_port) {
  SmallNetwork network;
  network.node(1, "ada");
  network.node(2, "bob");
  const auto compiled = network.compile(R"({"grants": [
    {"src": ["ada@example.com"], "dst": ["bob@example.com"], "ip": ["47", "icmp:*"]}]})");
  EXPECT_TRUE(admits(*compiled, 2, packet("100.64.0.1", "100.64.0.2", 6, 47)));
  EXPECT_FALSE(admits(*compiled, 2, packet("100.64.0.1", "100.64.0.2", 47, 0)));
  EXPECT_TRUE(admits(*compiled, 2, packet("100.64.0.1", "100.64.0.2", 1, 0)));
}

TEST(Slicing, any_source_is_the_overlay_and_approved_subnets_but_not_the_world) {
  SmallNetwork network;
  network.node(1, "ada").routes({"10.33.0.0/16", "0.0.0.0/0"});
  network.node(2, "bob").advertises({"10.44.0.0/16"});
  const auto compiled =
      network.compile(R"({"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]})");
  EXPECT_TRUE(admits(*compiled, 2, packet("100.99.1.1", "100.64.0.2")));
  EXPECT_TRUE(admits(*compiled, 2, packet("10.33.4.4", "100.64.0.2")));
  EXPECT_FALSE(admits(*compiled, 2, packet("10.44.4.4", "100.64.0.2"))) << "not approved";
  EXPECT_FALSE(admits(*compiled, 2, packet("8.8.8.8", "100.64.0.2")));
  EXPECT_FALSE(admits(*compiled, 2, packet("100.115.92.1", "100.64.0.2"))) << "left out of *";
  EXPECT_TRUE(admits(*compiled, 2, packet("100.115.94.0", "100.64.0.2")));
}

TEST(Slicing, own_devices_reach_each_other_and_no_one_elses) {
  SmallNetwork network;
  network.node(1, "ada");
  network.node(2, "ada");
  network.node(3, "bob");
  network.node(4, "tag:web");
  const auto compiled = network.compile(R"({"tagOwners": {"tag:web": []}, "acls": [
    {"action": "accept", "src": ["*"], "dst": ["autogroup:self:*"]}]})");
  EXPECT_TRUE(admits(*compiled, 2, packet("100.64.0.1", "100.64.0.2")));
  EXPECT_FALSE(admits(*compiled, 3, packet("100.64.0.1", "100.64.0.3")));
  EXPECT_FALSE(admits(*compiled, 4, packet("100.64.0.1", "100.64.0.4")));
  EXPECT_FALSE(admits(*compiled, 4, packet("100.64.0.4", "100.64.0.4")));
}

TEST(Slicing, own_devices_without_the_posture_are_not_let_in_by_the_subnets_they_route) {
  SmallNetwork network;
  network.node(1, "ada").attribute("node:os", "linux");
  network.node(2, "ada").routes({"100.64.0.1/32"});
  const auto compiled = network.compile(R"({"postures": {"posture:l": ["node:os == 'linux'"]},
    "grants": [{"src": ["autogroup:member"], "dst": ["autogroup:self"], "ip": ["*"],
                "srcPosture": ["posture:l"]}]})");
  EXPECT_TRUE(admits(*compiled, 2, packet("100.64.0.1", "100.64.0.2")));
  EXPECT_FALSE(admits(*compiled, 1, packet("100.64.0.2", "100.64.0.1")));
}

TEST(Slicing, a_cidr_is_delivered_whole_to_routers_inside_and_around_it) {
  SmallNetwork network;
  network.node(1, "ada").routes({"10.33.0.0/16"});
  network.node(2, "ada").routes({"10.0.0.0/8"});
  network.node(3, "ada").routes({"10.34.0.0/16"});
  network.node(4, "ada").routes({"fd00:33::/32"});
  const auto compiled = network.compile(R"({"acls": [
    {"action": "accept", "src": ["bob@example.com", "9.9.9.9"],
     "dst": ["10.33.1.0/24:*", "[fd00:33:1::]/48:*"]}]})");
  EXPECT_TRUE(admits(*compiled, 1, packet("9.9.9.9", "10.33.1.7")));
  EXPECT_TRUE(admits(*compiled, 2, packet("9.9.9.9", "10.33.1.255")));
  EXPECT_FALSE(admits(*compiled, 2, packet("9.9.9.9", "10.33.2.0")));
  EXPECT_TRUE(compiled->slice(NodeId(3)).rules.empty());
  ASSERT_EQ(compiled->slice(NodeId(4)).rules.size(), 1u);
  EXPECT_EQ(texts(compiled->slice(NodeId(4)).rules[0].targets[0].prefixes),
            Texts{"fd00:33:1::/48"});
}

TEST(Slicing, a_member_that_routes_other_members_is_delivered_their_addresses_too) {
  SmallNetwork network;
  network.node(4, "ada").routes({"100.64.0.4/30"});
  network.node(6, "ada");
  const auto compiled = network.compile(R"({"acls": [
    {"action": "accept", "src": ["*"], "dst": ["autogroup:member:*"]}]})");
  EXPECT_TRUE(admits(*compiled, 4, packet("100.64.0.9", "100.64.0.4")));
  EXPECT_TRUE(admits(*compiled, 4, packet("100.64.0.9", "100.64.0.6")));
  EXPECT_FALSE(admits(*compiled, 6, packet("100.64.0.9", "100.64.0.4")));
}

TEST(Slicing, public_destinations_are_delivered_to_approved_exits_only) {
  SmallNetwork network;
  network.node(1, "ada").routes({"0.0.0.0/0", "::/0"});
  network.node(2, "ada").advertises({"0.0.0.0/0"});
  network.node(3, "bob");
  const auto compiled = network.compile(R"({"acls": [
    {"action": "accept", "src": ["bob@example.com"], "dst": ["autogroup:internet:*"]}]})");
  EXPECT_TRUE(admits(*compiled, 1, packet("100.64.0.3", "8.8.8.8")));
  EXPECT_TRUE(admits(*compiled, 1, packet("fd7a:115c:a1e0::3", "2001:db8::1")));
  for (const char* inner : {"10.0.0.1", "172.31.0.1", "192.168.1.1", "169.254.1.1", "100.64.0.1"}) {
    EXPECT_FALSE(admits(*compiled, 1, packet("100.64.0.3", inner))) << inner;
  }
  EXPECT_FALSE(admits(*compiled, 2, packet("100.64.0.3", "8.8.8.8")));
  EXPECT_EQ(routes(*compiled, 3, 1), (Texts{"0.0.0.0/0", "::/0"}));
}

TEST(Slicing, a_public_subnet_of_an_exit_is_shown_to_whom_the_internet_is_open) {
  SmallNetwork network;
  network.node(1, "ada").routes({"8.8.8.0/24", "10.0.0.0/8", "0.0.0.0/0"});
  network.node(2, "bob");
  network.node(3, "cyd").routes({"8.8.4.0/24"});
  const auto compiled = network.compile(R"({"acls": [
    {"action": "accept", "src": ["bob@example.com"], "dst": ["autogroup:internet:*"]},
    {"action": "accept", "src": ["bob@example.com"], "dst": ["cyd@example.org:22"]}]})");
  EXPECT_EQ(routes(*compiled, 2, 1), (Texts{"0.0.0.0/0", "8.8.8.0/24"}));
  EXPECT_EQ(routes(*compiled, 2, 3), Texts{}) << "no exit, so that no rule leads there";
}

TEST(Slicing, of_two_routers_of_a_subnet_the_lower_id_carries_it) {
  SmallNetwork network;
  network.node(5, "ada").routes({"10.0.0.0/8"});
  network.node(3, "ada").routes({"10.0.0.0/8"});
  network.node(4, "ada").routes({"10.0.0.0/8"});
  network.node(6, "bob");
  const auto compiled = network.compile(R"({"acls": [
    {"action": "accept", "src": ["bob@example.com"], "dst": ["10.0.0.0/8:*"]}]})");
  EXPECT_EQ(routes(*compiled, 6, 3), Texts{"10.0.0.0/8"});
  EXPECT_EQ(routes(*compiled, 6, 4), Texts{});
  EXPECT_EQ(routes(*compiled, 6, 5), Texts{});
  EXPECT_TRUE(admits(*compiled, 5, packet("100.64.0.6", "10.1.1.1"))) << "the standby's rules";
}

TEST(Slicing, via_delivers_to_tagged_routers_and_only_what_they_route) {
  SmallNetwork network;
  network.node(1, "tag:west").routes({"10.33.0.0/16"});
  network.node(2, "tag:east").routes({"10.33.0.0/16"});
  network.node(3, "tag:west").routes({"10.44.0.0/16"});
  const auto compiled = network.compile(R"({"tagOwners": {"tag:west": [], "tag:east": []},
    "ipsets": {"ipset:site": ["add 10.33.0.0/16", "add 100.64.0.1"]},
    "grants": [{"src": ["9.9.9.9"], "dst": ["ipset:site"], "ip": ["*"], "via": ["tag:west"],
                "app": {"example.com/cap/x": []}}]})");
  EXPECT_TRUE(admits(*compiled, 1, packet("9.9.9.9", "10.33.1.1")));
  EXPECT_FALSE(admits(*compiled, 1, packet("9.9.9.9", "100.64.0.1"))) << "at it, not behind it";
  EXPECT_TRUE(compiled->slice(NodeId(1)).rules[0].capabilities.empty());
  EXPECT_TRUE(compiled->slice(NodeId(2)).rules.empty());
  EXPECT_TRUE(compiled->slice(NodeId(3)).rules.empty());
}

TEST(Slicing, via_meets_the_nodes_whose_addresses_a_router_holds) {
  SmallNetwork network;
  network.node(1, "tag:west").routes({"100.64.0.4/30"});
  network.node(5, "ada");
  const auto compiled = network.compile(R"({"tagOwners": {"tag:west": []}, "grants": [
    {"src": ["*"], "dst": ["ada@example.com"], "ip": ["*"], "via": ["tag:west"]}]})");
  EXPECT_TRUE(admits(*compiled, 1, packet("100.64.0.9", "100.64.0.5")));
  EXPECT_TRUE(compiled->slice(NodeId(5)).rules.empty());
}

TEST(Slicing, ipset_steps_count_in_their_order) {
  SmallNetwork network;
  network.node(1, "ada").routes({"10.0.0.0/8"});
  const auto compiled = network.compile(R"({
    "ipsets": {"ipset:in": ["add 10.0.0.0/8", "remove ipset:out", "add 10.33.1.0/24"],
               "ipset:out": ["add 10.33.0.0/16"]},
    "acls": [{"action": "accept", "src": ["9.9.9.9"], "dst": ["ipset:in:*"]}]})");
  EXPECT_TRUE(admits(*compiled, 1, packet("9.9.9.9", "10.32.255.255")));
  EXPECT_FALSE(admits(*compiled, 1, packet("9.9.9.9", "10.33.0.255")));
  EXPECT_TRUE(admits(*compiled, 1, packet("9.9.9.9", "10.33.1.0")));
  EXPECT_FALSE(admits(*compiled, 1, packet("9.9.9.9", "10.33.2.0")));
}

TEST(Slicing, a_posture_of_the_rule_replaces_the_default) {
  SmallNetwork network;
  network.node(1, "ada").attribute("node:os", "linux");
  network.node(2, "ada").attribute("custom:tier", "2.10");
  network.node(3, "ada");
  network.node(4, "bob");
  const auto compiled = network.compile(R"({
    "postures": {"posture:linux": ["node:os == 'linux'"], "posture:tier": ["custom:tier > '2.9'"],
                 "posture:not": ["node:os != 'linux'"]},
    "defaultSrcPosture": ["posture:linux"],
    "acls": [
      {"action": "accept", "src": ["ada@example.com"], "dst": ["bob@example.com:1"]},
      {"action": "accept", "src": ["ada@example.com"], "dst": ["bob@example.com:2"],
       "srcPosture": ["posture:tier"]},
      {"action": "accept", "src": ["ada@example.com"], "dst": ["bob@example.com:3"],
       "srcPosture": []},
      {"action": "accept", "src": ["ada@example.com"], "dst": ["bob@example.com:4"],
       "srcPosture": ["posture:tier", "posture:linux"]},
      {"action": "accept", "src": ["ada@example.com"], "dst": ["bob@example.com:5"],
       "srcPosture": ["posture:not"]}]})");
  const std::vector<std::string> sources = {"100.64.0.1", "100.64.0.2", "100.64.0.3"};
  const std::vector<std::vector<bool>> expected = {{true, false, false},
                                                   {false, true, false},
                                                   {true, true, true},
                                                   {true, true, false},
                                                   {false, false, false}};
  for (std::uint16_t port = 1; port <= 5; ++port) {
    for (std::size_t i = 0; i < sources.size(); ++i) {
      EXPECT_EQ(admits(*compiled, 4, packet(sources[i], "100.64.0.4", 6, port)),
                expected[port - 1u][i])
          << sources[i] << " port " << port;
    }
  }
}

TEST(Slicing, capabilities_are_given_at_own_addresses_and_not_by_routers) {
  SmallNetwork network;
  network.node(1, "ada");
  network.node(2, "bob").routes({"10.0.0.0/8"});
  const auto compiled = network.compile(R"({"grants": [
    {"src": ["ada@example.com"], "dst": ["10.0.0.0/8"], "app": {"example.com/cap/far": []}},
    {"src": ["ada@example.com"], "dst": ["bob@example.com"],
     "app": {"example.com/cap/near": [{"a": 1}]}}]})");
  const Slice slice = compiled->slice(NodeId(2));
  const auto given = capabilities_of(slice, compiled->addresses, compiled->addresses.at(NodeId(2)),
                                     address("100.64.0.1"));
  ASSERT_EQ(given.size(), 1u);
  EXPECT_EQ(given[0]->name, "example.com/cap/near");
  EXPECT_EQ(given[0]->values_json, R"([{"a":1}])");
  EXPECT_FALSE(admits(*compiled, 2, packet("100.64.0.1", "100.64.0.2")));
}

TEST(Slicing, rule_and_set_ids_stay_when_a_rule_moves_in_the_file) {
  SmallNetwork network;
  network.node(1, "ada");
  const std::string a = R"({"action": "accept", "src": ["ada@example.com"], "dst": ["*:22"]})";
  const std::string b = R"({"action": "accept", "src": ["bob@example.com"], "dst": ["*:80"]})";
  const auto one = network.compile("{\"acls\": [" + a + ",\n" + b + "]}");
  const auto two = network.compile("{\"acls\": [" + b + ",\n" + a + "]}");
  const Slice first = one->slice(NodeId(1));
  const Slice second = two->slice(NodeId(1));
  EXPECT_TRUE(std::equal(first.rules.begin(), first.rules.end(), second.rules.begin(),
                         second.rules.end(), same_meaning));
  EXPECT_NE(first.rules[0].line, second.rules[0].line);
  EXPECT_EQ(first.sets, second.sets);
}

}  // namespace
}  // namespace kernmesh::policy
