// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/service.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace kernmesh::policy {
namespace {

using Protocols = std::vector<std::uint8_t>;

TEST(Ports, are_sorted_and_merged) {
  struct Row {
    std::string_view text;
    std::string_view printed;
  };
  const std::vector<Row> rows = {
      {"*", "*"},
      {"22", "22"},
      {"443,22", "22,443"},
      {"80-443", "80-443"},
      {"1-65535", "1-65535"},
      {"22, 80 ", "22,80"},
      {"80,81,82", "80-82"},
      {"1-5,3-9", "1-9"},
      {"5-5", "5"},
      {"65535,1", "1,65535"},
      {"7,7,7", "7"},
  };
  for (const Row& row : rows) {
    const auto ports = parse_ports(row.text);
    ASSERT_TRUE(ports) << row.text;
    EXPECT_EQ(to_string(*ports), row.printed) << row.text;
  }
}

TEST(Ports, all_ports_are_from_0_and_a_written_range_is_not) {
  EXPECT_EQ(*parse_ports("*"), std::vector{kAllPorts});
  EXPECT_EQ(*parse_ports("1-65535"), (std::vector{PortRange{1, 65535}}));
}

TEST(Ports, refuse_what_is_no_port) {
  for (const std::string_view text :
       {"", " ", "0", "0-65535", "65536", "-1", "1-", "-", "1-2-3", "443-80", "80,", ",80", "80,*",
        "ssh", "+80", "8 0", "0x50", "99999999999999999999"}) {
    EXPECT_FALSE(parse_ports(text)) << text;
  }
}

TEST(Ports, hold_the_same_numbers_as_the_list_they_were_read_from) {
  EXPECT_TRUE(rc::check("merging keeps the set of ports", [] {
    const auto numbers = *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 40));
    RC_PRE(!numbers.empty());
    std::string text;
    for (const int n : numbers) text += (text.empty() ? "" : ",") + std::to_string(n);
    const auto ports = parse_ports(text);
    RC_ASSERT(ports.has_value());
    for (int n = 0; n <= 41; ++n) {
      const bool listed = std::find(numbers.begin(), numbers.end(), n) != numbers.end();
      const bool held = std::any_of(ports->begin(), ports->end(), [&](const PortRange& range) {
        return range.first <= n && n <= range.last;
      });
      RC_ASSERT(listed == held);
    }
    for (std::size_t i = 1; i < ports->size(); ++i) {
      RC_ASSERT((*ports)[i - 1].last + 1 < (*ports)[i].first);
    }
  }));
}

TEST(Protocols, are_names_or_numbers) {
  struct Row {
    std::string_view text;
    Protocols expected;
  };
  const std::vector<Row> rows = {
      {"", {1, 6, 17, 58}}, {"tcp", {6}},   {"TCP", {6}},  {"udp", {17}},     {"icmp", {1}},
      {"ipv6-icmp", {58}},  {"igmp", {2}},  {"ipv4", {4}}, {"ip-in-ip", {4}}, {"egp", {8}},
      {"igp", {9}},         {"gre", {47}},  {"esp", {50}}, {"ah", {51}},      {"sctp", {132}},
      {"6", {6}},           {"255", {255}}, {"1", {1}},
  };
  for (const Row& row : rows) {
    const auto protocols = parse_protocols(row.text);
    ASSERT_TRUE(protocols) << row.text;
    EXPECT_EQ(*protocols, row.expected) << row.text;
  }
  for (const std::string_view text : {"*", "0", "06", "256", "-1", "tpc", "tcp,udp", "any"}) {
    EXPECT_FALSE(parse_protocols(text)) << text;
  }
  EXPECT_NE(parse_protocols("tpc").error().message().find("did you mean \"tcp\"?"),
            std::string::npos);
}

TEST(Protocols, are_printed_with_the_name_that_is_read_back) {
  for (int number = 1; number <= 255; ++number) {
    const auto protocol = static_cast<std::uint8_t>(number);
    EXPECT_EQ(*parse_protocols(protocol_name(protocol)), Protocols{protocol});
  }
}

TEST(GrantService, is_ports_with_or_without_a_protocol) {
  struct Row {
    std::string_view text;
    Protocols protocols;
    std::string_view ports;
  };
  const std::vector<Row> rows = {
      {"*", {1, 6, 17, 58}, "*"},
      {"47", {1, 6, 17, 58}, "47"},
      {"80-443", {1, 6, 17, 58}, "80-443"},
      {"tcp:80", {6}, "80"},
      {"udp:53,123", {17}, "53,123"},
      {"sctp:7", {132}, "7"},
      {"icmp:*", {1}, "*"},
      {"47:*", {47}, "*"},
      {" tcp: 22 ", {6}, "22"},
  };
  for (const Row& row : rows) {
    const auto service = parse_grant_service(row.text);
    ASSERT_TRUE(service) << row.text;
    EXPECT_EQ(service->protocols, row.protocols) << row.text;
    EXPECT_EQ(to_string(service->ports), row.ports) << row.text;
  }
}

TEST(GrantService, says_what_would_be_right) {
  struct Row {
    std::string_view text;
    std::string_view part;
  };
  const std::vector<Row> rows = {
      {"icmp", "did you mean \"icmp:*\"?"},
      {"tcp", "did you mean \"tcp:*\"?"},
      {"icmp:80", "icmp has no ports; write \"icmp:*\""},
      {"1:80", "icmp has no ports"},
      {"tcp:0", "all ports are written \"*\""},
      {"tcp:", "the ports are missing"},
      {":80", "no protocol before the colon"},
      {"*:80", "there is no protocol \"*\""},
      {"tcp:443-80", "write \"80-443\""},
      {"", "the ports are missing"},
      {"tcp:80:90", "is not a port"},
  };
  for (const Row& row : rows) {
    const auto service = parse_grant_service(row.text);
    ASSERT_FALSE(service) << row.text;
    EXPECT_NE(service.error().message().find(row.part), std::string::npos)
        << row.text << ": " << service.error().message();
  }
}

}  // namespace
}  // namespace kernmesh::policy
