// SPDX-License-Identifier: Apache-2.0
#include "controller/core/portmap/pcp.h"

#include <gtest/gtest.h>

#include "controller/base/key.h"
#include "controller/core/portmap/announcement.h"
#include "controller/core/portmap/device_url.h"
#include "controller/core/portmap/gateway.h"

namespace kernmesh::portmap {
namespace {

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

MapRequest request() {
  MapRequest out;
  out.lifetime_s = 1200;
  out.client = ip("192.168.1.7");
  for (std::uint8_t i = 0; i < 12; ++i) out.nonce[i] = static_cast<std::uint8_t>(i + 1);
  out.internal = Port(41641);
  return out;
}

// An answer as RFC 6887 section 7.2 and 11.1 draw it, by hand.
Bytes answer_bytes() {
  Bytes out(kMapBytes, 0);
  out[0] = 2;
  out[1] = 0x81;
  out[6] = 0x04, out[7] = 0xb0;  // 1,200 s
  out[10] = 0x01, out[11] = 0x02;
  for (std::uint8_t i = 0; i < 12; ++i) out[24 + i] = static_cast<std::uint8_t>(i + 1);
  out[36] = 17;
  out[40] = 0xa2, out[41] = 0xa9;  // 41641
  out[42] = 0xc3, out[43] = 0x50;  // 50000
  out[54] = out[55] = 0xff;
  out[56] = 5, out[57] = 6, out[58] = 7, out[59] = 8;
  return out;
}

TEST(Pcp, a_request_is_what_the_rfc_draws) {
  const auto bytes = to_bytes(request());
  ASSERT_EQ(bytes.size(), 60U);
  EXPECT_EQ(Bytes(bytes.begin(), bytes.begin() + 8), (Bytes{2, 1, 0, 0, 0, 0, 0x04, 0xb0}));
  EXPECT_EQ(Bytes(bytes.begin() + 8, bytes.begin() + 24),
            (Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 1, 7}));
  EXPECT_EQ(Bytes(bytes.begin() + 36, bytes.begin() + 44), (Bytes{17, 0, 0, 0, 0xa2, 0xa9, 0, 0}));
  EXPECT_EQ(Bytes(bytes.begin() + 44, bytes.end()),
            (Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}));
}

TEST(Pcp, a_wish_names_the_external_endpoint) {
  auto wanted = request();
  wanted.wish = Endpoint{ip("5.6.7.8"), Port(50000)};
  const auto bytes = to_bytes(wanted);
  EXPECT_EQ(Bytes(bytes.begin() + 42, bytes.begin() + 44), (Bytes{0xc3, 0x50}));
  EXPECT_EQ(Bytes(bytes.begin() + 56, bytes.end()), (Bytes{5, 6, 7, 8}));
}

TEST(Pcp, an_answer_tells_endpoint_lifetime_and_epoch) {
  const auto parsed = parse_answer(answer_bytes());
  const auto* answer = std::get_if<MapAnswer>(&parsed);
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->lifetime_s, 1200U);
  EXPECT_EQ(answer->epoch_s, 0x0102U);
  EXPECT_EQ(answer->nonce, request().nonce);
  EXPECT_EQ(answer->internal, Port(41641));
  EXPECT_EQ(answer->external, (Endpoint{ip("5.6.7.8"), Port(50000)}));
}

TEST(Pcp, options_behind_an_answer_are_passed_over) {
  auto bytes = answer_bytes();
  bytes.resize(kMapBytes + 8);
  EXPECT_TRUE(std::holds_alternative<MapAnswer>(parse_answer(bytes)));
}

TEST(Pcp, a_refusal_tells_why_and_until_when_also_when_it_is_short) {
  auto bytes = answer_bytes();
  bytes[3] = 8;
  bytes.resize(24);
  EXPECT_EQ(std::get<Refusal>(parse_answer(bytes)), (Refusal{8, 1200}));
  EXPECT_EQ(result_text(8), "no resources");
  EXPECT_EQ(result_text(200), "unknown result");
}

TEST(Pcp, what_is_no_answer_is_told_apart) {
  const auto defect_of = [](const Bytes& bytes) { return std::get<Defect>(parse_answer(bytes)); };
  auto bytes = answer_bytes();
  EXPECT_EQ(defect_of({}), Defect::kTooShort);
  EXPECT_EQ(defect_of({0, 0x81, 0, 1}), Defect::kOtherVersion) << "NAT-PMP's";
  EXPECT_EQ(defect_of(Bytes(bytes.begin(), bytes.begin() + 20)), Defect::kTooShort);
  EXPECT_EQ(defect_of(Bytes(bytes.begin(), bytes.begin() + 56)), Defect::kTooShort);
  EXPECT_EQ(defect_of(Bytes(bytes.begin(), bytes.begin() + 58)), Defect::kLength);
  EXPECT_EQ(defect_of(Bytes(kMostAnswerBytes + 4, 2)), Defect::kTooLong);
  bytes[1] = 1;
  EXPECT_EQ(defect_of(bytes), Defect::kNotAnAnswer);
  bytes[1] = 0x81;
  bytes[36] = 6;
  EXPECT_EQ(defect_of(bytes), Defect::kOtherProtocol);
}

TEST(Announcement, is_read_in_both_protocols) {
  Bytes pcp(24, 0);
  pcp[0] = 2, pcp[1] = 0x80, pcp[11] = 9;
  EXPECT_EQ(parse_announcement(pcp), (Announcement{true, 9, std::nullopt}));
  const Bytes nat_pmp{0, 0x80, 0, 0, 0, 0, 1, 2, 5, 6, 7, 8};
  EXPECT_EQ(parse_announcement(nat_pmp), (Announcement{false, 0x102, ip("5.6.7.8")}));
}

TEST(Announcement, what_is_none_is_passed_over) {
  Bytes pcp(24, 0);
  pcp[0] = 2, pcp[1] = 0x80;
  const Bytes nat_pmp{0, 0x80, 0, 0, 0, 0, 1, 2, 5, 6, 7, 8};
  const auto with = [](Bytes bytes, std::size_t at, std::uint8_t value) {
    bytes.at(at) = value;
    return bytes;
  };
  for (const Bytes& bytes :
       {Bytes{}, Bytes{2}, Bytes(pcp.begin(), pcp.end() - 1), with(pcp, 0, 1), with(pcp, 1, 0x81),
        with(pcp, 3, 1), Bytes(nat_pmp.begin(), nat_pmp.end() - 1), with(nat_pmp, 3, 3),
        answer_bytes()})
    EXPECT_FALSE(parse_announcement(bytes)) << to_hex(bytes);
}

TEST(Gateway, only_who_has_no_public_address_asks_and_only_the_next_hop) {
  const auto home = gateway_to_ask(ip("192.168.1.1"), ip("192.168.1.7"));
  EXPECT_EQ(home, (Gateway{ip("192.168.1.1"), ip("192.168.1.7")}));
  EXPECT_TRUE(gateway_to_ask(ip("5.6.7.1"), ip("100.64.3.4"))) << "a carrier's";
  EXPECT_FALSE(gateway_to_ask(ip("5.6.7.1"), ip("5.6.7.8")));
  EXPECT_FALSE(gateway_to_ask(std::nullopt, ip("192.168.1.7"))) << "a tunnel, for example";
  EXPECT_FALSE(gateway_to_ask(ip("fe80::1"), ip("192.168.1.7")));
}

TEST(Gateway, addresses_at_the_edges_of_ranges_are_told_apart) {
  for (const char* text : {"1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
                           "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
                           "198.17.255.255", "198.20.0.0", "223.255.255.255", "203.0.113.7"})
    EXPECT_TRUE(is_public(ip(text))) << text;
  for (const char* text : {"0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0",
                           "100.127.255.255", "172.16.0.0", "172.31.255.255", "192.168.255.255",
                           "198.19.255.255", "224.0.0.0", "240.0.0.1", "255.255.255.255", "::1"})
    EXPECT_FALSE(is_public(ip(text))) << text;
}

TEST(DeviceUrl, only_the_gateways_own_are_fetched) {
  const auto gateway = ip("192.168.1.1");
  for (const char* good : {"http://192.168.1.1:5000/rootDesc.xml", "http://192.168.1.1/x",
                           "http://192.168.1.1", "http://192.168.1.1:80"})
    EXPECT_TRUE(leads_to(good, gateway)) << good;
  for (const char* bad :
       {"http://192.168.1.2/x", "https://192.168.1.1/x", "http://192.168.1.1.evil.example/x",
        "http://192.168.1.1@evil.example/x", "http://evil.example/192.168.1.1", "http://",
        "http://192.168.1.1:80@evil.example/", "http://127.0.0.1/x", "192.168.1.1", ""})
    EXPECT_FALSE(leads_to(bad, gateway)) << bad;
}

}  // namespace
}  // namespace kernmesh::portmap
