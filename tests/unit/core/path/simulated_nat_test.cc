// SPDX-License-Identifier: Apache-2.0
// The NAT of the tests behaves as RFC 4787 says that NATs of its kind do.
#include "tests/unit/core/path/simulated_nat.h"

#include <gtest/gtest.h>

namespace kernmesh::path {
namespace {

using std::chrono::seconds;
using D = Dependence;
using P = PortChoice;

Endpoint at(const char* text) { return *Endpoint::parse(text); }
const IpAddress kOuter = at("203.0.113.1:0").address;
const Endpoint kInner = at("192.168.1.2:4500");
const Endpoint kServer = at("198.51.100.1:3478"), kSameHost = at("198.51.100.1:9999"),
               kOtherHost = at("198.51.100.2:3478");
const MonoTime kStart{std::chrono::hours(1)};

SimulatedNat nat_of(D mapping, D filtering, P ports) {
  return {{mapping, filtering, ports}, kOuter, 1};
}

TEST(SimulatedNat, maps_by_as_much_of_the_destination_as_its_kind_says) {
  const struct {
    D mapping;
    bool same_for_port, same_for_host;
  } rows[] = {
      {D::kNone, true, true}, {D::kAddress, true, false}, {D::kAddressAndPort, false, false}};
  for (const auto& row : rows) {
    auto nat = nat_of(row.mapping, D::kNone, P::kRandom);
    const auto seen = nat.outbound(kStart, kInner, kServer);
    EXPECT_EQ(seen.address, kOuter);
    EXPECT_EQ(nat.outbound(kStart, kInner, kServer), seen);
    EXPECT_EQ(nat.outbound(kStart, kInner, kSameHost) == seen, row.same_for_port);
    EXPECT_EQ(nat.outbound(kStart, kInner, kOtherHost) == seen, row.same_for_host);
  }
}

TEST(SimulatedNat, filters_by_as_much_of_the_source_as_its_kind_says) {
  const struct {
    D filtering;
    bool from_port, from_host;
  } rows[] = {
      {D::kNone, true, true}, {D::kAddress, true, false}, {D::kAddressAndPort, false, false}};
  for (const auto& row : rows) {
    auto nat = nat_of(D::kNone, row.filtering, P::kRandom);
    const Port port = nat.outbound(kStart, kInner, kServer).port;
    EXPECT_EQ(nat.inbound(kStart, kServer, port), kInner);
    EXPECT_EQ(nat.inbound(kStart, kSameHost, port).has_value(), row.from_port);
    EXPECT_EQ(nat.inbound(kStart, kOtherHost, port).has_value(), row.from_host);
  }
}

TEST(SimulatedNat, keeps_a_port_that_is_free_and_no_other) {
  auto nat = nat_of(D::kAddressAndPort, D::kNone, P::kKept);
  EXPECT_EQ(nat.outbound(kStart, kInner, kServer).port, kInner.port);
  EXPECT_NE(nat.outbound(kStart, kInner, kOtherHost).port, kInner.port);
}

TEST(SimulatedNat, overloads_a_port_for_other_destinations_and_tells_their_answers_apart) {
  auto nat = nat_of(D::kAddressAndPort, D::kAddressAndPort, P::kOverloaded);
  const Endpoint other = at("192.168.1.3:4500");
  EXPECT_EQ(nat.outbound(kStart, kInner, kServer).port, kInner.port);
  EXPECT_EQ(nat.outbound(kStart, other, kOtherHost).port, kInner.port);
  EXPECT_NE(nat.outbound(kStart, other, kServer).port, kInner.port);
  EXPECT_EQ(nat.inbound(kStart, kServer, kInner.port), kInner);
  EXPECT_EQ(nat.inbound(kStart, kOtherHost, kInner.port), other);
}

// As Linux does it: whoever has asked there before comes first.
TEST(SimulatedNat, tells_answers_on_one_port_apart_though_it_filters_nothing) {
  auto nat = nat_of(D::kAddressAndPort, D::kNone, P::kOverloaded);
  const Endpoint other = at("192.168.1.3:4500");
  nat.outbound(kStart, kInner, kServer);
  nat.outbound(kStart, other, kOtherHost);
  EXPECT_EQ(nat.inbound(kStart, kServer, kInner.port), kInner);
  EXPECT_EQ(nat.inbound(kStart, kOtherHost, kInner.port), other);
  EXPECT_TRUE(nat.inbound(kStart, kSameHost, kInner.port)) << "somebody has that port";
}

TEST(SimulatedNat, counts_its_ports_up_when_it_is_sequential) {
  auto nat = nat_of(D::kAddressAndPort, D::kNone, P::kSequential);
  const auto first = nat.outbound(kStart, kInner, kServer).port.value();
  EXPECT_EQ(nat.outbound(kStart, kInner, kOtherHost).port.value(), first + 1);
  EXPECT_EQ(nat.outbound(kStart, kInner, kSameHost).port.value(), first + 2);
}

// REQ-5 and REQ-6: what comes in does not prolong it.
TEST(SimulatedNat, forgets_a_mapping_that_nothing_left_by_for_its_timeout) {
  SimulatedNat nat({D::kNone, D::kNone, P::kRandom, false, seconds(60)}, kOuter, 1);
  const Port port = nat.outbound(kStart, kInner, kServer).port;
  EXPECT_EQ(nat.outbound(kStart + seconds(50), kInner, kServer).port, port);
  EXPECT_TRUE(nat.inbound(kStart + seconds(109), kServer, port));
  EXPECT_FALSE(nat.inbound(kStart + seconds(111), kServer, port));
}

TEST(SimulatedNat, tells_a_mapping_without_making_one) {
  auto nat = nat_of(D::kAddressAndPort, D::kNone, P::kRandom);
  EXPECT_FALSE(nat.mapped(kStart, kInner, kServer));
  const auto seen = nat.outbound(kStart, kInner, kServer);
  EXPECT_EQ(nat.mapped(kStart, kInner, kServer), seen);
  EXPECT_FALSE(nat.mapped(kStart, kInner, kOtherHost));
}

TEST(SimulatedNat, forgets_everything_when_it_gets_another_address) {
  auto nat = nat_of(D::kNone, D::kNone, P::kKept);
  const Port port = nat.outbound(kStart, kInner, kServer).port;
  const IpAddress later = at("203.0.113.9:0").address;
  nat.rebind(later);
  EXPECT_FALSE(nat.inbound(kStart, kServer, port));
  EXPECT_EQ(nat.outbound(kStart, kInner, kServer).address, later);
}

}  // namespace
}  // namespace kernmesh::path
