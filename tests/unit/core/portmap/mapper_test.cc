// SPDX-License-Identifier: Apache-2.0
#include "controller/core/portmap/mapper.h"

#include <gtest/gtest.h>

namespace kernmesh::portmap {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const Gateway kHome{*IpAddress::parse("192.168.1.1"), *IpAddress::parse("192.168.1.7")};
const Endpoint kOutside{*IpAddress::parse("5.6.7.8"), Port(50000)};

class MapperTest : public testing::Test {
 protected:
  MapperTest() { mapper.set_network(now, kHome, Port(41641)); }

  // What the mapper asks for now; nullopt: nothing.
  std::optional<Attempt> asked() {
    mapper.tick(now);
    std::optional<Attempt> out;
    for (const auto& command : mapper.take_commands()) {
      if (const auto* attempt = std::get_if<Attempt>(&command)) out = *attempt;
      if (const auto* changed = std::get_if<Changed>(&command)) told = changed->external;
    }
    return out;
  }
  void grant(const Attempt& attempt, const Endpoint& external = kOutside,
             seconds lifetime = minutes(20)) {
    mapper.on_done(now, attempt.number, Grant{external, lifetime, epoch_s});
  }
  void refuse(const Attempt& attempt) {
    mapper.on_done(now, attempt.number, Error(ErrorCode::kUnsupported, "no"));
  }
  // To the mapper's next deadline.
  void wait() {
    ASSERT_TRUE(mapper.next_deadline());
    now = std::max(now, *mapper.next_deadline());
  }

  void announce(const Announcement& announcement, const IpAddress& from = kHome.address) {
    mapper.on_announcement(now, from, announcement);
  }
  // Does the mapper ask again within the time that announcements are spread over?
  bool asks_soon() {
    const auto deadline = mapper.next_deadline();
    if (!deadline || *deadline > now + kAnnouncedSpread) return false;
    now = *deadline;
    return asked().has_value();
  }

  MonoTime now{hours(1)};
  std::optional<std::uint32_t> epoch_s;
  Mapper mapper{path::Seed{}};
  std::optional<std::optional<Endpoint>> told;
};

TEST_F(MapperTest, asks_by_pcp_first_and_tells_what_was_granted) {
  const auto attempt = asked();
  ASSERT_TRUE(attempt);
  EXPECT_EQ(attempt->protocol, Protocol::kPcp);
  EXPECT_EQ(attempt->gateway, kHome);
  EXPECT_EQ(attempt->internal, Port(41641));
  EXPECT_NE(attempt->nonce, Nonce{});
  EXPECT_FALSE(asked()) << "one at a time";
  grant(*attempt);
  (void)asked();
  EXPECT_EQ(told, std::optional(std::optional(kOutside)));
  EXPECT_EQ(mapper.mapping()->external, kOutside);
}

TEST_F(MapperTest, goes_through_all_protocols_and_then_pauses_ever_longer) {
  Duration before{};
  for (int round = 0; round < 8; ++round) {
    for (const auto protocol : {Protocol::kPcp, Protocol::kNatPmp, Protocol::kUpnp}) {
      const auto attempt = asked();
      ASSERT_TRUE(attempt) << round;
      EXPECT_EQ(attempt->protocol, protocol);
      refuse(*attempt);
    }
    EXPECT_FALSE(asked());
    const auto pause = *mapper.next_deadline() - now;
    EXPECT_GE(pause, std::max<Duration>(before, kFirstPause));
    EXPECT_LE(pause, kMostPause);
    before = pause;
    wait();
  }
  EXPECT_EQ(before, Duration(kMostPause));
}

TEST_F(MapperTest, renews_between_a_half_and_five_eighths_with_the_same_nonce_and_wish) {
  const auto first = *asked();
  grant(first);
  (void)asked();
  const auto started = now;
  wait();
  EXPECT_GE(now - started, minutes(10));
  EXPECT_LE(now - started, minutes(12) + seconds(30));
  const auto renewal = asked();
  ASSERT_TRUE(renewal);
  EXPECT_EQ(renewal->nonce, first.nonce);
  EXPECT_EQ(renewal->wish, std::optional(kOutside));
  told.reset();
  grant(*renewal);
  (void)asked();
  EXPECT_FALSE(told) << "nothing has changed";
}

TEST_F(MapperTest, another_endpoint_at_a_renewal_is_told) {
  grant(*asked());
  (void)asked();
  wait();
  const Endpoint other{kOutside.address, Port(50001)};
  grant(*asked(), other);
  (void)asked();
  EXPECT_EQ(told, std::optional(std::optional(other)));
}

TEST_F(MapperTest, a_mapping_that_cannot_be_renewed_ends_at_its_time_and_all_begins_anew) {
  grant(*asked());
  (void)asked();
  const auto end = mapper.mapping()->ends_at;
  int tries = 0;
  while (now < end) {
    wait();
    if (const auto attempt = asked(); attempt && now < end) {
      EXPECT_EQ(attempt->protocol, Protocol::kPcp);
      refuse(*attempt);
      ++tries;
    } else if (attempt) {
      break;
    }
  }
  EXPECT_GE(tries, 4);
  EXPECT_LE(tries, 12) << "never a storm";
  EXPECT_EQ(told, std::optional<std::optional<Endpoint>>(std::optional<Endpoint>()));
  EXPECT_FALSE(mapper.mapping());
}

TEST_F(MapperTest, another_gateway_gives_up_the_old_mapping_and_ignores_late_answers) {
  const auto late = *asked();
  const Gateway cafe{*IpAddress::parse("10.0.0.1"), *IpAddress::parse("10.0.0.9")};
  mapper.set_network(now, cafe, Port(41641));
  grant(late);
  EXPECT_FALSE(mapper.mapping());
  const auto attempt = asked();
  ASSERT_TRUE(attempt);
  EXPECT_EQ(attempt->gateway, cafe);
  EXPECT_NE(attempt->nonce, late.nonce);
  grant(late);
  EXPECT_FALSE(mapper.mapping()) << "by its number";
  grant(*attempt);
  EXPECT_TRUE(mapper.mapping());
  mapper.set_network(now, std::nullopt, Port(41641));
  EXPECT_FALSE(asked());
  EXPECT_EQ(told, std::optional<std::optional<Endpoint>>(std::optional<Endpoint>()));
  EXPECT_FALSE(mapper.next_deadline());
}

TEST_F(MapperTest, an_address_that_is_nobodys_from_outside_is_a_failure) {
  for (const char* text : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "169.254.1.1", "192.168.0.1",
                           "10.1.2.3", "100.64.0.1", "172.31.0.1", "2001:db8::1"}) {
    const auto attempt = asked();
    ASSERT_TRUE(attempt) << text;
    grant(*attempt, {*IpAddress::parse(text), Port(50000)});
    EXPECT_FALSE(mapper.mapping()) << text;
    if (!mapper.next_deadline() || *mapper.next_deadline() > now) wait();
  }
}

TEST_F(MapperTest, a_port_0_is_a_failure) {
  grant(*asked(), {kOutside.address, Port()});
  EXPECT_FALSE(mapper.mapping());
  EXPECT_EQ(asked()->protocol, Protocol::kNatPmp);
}

TEST_F(MapperTest, a_node_that_comes_back_has_the_nonce_of_before_and_others_have_another) {
  const auto nonce_under = [this](const path::Seed& secret, const Gateway& gateway) {
    Mapper other(secret);
    other.set_network(now, gateway, Port(41641));
    other.tick(now);
    return std::get<Attempt>(other.take_commands().at(0)).nonce;
  };
  const auto nonce = asked()->nonce;
  EXPECT_EQ(nonce_under(path::Seed{}, kHome), nonce);
  path::Seed other;
  other.mutable_bytes()[0] = 1;
  EXPECT_NE(nonce_under(other, kHome), nonce);
  EXPECT_NE(nonce_under(path::Seed{}, {kHome.address, kHome.address}), nonce);
}

TEST_F(MapperTest, a_gateway_that_says_it_has_forgotten_is_asked_again_soon) {
  epoch_s = 1000;
  grant(*asked());
  (void)asked();
  now += seconds(10);
  announce({true, 1010, {}});
  EXPECT_FALSE(asks_soon()) << "it has not";
  announce({true, 1, {}}, *IpAddress::parse("192.168.1.2"));
  EXPECT_FALSE(asks_soon()) << "somebody else has";
  announce({true, 1, {}});
  EXPECT_TRUE(asks_soon());
  EXPECT_TRUE(mapper.mapping()) << "until the answer says otherwise";
}

TEST_F(MapperTest, a_gateway_that_forgets_while_it_is_asked_is_asked_again_once_it_has_answered) {
  epoch_s = 1000;
  grant(*asked());
  (void)asked();
  wait();
  const auto renewal = *asked();
  announce({true, 1, {}});
  EXPECT_FALSE(asked()) << "one at a time";
  grant(renewal);
  EXPECT_TRUE(asks_soon());
}

TEST_F(MapperTest, another_public_address_that_is_announced_is_asked_for) {
  grant(*asked());
  (void)asked();
  announce({false, 7, kOutside.address});
  EXPECT_FALSE(asks_soon());
  announce({false, 7, *IpAddress::parse("192.168.7.7")});
  EXPECT_FALSE(asks_soon()) << "not one that nobody could use";
  announce({false, 7, *IpAddress::parse("5.6.7.9")});
  EXPECT_TRUE(asks_soon());
}

TEST_F(MapperTest, a_gateway_that_could_not_map_is_asked_again_when_it_announces_itself) {
  for (int i = 0; i < 3; ++i) refuse(*asked());
  EXPECT_FALSE(asks_soon());
  announce({true, 1, {}});
  EXPECT_TRUE(asks_soon());
}

TEST_F(MapperTest, less_than_the_least_lifetime_is_a_failure_and_one_for_ever_is_renewed) {
  grant(*asked(), kOutside, seconds(59));
  EXPECT_FALSE(mapper.mapping());
  const auto next = asked();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->protocol, Protocol::kNatPmp);
  grant(*next, kOutside, seconds(0));
  (void)asked();
  ASSERT_TRUE(mapper.mapping());
  EXPECT_LE(*mapper.next_deadline() - now, minutes(13));
}

TEST_F(MapperTest, the_least_lifetime_is_renewed_in_time) {
  grant(*asked(), kOutside, seconds(60));
  (void)asked();
  wait();
  EXPECT_LT(now, mapper.mapping()->ends_at);
  EXPECT_TRUE(asked());
}

TEST_F(MapperTest, a_node_that_leaves_takes_its_mapping_away) {
  grant(*asked());
  (void)asked();
  mapper.release();
  const auto last = asked();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->lifetime, seconds(0));
  EXPECT_EQ(last->protocol, Protocol::kPcp);
  EXPECT_FALSE(mapper.next_deadline());
}

TEST_F(MapperTest, what_may_yet_be_granted_is_taken_away_too_but_not_by_upnp) {
  for (const auto protocol : {Protocol::kPcp, Protocol::kNatPmp, Protocol::kUpnp}) {
    Mapper leaving{path::Seed{}};
    leaving.set_network(now, kHome, Port(41641));
    for (;;) {
      leaving.tick(now);
      const auto commands = leaving.take_commands();
      ASSERT_EQ(commands.size(), 1U);
      const auto& attempt = std::get<Attempt>(commands.front());
      if (attempt.protocol == protocol) break;
      leaving.on_done(now, attempt.number, Error(ErrorCode::kUnsupported, "no"));
    }
    leaving.release();
    EXPECT_EQ(leaving.take_commands().size(), protocol == Protocol::kUpnp ? 0U : 1U);
  }
}

TEST_F(MapperTest, a_node_that_left_and_is_back_asks_anew) {
  grant(*asked());
  mapper.release();
  (void)asked();
  mapper.set_network(now, kHome, Port(41641));
  const auto attempt = asked();
  ASSERT_TRUE(attempt);
  EXPECT_NE(attempt->lifetime, seconds(0));
}

}  // namespace
}  // namespace kernmesh::portmap
