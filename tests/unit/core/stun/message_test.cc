// SPDX-License-Identifier: Apache-2.0
#include "controller/core/stun/message.h"

#include <gtest/gtest.h>

#include <random>

namespace kernmesh::stun {
namespace {

Bytes from_hex(std::string_view text) {
  Bytes out;
  std::string digits;
  for (const char c : text) {
    if (c == ' ') continue;
    digits.push_back(c);
    if (digits.size() < 2) continue;
    out.push_back(static_cast<std::uint8_t>(std::stoi(digits, nullptr, 16)));
    digits.clear();
  }
  return out;
}

constexpr TransactionId kTx{0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};

// Header and transaction id as in RFC 5769; body is what stands behind them.
Bytes answer_with(std::string_view body) {
  Bytes out = from_hex("0101 0000 2112a442 b7e7a701bc34d686fa87dfae");
  const auto rest = from_hex(body);
  out.insert(out.end(), rest.begin(), rest.end());
  out[2] = static_cast<std::uint8_t>(rest.size() >> 8);
  out[3] = static_cast<std::uint8_t>(rest.size());
  return out;
}

Defect defect_of(const Bytes& bytes) {
  const auto parsed = parse(bytes);
  EXPECT_TRUE(std::holds_alternative<Defect>(parsed)) << "is a message";
  return std::holds_alternative<Defect>(parsed) ? std::get<Defect>(parsed) : Defect{255};
}

Message message_of(const Bytes& bytes) {
  const auto parsed = parse(bytes);
  EXPECT_TRUE(std::holds_alternative<Message>(parsed))
      << to_string(std::holds_alternative<Defect>(parsed) ? std::get<Defect>(parsed) : Defect{});
  return std::holds_alternative<Message>(parsed) ? std::get<Message>(parsed) : Message{};
}

TEST(StunMessage, reads_the_mapped_addresses_of_rfc_5769) {
  // Sections 2.2 and 2.3, the attribute XOR-MAPPED-ADDRESS alone.
  EXPECT_EQ(message_of(answer_with("0020 0008 0001 a147 e112a643")),
            Message(BindingSuccess{kTx, Endpoint::parse("192.0.2.1:32853").value()}));
  EXPECT_EQ(message_of(answer_with("0020 0014 0002 a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9")),
            Message(BindingSuccess{
                kTx, Endpoint::parse("[2001:db8:1234:5678:11:2233:4455:6677]:32853").value()}));
}

TEST(StunMessage, what_is_written_is_read_again) {
  const std::vector<Message> messages{
      BindingRequest{kTx}, BindingSuccess{kTx, Endpoint::parse("203.0.113.7:1").value()},
      BindingSuccess{kTx, Endpoint::parse("[2001:db8::9]:65535").value()}, BindingError{kTx, 420}};
  for (const auto& message : messages) {
    for (const auto fingerprint : {Fingerprint::kNone, Fingerprint::kAppend})
      EXPECT_EQ(message_of(to_bytes(message, fingerprint)), message);
  }
}

TEST(StunMessage, a_request_is_twenty_bytes_and_its_answer_at_most_twice_as_long) {
  EXPECT_EQ(to_bytes(BindingRequest{kTx}).size(), 20U);
  EXPECT_EQ(to_bytes(BindingSuccess{kTx, Endpoint::parse("192.0.2.1:1").value()}).size(), 32U);
  EXPECT_EQ(to_bytes(BindingSuccess{kTx, Endpoint::parse("[2001:db8::1]:1").value()}).size(), 44U);
}

TEST(StunMessage, takes_the_fingerprint_that_crc32_gives) {
  // zlib's crc32 over the header of 20 bytes, exclusive-or 5354554e.
  const Bytes request = to_bytes(BindingRequest{}, Fingerprint::kAppend);
  ASSERT_EQ(request.size(), 28U);
  EXPECT_EQ(Bytes(request.begin() + 20, request.end()), from_hex("8028 0004 b2aaf9f6"));
}

TEST(StunMessage, a_wrong_or_misplaced_fingerprint_is_refused) {
  Bytes bytes = to_bytes(BindingRequest{kTx}, Fingerprint::kAppend);
  bytes.back() ^= 1;
  EXPECT_EQ(defect_of(bytes), Defect::kFingerprint);
  EXPECT_EQ(defect_of(answer_with("8028 0002 0000 0000")), Defect::kFingerprint);
  EXPECT_EQ(defect_of(answer_with("8028 0004 00000000 8022 0000")), Defect::kFingerprint);
}

TEST(StunMessage, refuses_every_bound_that_is_broken) {
  struct Case {
    const char* what;
    Bytes bytes;
    Defect defect;
  };
  Bytes other_method = answer_with("");
  other_method[1] = 0x02;
  Bytes long_header = answer_with("");
  long_header[3] = 4;
  Bytes odd = answer_with("00");
  Bytes not_cookie = answer_with("");
  not_cookie[4] = 0;
  Bytes data_bits = answer_with("");
  data_bits[0] |= 0x40;
  const std::vector<Case> cases{
      {"empty", {}, Defect::kTooShort},
      {"19 bytes", Bytes(19), Defect::kTooShort},
      {"too long", Bytes(kMostMessageBytes + 1), Defect::kTooLong},
      {"cookie", not_cookie, Defect::kNotStun},
      {"top bits", data_bits, Defect::kNotStun},
      {"length beyond the end", long_header, Defect::kLength},
      {"length not of four", odd, Defect::kLength},
      {"another method", other_method, Defect::kOtherMethod},
      {"no content", answer_with(""), Defect::kIncomplete},
      {"attribute over the end", answer_with("0020 000c 0001 a147 e112a643"), Defect::kAttribute},
      {"padding over the end", answer_with("8022 0005 61626364"), Defect::kAttribute},
      {"family 3", answer_with("0020 0008 0003 a147 e112a643"), Defect::kAttribute},
      {"IPv6 in four bytes", answer_with("0020 0008 0002 a147 e112a643"), Defect::kAttribute},
      {"empty address", answer_with("0020 0000"), Defect::kAttribute},
      {"unknown, required", answer_with("7777 0000 0020 0008 0001 a147 e112a643"),
       Defect::kUnknownAttribute},
  };
  for (const auto& c : cases) EXPECT_EQ(defect_of(c.bytes), c.defect) << c.what;
}

TEST(StunMessage, passes_over_attributes_that_need_not_be_understood) {
  const Message expected = BindingSuccess{kTx, Endpoint::parse("192.0.2.1:32853").value()};
  EXPECT_EQ(message_of(answer_with("8022 0003 61626300 0020 0008 0001 a147 e112a643")), expected);
  EXPECT_EQ(message_of(answer_with("0001 0008 0001 1234 01020304 0020 0008 0001 a147 e112a643")),
            expected);
  EXPECT_EQ(message_of(answer_with("0020 0008 0001 a147 e112a643 0020 0008 0001 0000 00000000")),
            expected)
      << "the first counts";
}

TEST(StunMessage, no_bytes_make_it_read_outside_or_change_a_meaning_twice) {
  std::mt19937 random(7);
  const Bytes good = to_bytes(BindingSuccess{kTx, Endpoint::parse("[2001:db8::1]:1").value()},
                              Fingerprint::kAppend);
  for (int i = 0; i < 100'000; ++i) {
    Bytes bytes = good;
    for (unsigned flips = random() % 4; flips > 0; --flips)
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    if (i % 3 == 0) bytes.resize(random() % (bytes.size() + 1));
    const auto parsed = parse(bytes);
    if (const auto* message = std::get_if<Message>(&parsed)) {
      ASSERT_EQ(message_of(to_bytes(*message)), *message);
    }
  }
}

}  // namespace
}  // namespace kernmesh::stun
