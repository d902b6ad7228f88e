// SPDX-License-Identifier: Apache-2.0
// A relay that lies about channels: whatever it says, no two peers are heard on one, and who is
// told a lie leaves it.
#include <gtest/gtest.h>

#include "tests/unit/core/relay/client_network.h"

namespace kernmesh::relay {
namespace {

class LyingRelay : public ::testing::Test {
 protected:
  // The first has a pair with each of the other two.
  LyingRelay() {
    for (const std::uint8_t number : {1, 2, 3}) net_.add(number);
    net_.run(seconds(1));
    for (const std::uint8_t other : {2, 3}) pair_up(other);
  }
  void pair_up(std::uint8_t other) {
    net_.guest(1).client.open(net_.now(), key(other));
    net_.guest(other).client.open(net_.now(), key(1));
    net_.run(seconds(1));
  }
  const DiscoPublicKey& key(std::uint8_t number) { return net_.guest(number).key; }
  Channel channel(std::uint8_t peer) { return *net_.guest(1).channel_to(net_.guest(peer)); }
  // The relay's own word, authentic and new.
  template <typename Word>
  void say(const Word& word) {
    Guest& guest = net_.guest(1);
    const auto datagram = seal(Answer{++stamp_, Sequence(), word}, guest.key,
                               *shared_key(guest.key, kRelaySecret), random_);
    EXPECT_EQ(guest.client.on_datagram(net_.now(), datagram, net_.relay_at), Reception::kTaken);
    net_.collect(guest);
  }
  void expect_left_for_long() {
    const Guest& guest = net_.guest(1);
    EXPECT_EQ(guest.lies, 1);
    EXPECT_EQ(guest.losses, 1);
    EXPECT_TRUE(guest.up.empty()) << "no path over it is used";
    EXPECT_EQ(guest.client.state(), ClientState::kAway);
    const int sent = guest.sent;
    net_.run(std::chrono::minutes(9));
    EXPECT_EQ(guest.sent, sent);
    net_.run(std::chrono::minutes(2));
    EXPECT_EQ(guest.client.state(), ClientState::kBound) << "it may have been a broken one";
  }

  ClientNetwork net_;
  path::RandomStream random_{filled<32>(9)};
  std::uint64_t stamp_ = 1ULL << 62U;
};

TEST_F(LyingRelay, r8_one_channel_for_two_peers_ends_all_of_its_pairs) {
  say(Opened{key(3), channel(2), PairState::kPaired});
  expect_left_for_long();
}

TEST_F(LyingRelay, swapped_channels_end_at_the_first_word_of_the_swap) {
  const Channel second = channel(2), third = channel(3);
  say(Opened{key(2), third, PairState::kPaired});
  EXPECT_TRUE(net_.guest(1).up.empty());
  Guest& guest = net_.guest(1);
  const auto late = seal(Answer{++stamp_, Sequence(), Opened{key(3), second, PairState::kPaired}},
                         guest.key, *shared_key(guest.key, kRelaySecret), random_);
  EXPECT_EQ(guest.client.on_datagram(net_.now(), late, net_.relay_at), Reception::kElsewhere);
  expect_left_for_long();
}

TEST_F(LyingRelay, a_channel_of_an_ended_pair_is_not_taken_for_another_peer) {
  const Channel ended = channel(2);
  net_.guest(1).client.close(net_.now(), key(2));
  net_.run(seconds(1));
  ASSERT_FALSE(net_.guest(1).up.contains(key(2)));
  say(Opened{key(3), ended, PairState::kPaired});
  expect_left_for_long();
}

TEST_F(LyingRelay, a_channel_that_a_pair_had_before_is_not_taken_for_another_peer) {
  const Channel before = channel(2);
  say(Opened{key(2), Channel(before.value() + 1), PairState::kPaired});
  EXPECT_EQ(channel(2).value(), before.value() + 1) << "a relay may have lost its memory";
  say(Opened{key(3), before, PairState::kPaired});
  expect_left_for_long();
}

TEST_F(LyingRelay, the_same_channel_for_the_same_peer_is_no_lie) {
  const Channel held = channel(2);
  say(Closed{key(2)});
  say(Opened{key(2), held, PairState::kPaired});
  say(Opened{key(2), held, PairState::kPaired});
  EXPECT_EQ(channel(2), held);
  EXPECT_EQ(net_.guest(1).lies, 0);
  EXPECT_TRUE(net_.carries(1, 2) && net_.carries(1, 3));
}

TEST_F(LyingRelay, a_channel_for_somebody_whom_nobody_asked_for_is_not_taken) {
  say(Opened{disco_public_key(filled<32>(70)), Channel(77), PairState::kPaired});
  EXPECT_EQ(net_.guest(1).up.size(), 2U);
}

TEST(GivenChannels, remember_the_newest_of_those_that_ended) {
  GivenChannels given;
  const DiscoPublicKey one = disco_public_key(filled<32>(1)), two = disco_public_key(filled<32>(2));
  for (std::uint32_t i = 1; i <= GivenChannels::kRemembered + 1; ++i) {
    ASSERT_TRUE(given.give(one, Channel(i)));
    given.end(one);
  }
  EXPECT_TRUE(given.give(two, Channel(1)));
  EXPECT_FALSE(given.give(two, Channel(2)));
  EXPECT_FALSE(given.give(two, Channel(GivenChannels::kRemembered + 1)));
}

TEST(GivenChannels, one_that_is_in_use_is_never_forgotten) {
  GivenChannels given;
  const DiscoPublicKey one = disco_public_key(filled<32>(1)), two = disco_public_key(filled<32>(2));
  ASSERT_TRUE(given.give(one, Channel(9)));
  for (std::uint32_t i = 100; i <= 100 + 2 * GivenChannels::kRemembered; ++i)
    ASSERT_TRUE(given.give(two, Channel(i)));
  EXPECT_FALSE(given.give(two, Channel(9)));
}

}  // namespace
}  // namespace kernmesh::relay
