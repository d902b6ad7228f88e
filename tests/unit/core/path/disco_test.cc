// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/disco.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>
#include <type_traits>

namespace kernmesh::path {
namespace {

template <std::size_t N>
SecretBytes<N> filled(std::uint8_t fill) {
  SecretBytes<N> secret;
  for (auto& byte : secret.mutable_bytes()) byte = fill;
  return secret;
}

const X25519SecretKey kOurs = filled<32>(1);
const X25519SecretKey kTheirs = filled<32>(2);
const SharedKey kKey = *shared_key(disco_public_key(kTheirs), kOurs);

Bytes sealed(const Message& message) {
  RandomStream random(filled<32>(9));
  return seal(message, disco_public_key(kTheirs), kKey, random);
}

Parsed<Message> opened(const Bytes& datagram) {
  const auto envelope = parse_envelope(datagram);
  if (const auto* defect = std::get_if<Defect>(&envelope)) return *defect;
  return open(std::get<Envelope>(envelope), kKey);
}

Endpoint endpoint(const char* text) { return Endpoint::parse(text).value(); }

Ping sample_ping() {
  Ping ping;
  ping.tx.fill(7);
  ping.node_key = node_public_key(filled<32>(3));
  ping.attestation.issued_at = WallTime(std::chrono::seconds(1'700'000'000));
  ping.attestation.signature.fill(5);
  return ping;
}

TEST(Disco, both_sides_derive_the_same_key) {
  EXPECT_TRUE(*shared_key(disco_public_key(kOurs), kTheirs) == kKey);
}

TEST(Disco, low_order_key_gives_no_shared_key) {
  EXPECT_FALSE(shared_key(DiscoPublicKey{}, kOurs));
}

TEST(Disco, ping_round_trips_and_has_the_documented_size) {
  const auto bytes = sealed(sample_ping());
  EXPECT_EQ(bytes.size(), kPingBytes);
  EXPECT_EQ(bytes[0], 0xd4);
  const auto ping = std::get<Ping>(std::get<Message>(opened(bytes)));
  EXPECT_EQ(ping.tx, sample_ping().tx);
  EXPECT_EQ(ping.node_key, sample_ping().node_key);
  EXPECT_EQ(ping.attestation.issued_at, sample_ping().attestation.issued_at);
  EXPECT_EQ(ping.attestation.signature, sample_ping().attestation.signature);
}

TEST(Disco, padding_fills_up_to_the_bound_and_no_further) {
  auto ping = sample_ping();
  ping.padding_bytes = 100;
  EXPECT_EQ(sealed(ping).size(), kPingBytes + 100);
  ping.padding_bytes = 1'000'000;
  EXPECT_EQ(sealed(ping).size(), kMostDatagramBytes);
  EXPECT_TRUE(std::holds_alternative<Message>(opened(sealed(ping))));
}

TEST(Disco, pong_round_trips_with_either_family_and_age) {
  for (const char* text : {"192.0.2.1:4500", "[2001:db8::1]:65535"}) {
    for (auto age : {std::optional<std::chrono::milliseconds>{},
                     std::optional{std::chrono::milliseconds(1234)}}) {
      const auto bytes = sealed(Pong{sample_ping().tx, endpoint(text), age});
      EXPECT_EQ(bytes.size(), kPongBytes);
      const auto pong = std::get<Pong>(std::get<Message>(opened(bytes)));
      EXPECT_EQ(pong.tx, sample_ping().tx);
      EXPECT_EQ(pong.observed, endpoint(text));
      EXPECT_EQ(pong.data_age, age);
    }
  }
}

TEST(Disco, call_me_maybe_round_trips_up_to_its_bound) {
  CallMeMaybe call;
  for (int i = 0; i < 32; ++i) call.endpoints.push_back(endpoint("[2001:db8::1]:4500"));
  const auto bytes = sealed(call);
  EXPECT_EQ(std::get<CallMeMaybe>(std::get<Message>(opened(bytes))).endpoints, call.endpoints);
}

TEST(Disco, every_truncation_is_a_value) {
  const auto whole = sealed(sample_ping());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto result = opened(Bytes(whole.begin(), whole.begin() + size));
    ASSERT_TRUE(std::holds_alternative<Defect>(result)) << size;
  }
}

TEST(Disco, every_flipped_bit_is_noticed) {
  const auto whole = sealed(sample_ping());
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    // The last bit of an X25519 public key is ignored (RFC 7748 section 5); the engine looks keys
    // up by all their bits, so such a datagram has an unknown sender.
    if (bit / 8 >= 5 && bit / 8 < 37) continue;
    auto flipped = whole;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    ASSERT_TRUE(std::holds_alternative<Defect>(opened(flipped))) << bit;
  }
}

TEST(Disco, oversize_and_foreign_datagrams_are_told_apart) {
  auto large = sealed(sample_ping());
  large.resize(kMostDatagramBytes + 1);
  EXPECT_EQ(std::get<Defect>(opened(large)), Defect::kTooLong);
  Bytes wireguard(148, 0);
  wireguard[0] = 1;
  EXPECT_EQ(std::get<Defect>(opened(wireguard)), Defect::kNotDisco);
  auto future = sealed(sample_ping());
  future[4] = 2;
  EXPECT_EQ(std::get<Defect>(opened(future)), Defect::kVersion);
}

TEST(Attestation, binds_disco_key_node_key_and_time) {
  std::array<std::uint8_t, 64> secret_bytes{};
  const std::array<std::uint8_t, 32> machine_seed{4};
  std::array<std::uint8_t, 32> machine_public{};
  ASSERT_EQ(
      crypto_sign_seed_keypair(machine_public.data(), secret_bytes.data(), machine_seed.data()), 0);
  const Ed25519SecretKey secret{std::span<const std::uint8_t, 64>(secret_bytes)};
  const auto machine = machine_public_key(secret);
  const auto disco = disco_public_key(kOurs);
  const auto node = node_public_key(kTheirs);
  const auto word = attest(secret, disco, node, WallTime(std::chrono::seconds(100)));
  EXPECT_TRUE(attested(machine, disco, node, word));
  EXPECT_FALSE(attested(machine, disco_public_key(kTheirs), node, word));
  EXPECT_FALSE(attested(machine, disco, node_public_key(kOurs), word));
  auto later = word;
  later.issued_at += std::chrono::seconds(1);
  EXPECT_FALSE(attested(machine, disco, node, later));
  EXPECT_FALSE(attested(MachinePublicKey{}, disco, node, word));
}

TEST(RandomStream, repeats_for_a_seed_and_never_within_one) {
  RandomStream a(filled<32>(1)), b(filled<32>(1)), c(filled<32>(2));
  const auto first = a.bytes<24>();
  EXPECT_EQ(first, b.bytes<24>());
  EXPECT_NE(first, c.bytes<24>());
  EXPECT_NE(first, a.bytes<24>());
  EXPECT_FALSE(std::is_copy_constructible_v<RandomStream>) << "a copy would say the same again";
}

TEST(RandomStream, a_split_says_nothing_that_the_other_says) {
  RandomStream a(filled<32>(1)), b(filled<32>(1));
  auto part = a.split(), other = a.split();
  const auto said = part.bytes<24>();
  EXPECT_NE(said, other.bytes<24>());
  EXPECT_NE(said, a.bytes<24>());
  EXPECT_EQ(said, b.split().bytes<24>()) << "simulations replay";
}

TEST(RandomStream, of_the_shells_draws_each_time_and_so_do_its_parts) {
  static std::uint8_t drawn;
  drawn = 0;
  RandomStream stream([](std::span<std::uint8_t> out) { std::ranges::fill(out, ++drawn); });
  auto part = stream.split();
  EXPECT_EQ(drawn, 0) << "nothing is kept for later";
  EXPECT_EQ(stream.bytes<2>(), (std::array<std::uint8_t, 2>{1, 1}));
  EXPECT_EQ(part.bytes<2>(), (std::array<std::uint8_t, 2>{2, 2}));
  EXPECT_EQ(stream.bytes<2>(), (std::array<std::uint8_t, 2>{3, 3}));
  const auto first = seal(Ping{}, disco_public_key(kOurs), SharedKey(filled<32>(3)), stream);
  const auto second = seal(Ping{}, disco_public_key(kOurs), SharedKey(filled<32>(3)), stream);
  EXPECT_EQ(first[37], 4) << "the nonce";
  EXPECT_EQ(second[37], 5);
}

}  // namespace
}  // namespace kernmesh::path
