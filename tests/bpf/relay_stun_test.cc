// SPDX-License-Identifier: Apache-2.0
// STUN answered by the relay's program, and its self-test's frames, under BPF_PROG_TEST_RUN.
#include "controller/core/stun/message.h"
#include "tests/bpf/relay_fixture.h"

namespace kernmesh::bpf::test {
namespace {

TEST_F(RelayProgramTest, answers_a_binding_request_with_the_source_as_it_was_seen) {
  for (const auto& [from, relay_address] :
       {std::pair{"198.51.100.10", "198.51.100.1"}, {"2001:db8:f::10", "2001:db8:f::1"}}) {
    const auto result = arrive(stun(from));
    EXPECT_EQ(result.verdict, kXdpTx);
    EXPECT_EQ(counted(), "stun");
    const auto seen = read(result.out);
    EXPECT_EQ(seen.src, relay_address);
    EXPECT_EQ(seen.dst, from);
    EXPECT_EQ(seen.sport, kRelayPort);
    EXPECT_EQ(seen.dport, 5555);
    EXPECT_TRUE(seen.ip_sum_right);
    EXPECT_TRUE(seen.udp_sum_right);
    EXPECT_LE(seen.payload.size(), 44U);  // at most 2.2 times the request
    const auto answer = stun::parse(seen.payload);
    const auto& success = std::get<stun::BindingSuccess>(std::get<stun::Message>(answer));
    EXPECT_EQ(success.tx, (stun::TransactionId{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
    EXPECT_EQ(success.mapped, (Endpoint{ip(from), Port(5555)}));
  }
}

TEST_F(RelayProgramTest, stun_with_attributes_or_of_another_kind_passes) {
  Frame f = stun("198.51.100.10");
  f.payload[3] = 4;
  f.payload.resize(24);
  EXPECT_EQ(arrive(f).verdict, kXdpPass);
  f = stun("198.51.100.10");
  f.payload[0] = 1;  // an answer
  EXPECT_EQ(arrive(f).verdict, kXdpPass);
  f = stun("198.51.100.10");
  f.payload[4] = 0;  // RFC 3489's, without the cookie
  EXPECT_EQ(arrive(f).verdict, kXdpPass);
  EXPECT_EQ(counted(), "pass_control pass_control pass_control");
}

TEST_F(RelayProgramTest, stun_on_its_way_to_somebody_else_passes) {
  Frame f = stun("198.51.100.10");
  f.dst = "198.51.100.2";
  EXPECT_EQ(arrive(f).verdict, kXdpPass);
  EXPECT_EQ(counted(), "pass");
}

TEST_F(RelayProgramTest, r1_stun_is_limited_by_source_and_not_by_its_port) {
  config.stun_per_second = 1;
  config.stun_burst = 5;
  ASSERT_TRUE(relay->set_config(config));
  int answered = 0;
  for (std::uint16_t i = 0; i < 50; ++i) {
    answered +=
        arrive(stun("198.51.100.10", static_cast<std::uint16_t>(1000 + i))).verdict == kXdpTx;
  }
  EXPECT_GE(answered, 5);
  EXPECT_LE(answered, 8);
  EXPECT_EQ(arrive(stun("198.51.100.20")).verdict, kXdpTx);
}

TEST_F(RelayProgramTest, r1_stun_over_ipv6_is_limited_by_customer_and_not_by_address) {
  config.stun_per_second = 1;
  config.stun_burst = 5;
  ASSERT_TRUE(relay->set_config(config));
  int answered = 0;
  for (int i = 1; i <= 50; ++i) {
    answered += arrive(stun("2001:db8:f::" + std::to_string(i))).verdict == kXdpTx;
  }
  EXPECT_LE(answered, 8);
}

TEST_F(RelayProgramTest, r1_stun_is_limited_over_all_sources) {
  config.stun_per_second_cpu = 1;
  ASSERT_TRUE(relay->set_config(config));
  int answered = 0;
  for (int i = 1; i <= 100; ++i) {
    answered += arrive(stun("198.51.100." + std::to_string(i + 100))).verdict == kXdpTx;
  }
  EXPECT_GE(answered, 1);
  EXPECT_LE(answered, 20);  // on more than one CPU
}

Bytes arp_reply(const std::string& target) {
  Bytes out{2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 2, 0x10, 8, 6,
            0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0,    2, 0x10};
  for (const int byte : {198, 51, 100, 10, 2, 0, 0, 0, 1, 1})
    out.push_back(static_cast<std::uint8_t>(byte));
  Bytes address(4);
  inet_pton(AF_INET, target.c_str(), address.data());
  out.insert(out.end(), address.begin(), address.end());
  out.resize(60);
  return out;
}

TEST_F(RelayProgramTest, the_self_test_turns_one_arp_reply_round_and_knows_its_answer) {
  EXPECT_EQ(arrive(arp_reply("198.51.100.1")).verdict, kXdpPass);
  EXPECT_EQ(counted(), "pass");
  config.probe = ip("198.51.100.10");
  ASSERT_TRUE(relay->set_config(config));
  const auto sent = arrive(arp_reply("198.51.100.1"));
  EXPECT_EQ(sent.verdict, kXdpTx);
  EXPECT_EQ(counted(), "probe_sent");
  EXPECT_EQ(get16(sent.out, 20), 1U);                                        // a request ...
  EXPECT_EQ(Bytes(sent.out.begin() + 28, sent.out.begin() + 32), Bytes(4));  // ... of nobody
  EXPECT_EQ(arrive(arp_reply("0.0.0.0")).verdict, kXdpPass);
  EXPECT_EQ(counted(), "probe_back");
}

}  // namespace
}  // namespace kernmesh::bpf::test
