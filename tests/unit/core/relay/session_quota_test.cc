// SPDX-License-Identifier: Apache-2.0
// Crowds of sources that have proven their addresses and have no ticket (R4): who is bound is
// served out of a budget of its own, and one network never has all that is for strangers.
#include <functional>

#include "controller/core/relay/session_table.h"
#include "tests/unit/core/relay/relay_world.h"

namespace kernmesh::relay {
namespace {

using std::chrono::seconds;

// Sources with good cookies whose requests are sealed by nobody.
class Crowd {
 public:
  Crowd(World& in, std::size_t size, const std::function<std::string(std::size_t)>& endpoint)
      : world_(in) {
    for (std::size_t n = 0; n < size; ++n) {
      Member& one = members_.emplace_back();
      one.at = origin(endpoint(n));
      one.key = disco_public_key(filled<32>(static_cast<std::uint8_t>(n % 100 + 100)));
    }
    renew();
  }
  // Cookies end after minutes.
  void renew() {
    for (auto& one : members_) {
      for (const auto& out : world_.deliver(one.at, encode(Hello{one.key}))) {
        const auto parsed = parse_datagram(out.bytes);
        const auto& cookie = std::get<Challenge>(std::get<Datagram>(parsed)).cookie;
        one.request = seal(Request{Sequence(1), Refresh{}}, one.key, cookie, SharedKey{}, random_);
      }
    }
  }
  void send(int each) {
    for (int i = 0; i < each; ++i) {
      for (const auto& one : members_) (void)world_.deliver(one.at, one.request);
    }
  }

 private:
  struct Member {
    Origin at;
    DiscoPublicKey key;
    Bytes request;
  };
  World& world_;
  path::RandomStream random_{filled<32>(99)};
  std::vector<Member> members_;
};

std::string of_a_56(std::size_t n) { return "[2001:db8:9:" + std::to_string(n) + "::1]:4000"; }
std::string of_a_24(std::size_t n) { return "198.18.7." + std::to_string(n) + ":4000"; }
std::string of_everywhere(std::size_t n) { return "11." + std::to_string(n) + ".0.1:4000"; }

// A hundredth of what a relay has, so that three minutes of a crowd cost a test a second.
SessionSettings small() {
  SessionSettings settings;
  settings.all_requests = {50, 100};
  settings.network_requests = {5, 10};
  return settings;
}

TEST(RelayR4, a_crowd_that_takes_all_there_is_for_strangers_ends_no_binding) {
  World world(small());
  Peer a(world, 1, kA), b(world, 2, kB);
  pair_up(a, b);
  Crowd crowd(world, 20, of_everywhere);
  for (int second = 1; second <= 180; ++second) {
    world.pass(seconds(1));
    if (second % 60 == 0) crowd.renew();
    crowd.send(5);
    if (second % 20 == 0) {
      for (Peer* one : {&a, &b}) {
        one->fetch_cookie();
        EXPECT_EQ(one->send(one->request(Refresh{})).size(), 1U) << "second " << second;
      }
    }
    world.apply(world.table.expire(world.now));
  }
  EXPECT_EQ(world.table.client_count(), 2U);
  EXPECT_EQ(world.channels.size(), 2U);
  Peer late(world, 3, "192.0.2.3:1");
  late.fetch_cookie();
  crowd.send(10);
  EXPECT_TRUE(late.send(late.request(Bind{late.ticket})).empty()) << "the crowd did take all";
}

TEST(RelayR4, neighbours_with_its_address_take_no_request_of_a_bound_client) {
  World world;
  Peer a(world, 1, kA);
  a.bind();
  Crowd neighbours(world, 30, [](std::size_t n) { return "192.0.2.1:" + std::to_string(n + 1); });
  neighbours.send(10);
  EXPECT_GT(world.table.counts().over_quota, 0U);
  EXPECT_EQ(a.send(a.request(Refresh{})).size(), 1U);
}

TEST(RelayR4, greetings_forged_in_its_address_keep_no_cookie_from_a_bound_client) {
  World world;
  Peer a(world, 1, kA);
  a.bind();
  for (int i = 0; i < 1'000; ++i) {
    Origin forged = a.at;
    forged.client.port = Port(static_cast<std::uint16_t>(i + 1));
    (void)world.deliver(forged, encode(Hello{disco_public_key(filled<32>(70))}));
  }
  world.pass(std::chrono::milliseconds(10));
  EXPECT_EQ(world.deliver(a.at, encode(Hello{a.key})).size(), 1U);
}

TEST(RelayR4, who_has_left_an_address_is_a_stranger_there) {
  World world(small());
  Peer a(world, 1, kA);
  a.bind();
  Crowd crowd(world, 20, of_everywhere);
  crowd.send(10);
  EXPECT_EQ(a.send(a.request(Refresh{})).size(), 1U);
  a.at = origin("192.0.2.1:4001");
  a.fetch_cookie();
  EXPECT_TRUE(a.send(a.request(Refresh{})).empty());
}

// For the /64s of a customer's /56, and for the addresses of a provider's /24.
TEST(RelayR4, one_network_leaves_room_for_others_to_bind) {
  for (const auto& members : {of_a_56, of_a_24}) {
    World world;
    Peer a(world, 1, kA), of_them(world, 2, members(255));
    Crowd crowd(world, 200, members);
    crowd.send(100);  // twice what all networks together have
    EXPECT_GT(world.table.counts().over_quota, 0U);
    of_them.fetch_cookie();
    EXPECT_TRUE(of_them.send(of_them.request(Bind{of_them.ticket})).empty());
    a.bind();
    EXPECT_EQ(world.table.client_count(), 1U);
  }
}

}  // namespace
}  // namespace kernmesh::relay
