// SPDX-License-Identifier: Apache-2.0
// Attestations of nodes whose clocks are wrong: their time orders one node's keys, and nothing
// else.
#include <gtest/gtest.h>

#include "controller/core/path/disco_keys.h"
#include "tests/unit/core/path/simulated_network.h"

namespace kernmesh::path {
namespace {

constexpr std::uint32_t kTenYearsS = 3650U * 86400U;

DiscoPublicKey disco_key(std::uint32_t generation) {
  return sample_identity(1, generation).info.disco_key;
}
WallTime at(std::int64_t second) { return WallTime(seconds(second)); }

TEST(DiscoClock, the_netmaps_word_ends_what_an_attestation_from_the_future_said) {
  DiscoKeys keys(disco_key(1));
  ASSERT_TRUE(keys.offer(disco_key(2), at(2 * kTenYearsS)));
  keys.proved(disco_key(2));
  EXPECT_FALSE(keys.offer(disco_key(3), at(kTenYearsS))) << "older, so perhaps replayed";
  EXPECT_EQ(keys.current(), disco_key(2));
  keys.set_netmap_key(disco_key(3));
  EXPECT_EQ(keys.current(), disco_key(3));
  EXPECT_TRUE(keys.offer(disco_key(4), at(kTenYearsS + 1)));
}

TEST(DiscoClock, an_attestation_from_the_future_does_not_displace_a_key_that_answers) {
  DiscoKeys keys(disco_key(1));
  ASSERT_TRUE(keys.offer(disco_key(2), at(2 * kTenYearsS)));
  EXPECT_EQ(keys.current(), disco_key(1)) << "nobody has answered under it";
  keys.proved(disco_key(1));
  EXPECT_EQ(keys.current(), disco_key(1));
}

// Each is restarted with a clock a day or ten years before and after that of the other.
TEST(DiscoClock, agents_restarted_with_any_clock_find_each_other) {
  for (const std::int64_t jump : {-86400LL, 86400LL, -1LL * kTenYearsS, 1LL * kTenYearsS}) {
    SimulatedNetwork net(1);
    for (std::uint32_t id : {1U, 2U}) net.add(id, {place(1, static_cast<int>(id))});
    net.know_each_other();
    net.run(seconds(5), kBothWays);
    Host& host = net.host(1);
    std::array<std::uint8_t, 32> unused{};
    std::array<std::uint8_t, 64> machine{};
    crypto_sign_seed_keypair(unused.data(), machine.data(), secret_filled<32>(1, 1).bytes().data());
    host.identity.local.attestation = attest(
        Ed25519SecretKey(std::span<const std::uint8_t, 64>(machine)), host.identity.info.disco_key,
        host.identity.local.node_key, at(kTenYearsS + kTenYearsS / 2 + jump));
    net.start(1);
    net.know_each_other();
    net.run(seconds(2), kBothWays);
    EXPECT_TRUE(net.carries(1, 2) && net.carries(2, 1)) << jump << " s";
  }
}

}  // namespace
}  // namespace kernmesh::path
