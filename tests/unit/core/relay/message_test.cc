// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/message.h"

#include <gtest/gtest.h>

#include "tests/unit/core/relay/relay_keys.h"

namespace kernmesh::relay {
namespace {

const X25519SecretKey kClientSecret = filled<32>(1);
const X25519SecretKey kRecipientSecret = filled<32>(2);
const DiscoPublicKey kClient = disco_public_key(kClientSecret);
const DiscoPublicKey kPeer = disco_public_key(filled<32>(3));
const SharedKey kKey = *shared_key(relay_public_key(kRecipientSecret), kClientSecret);

Cookie cookie(std::uint8_t fill) {
  Cookie out;
  out.fill(fill);
  return out;
}

template <typename Word>
Bytes sealed(const Word& word) {
  RandomStream random(filled<32>(9));
  if constexpr (std::is_same_v<Word, Request>) {
    return seal(word, kClient, cookie(7), kKey, random);
  } else {
    return seal(word, kClient, kKey, random);
  }
}

Parsed<Request> opened_request(std::span<const std::uint8_t> bytes, const SharedKey& key = kKey) {
  const auto datagram = parse_datagram(bytes);
  if (const auto* defect = std::get_if<Defect>(&datagram)) return *defect;
  const auto* request = std::get_if<SealedRequest>(&std::get<Datagram>(datagram));
  return request != nullptr ? open(*request, key) : Defect::kUnknownKind;
}

Parsed<Answer> opened_answer(std::span<const std::uint8_t> bytes) {
  const auto datagram = parse_datagram(bytes);
  if (const auto* defect = std::get_if<Defect>(&datagram)) return *defect;
  const auto* answer = std::get_if<SealedAnswer>(&std::get<Datagram>(datagram));
  return answer != nullptr ? open(*answer, kKey) : Defect::kUnknownKind;
}

std::vector<Request> requests() {
  TicketBytes ticket;
  ticket.fill(0x5a);
  return {{Sequence(1), Bind{ticket}},
          {Sequence(0xffff'ffff'ffff'ffff), Open{kPeer}},
          {Sequence(3), Close{kPeer}},
          {Sequence(4), Refresh{}}};
}

std::vector<Answer> answers() {
  const auto v4 = Endpoint::parse("192.0.2.1:4500").value();
  const auto v6 = Endpoint::parse("[2001:db8::1]:65535").value();
  return {{10, Sequence(1), Bound{std::chrono::seconds(90), v4}},
          {11, Sequence(2), Bound{std::chrono::seconds(65535), v6}},
          {12, Sequence(3), Opened{kPeer, Channel(0xdeadbeef), PairState::kWaits}},
          {13, Sequence(), Opened{kPeer, Channel(1), PairState::kPaired}},
          {14, Sequence(), Asked{kPeer}},
          {15, Sequence(4), Refused{Reason::kNoSuchPeer, RequestType::kOpen}},
          {16, Sequence(), Draining{std::chrono::seconds(30)}},
          {17, Sequence(5), Closed{kPeer}}};
}

TEST(RelayMessage, both_sides_derive_the_same_key) {
  EXPECT_TRUE(*shared_key(kClient, kRecipientSecret) == kKey);
}

TEST(RelayMessage, low_order_client_key_gives_no_shared_key) {
  EXPECT_FALSE(shared_key(DiscoPublicKey{}, kRecipientSecret));
}

TEST(RelayMessage, hello_and_challenge_round_trip_with_the_documented_sizes) {
  const auto hello = encode(Hello{kClient});
  EXPECT_EQ(hello.size(), kLeastRequestBytes);
  EXPECT_EQ(std::get<Hello>(std::get<Datagram>(parse_datagram(hello))).client, kClient);
  const auto challenge = encode(Challenge{kClient, cookie(5)});
  EXPECT_EQ(challenge.size(), kChallengeBytes);
  const auto read = std::get<Challenge>(std::get<Datagram>(parse_datagram(challenge)));
  EXPECT_EQ(read.client, kClient);
  EXPECT_EQ(read.cookie, cookie(5));
}

TEST(RelayMessage, every_request_round_trips) {
  for (const auto& request : requests()) {
    const auto read = std::get<Request>(opened_request(sealed(request)));
    EXPECT_EQ(read.sequence, request.sequence);
    ASSERT_EQ(type_of(read), type_of(request));
    if (const auto* bind = std::get_if<Bind>(&read.wish)) {
      EXPECT_EQ(bind->ticket, std::get<Bind>(request.wish).ticket);
    } else if (const auto* open = std::get_if<Open>(&read.wish)) {
      EXPECT_EQ(open->peer, kPeer);
    } else if (const auto* close = std::get_if<Close>(&read.wish)) {
      EXPECT_EQ(close->peer, kPeer);
    }
  }
}

TEST(RelayMessage, every_answer_round_trips) {
  for (const auto& answer : answers()) {
    const auto read = std::get<Answer>(opened_answer(sealed(answer)));
    EXPECT_EQ(read.stamp, answer.stamp);
    EXPECT_EQ(read.sequence, answer.sequence);
    ASSERT_EQ(read.word.index(), answer.word.index());
    if (const auto* bound = std::get_if<Bound>(&read.word)) {
      EXPECT_EQ(bound->lifetime, std::get<Bound>(answer.word).lifetime);
      EXPECT_EQ(bound->observed, std::get<Bound>(answer.word).observed);
    } else if (const auto* opened = std::get_if<Opened>(&read.word)) {
      EXPECT_EQ(opened->peer, kPeer);
      EXPECT_EQ(opened->channel, std::get<Opened>(answer.word).channel);
      EXPECT_EQ(opened->state, std::get<Opened>(answer.word).state);
    } else if (const auto* refused = std::get_if<Refused>(&read.word)) {
      EXPECT_EQ(refused->reason, Reason::kNoSuchPeer);
      EXPECT_EQ(refused->refused, RequestType::kOpen);
    } else if (const auto* draining = std::get_if<Draining>(&read.word)) {
      EXPECT_EQ(draining->left, std::chrono::seconds(30));
    }
  }
}

// What each request may be answered with: its own answer, or a refusal.
TEST(RelayMessage, an_answer_is_never_longer_than_its_request) {
  const auto asked = requests();
  const auto said = answers();
  const std::vector<std::pair<int, std::vector<int>>> may{
      {0, {0, 1, 5}}, {1, {2, 3, 5}}, {2, {7, 5}}, {3, {0, 1, 5}}};
  for (const auto& [request, possible] : may) {
    const auto size = sealed(asked[request]).size();
    EXPECT_GE(size, kLeastRequestBytes);
    EXPECT_GT(size, kChallengeBytes);
    EXPECT_LE(size, kMostControlBytes);
    for (const int answer : possible) EXPECT_LE(sealed(said[answer]).size(), size) << request;
  }
}

TEST(RelayMessage, a_box_does_not_open_behind_another_cookie) {
  auto bytes = sealed(requests()[0]);
  std::fill_n(bytes.begin() + 38, 24, std::uint8_t{8});
  EXPECT_EQ(std::get<Defect>(opened_request(bytes)), Defect::kNotAuthentic);
}

TEST(RelayMessage, moving_a_difference_between_cookie_and_nonce_does_not_help) {
  auto bytes = sealed(requests()[0]);
  for (const std::size_t at : {38, 62}) bytes[at] ^= 0x55;
  EXPECT_EQ(std::get<Defect>(opened_request(bytes)), Defect::kNotAuthentic);
}

TEST(RelayMessage, a_request_sealed_by_somebody_else_does_not_open) {
  const auto other = *shared_key(relay_public_key(kRecipientSecret), filled<32>(5));
  EXPECT_EQ(std::get<Defect>(opened_request(sealed(requests()[1]), other)), Defect::kNotAuthentic);
}

TEST(RelayMessage, every_truncation_is_a_value) {
  std::vector<Bytes> all{encode(Hello{kClient}), encode(Challenge{kClient, cookie(5)})};
  for (const auto& request : requests()) all.push_back(sealed(request));
  for (const auto& answer : answers()) all.push_back(sealed(answer));
  for (const auto& whole : all) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto part = std::span(whole).first(size);
      const auto outer = parse_datagram(part);
      if (std::holds_alternative<Defect>(outer)) continue;
      const bool refused = std::holds_alternative<Defect>(opened_request(part)) &&
                           std::holds_alternative<Defect>(opened_answer(part));
      ASSERT_TRUE(refused) << size;
    }
  }
}

TEST(RelayMessage, every_flipped_bit_of_a_request_is_noticed) {
  const auto whole = sealed(requests()[0]);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    if (bit / 8 >= 6 && bit / 8 < 38) continue;  // the key; another client's then
    auto flipped = whole;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    ASSERT_TRUE(std::holds_alternative<Defect>(opened_request(flipped))) << bit;
  }
}

TEST(RelayMessage, defects_are_told_apart) {
  auto bytes = encode(Hello{kClient});
  bytes.resize(kMostControlBytes + 1);
  EXPECT_EQ(std::get<Defect>(parse_datagram(bytes)), Defect::kTooLong);
  bytes = encode(Hello{kClient});
  bytes.pop_back();
  EXPECT_EQ(std::get<Defect>(parse_datagram(bytes)), Defect::kTooShort);
  bytes = encode(Hello{kClient});
  bytes[4] = 2;
  EXPECT_EQ(std::get<Defect>(parse_datagram(bytes)), Defect::kVersion);
  bytes = encode(Hello{kClient});
  bytes[5] = 5;
  EXPECT_EQ(std::get<Defect>(parse_datagram(bytes)), Defect::kUnknownKind);
  bytes = encode(Hello{kClient});
  bytes[3] = 0x15;  // disco's
  EXPECT_EQ(std::get<Defect>(parse_datagram(bytes)), Defect::kNotControl);
}

// A hostile peer's own box may hold anything.
Parsed<Answer> opened_body(const Bytes& body) {
  Bytes box(body.size() + crypto_box_MACBYTES);
  const std::array<std::uint8_t, 24> nonce{};
  crypto_box_easy_afternm(box.data(), body.data(), body.size(), nonce.data(), kKey.bytes().data());
  return open(SealedAnswer{kClient, nonce, box}, kKey);
}

TEST(RelayMessage, values_that_do_not_exist_are_refused) {
  Bytes body(17, 0);
  body[0] = 130;
  put_bytes(body, kPeer.bytes());
  put_number(body, 1, 4);
  body.push_back(3);  // neither waits nor paired
  EXPECT_EQ(std::get<Defect>(opened_body(body)), Defect::kBadValue);
  body.back() = 1;
  EXPECT_TRUE(std::holds_alternative<Answer>(opened_body(body)));
  std::fill_n(body.end() - 5, 4, std::uint8_t{0});  // channel 0
  EXPECT_EQ(std::get<Defect>(opened_body(body)), Defect::kBadValue);
  body[0] = 128;
  EXPECT_EQ(std::get<Defect>(opened_body(body)), Defect::kUnknownType);
  body[0] = 135;
  EXPECT_EQ(std::get<Defect>(opened_body(body)), Defect::kUnknownType);
  EXPECT_EQ(std::get<Defect>(opened_body({})), Defect::kTruncated);
}

TEST(RelayMessage, bytes_after_a_body_are_ignored) {
  Bytes body(19, 0);
  body[0] = 133;
  body[18] = 7;
  put_bytes(body, std::vector<std::uint8_t>(100, 1));
  const auto answer = std::get<Answer>(opened_body(body));
  EXPECT_EQ(std::get<Draining>(answer.word).left, std::chrono::seconds(7));
}

TEST(RelayData, wraps_and_unwraps_with_header_and_message_adding_up_to_all_ones) {
  for (const std::size_t size : {0, 1, 31, 148, 1400}) {
    Bytes message(size);
    for (std::size_t i = 0; i < size; ++i) message[i] = static_cast<std::uint8_t>(i * 7);
    const auto whole = wrap_data(Channel(0x01020304), message);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) sum += whole[i] << (i % 2 == 0 ? 8 : 0);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    EXPECT_EQ(sum, 0xffff);
    EXPECT_NE(whole[6] << 8 | whole[7], 0);
    const auto data = parse_data(whole);
    ASSERT_TRUE(data);
    EXPECT_EQ(data->channel, Channel(0x01020304));
    EXPECT_EQ(Bytes(data->message.begin(), data->message.end()), message);
  }
}

TEST(RelayData, what_is_short_foreign_or_without_channel_is_no_data) {
  const auto whole = wrap_data(Channel(1), {});
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse_data(std::span(whole).first(size)));
  auto foreign = whole;
  foreign[1] = 2;
  EXPECT_FALSE(parse_data(foreign));
  EXPECT_FALSE(parse_data(wrap_data(Channel(0), {})));
}

}  // namespace
}  // namespace kernmesh::relay
