// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netcheck/netcheck.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "controller/core/path/timing.h"

namespace kernmesh::netcheck {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Endpoint at(const std::string& text) { return Endpoint::parse(text).value(); }
std::vector<Endpoint> ports(std::initializer_list<int> numbers) {
  std::vector<Endpoint> out;
  for (const int n : numbers)
    out.push_back({at("203.0.113.1:1").address, Port(static_cast<std::uint16_t>(n))});
  return out;
}

TEST(Allocation, is_told_from_what_servers_see) {
  EXPECT_EQ(mapping_of({}), Mapping::kUnknown);
  EXPECT_EQ(mapping_of(ports({5000})), Mapping::kUnknown);
  EXPECT_EQ(mapping_of(ports({5000, 5000, 5000})), Mapping::kIndependent);
  EXPECT_EQ(mapping_of(ports({5000, 5001})), Mapping::kSequential);
  EXPECT_EQ(mapping_of(ports({5000, 5002, 5007})), Mapping::kSequential);
  EXPECT_EQ(mapping_of(ports({5009, 5007, 5005})), Mapping::kSequential) << "downwards";
  EXPECT_EQ(mapping_of(ports({5000, 5002, 5001})), Mapping::kRandom);
  EXPECT_EQ(mapping_of(ports({5000, 61234})), Mapping::kRandom);
  EXPECT_EQ(mapping_of(std::vector{at("203.0.113.1:5000"), at("203.0.113.2:5001")}),
            Mapping::kRandom);
}

TEST(Allocation, the_next_ports_follow_the_smallest_step) {
  const auto next = guess_ports(ports({5000, 5002, 5006}));
  ASSERT_EQ(next.size(), kGuessedPorts);
  EXPECT_EQ(next[0].port, Port(5008));
  EXPECT_EQ(next[1].port, Port(5010));
  EXPECT_EQ(next[kGuessedPorts - kGuessedBefore].port, Port(4998)) << "made before the first";
  EXPECT_EQ(guess_ports(ports({65534, 65535}))[0].port, Port(1024));
  EXPECT_TRUE(guess_ports(ports({5000, 5000})).empty());
  EXPECT_TRUE(guess_ports(ports({5000, 30000})).empty());
}

// Relays 1, 2, 3 .. at 192.0.2.N and 2001:db8::N with round trips of N * 20 ms.
class NetcheckRounds : public ::testing::Test {
 protected:
  void serve(int count) { serve(1, count); }
  void serve(int first, int last) {
    std::vector<Server> servers;
    for (int n = first; n <= last; ++n) {
      servers.push_back({RelayId(static_cast<std::uint32_t>(n)),
                         {at("192.0.2." + std::to_string(n) + ":3478"),
                          at("[2001:db8::" + std::to_string(n) + "]:3478")}});
    }
    check_.set_servers(now_, servers);
  }
  static int number_of(const Endpoint& server) {
    return server.address.bytes()[server.address.is_v4() ? 3 : 15];
  }
  void run(Duration span) {
    for (const MonoTime end = now_ + span; now_ < end; now_ += milliseconds(10)) {
      if (const auto due = check_.next_deadline(); due && *due <= now_) check_.tick(now_);
      for (const auto& command : check_.take_commands()) {
        if (const auto* made = std::get_if<NewReport>(&command)) reports_.push_back(made->report);
        const auto* send = std::get_if<SendStun>(&command);
        if (send == nullptr) continue;
        asked_.push_back(send->to);
        const auto mapped = seen_(send->to);
        if (!mapped) continue;
        const auto parsed = stun::parse(send->bytes);
        const auto tx = std::get<stun::BindingRequest>(std::get<stun::Message>(parsed)).tx;
        answers_.emplace(
            now_ + number_of(send->to) * milliseconds(20) + slower_[number_of(send->to)],
            std::pair(send->to, stun::to_bytes(stun::BindingSuccess{tx, *mapped})));
      }
      while (!answers_.empty() && answers_.begin()->first <= now_) {
        const auto [server, bytes] = answers_.begin()->second;
        answers_.erase(answers_.begin());
        check_.on_datagram(now_, bytes, server);
      }
    }
  }

  MonoTime now_{std::chrono::hours(1)};
  Netcheck check_{path::Seed{}};
  // How each server sees this node; none: it does not answer.
  std::function<std::optional<Endpoint>(const Endpoint&)> seen_ = [](const Endpoint& server) {
    return server.address.is_v4() ? at("203.0.113.9:4500") : at("[2001:db8:9::9]:4500");
  };
  std::map<int, Duration> slower_;
  std::multimap<MonoTime, std::pair<Endpoint, Bytes>> answers_;
  std::vector<Endpoint> asked_;
  std::vector<Report> reports_;
};

TEST_F(NetcheckRounds, an_easy_network_is_reported_after_one_round) {
  serve(3);
  run(milliseconds(100));
  ASSERT_EQ(reports_.size(), 1U);
  const Report& report = reports_[0];
  EXPECT_TRUE(report.udp);
  EXPECT_EQ(report.v4, at("203.0.113.9:4500"));
  EXPECT_EQ(report.v6, at("[2001:db8:9::9]:4500"));
  EXPECT_EQ(report.mapping_varies(), false);
  EXPECT_EQ(report.home, RelayId(1));
  ASSERT_EQ(report.latencies.size(), 3U);
  EXPECT_EQ(report.latencies[2].relay, RelayId(3));
  EXPECT_EQ(report.latencies[2].round_trip, milliseconds(60));
  EXPECT_EQ(asked_.size(), 6U);
}

TEST_F(NetcheckRounds, blocked_udp_is_reported_within_two_seconds) {
  seen_ = [](const Endpoint&) { return std::nullopt; };
  serve(3);
  run(seconds(2));
  ASSERT_EQ(reports_.size(), 1U);
  EXPECT_FALSE(reports_[0].udp);
  EXPECT_EQ(reports_[0].mapping_varies(), std::nullopt);
  EXPECT_EQ(reports_[0].home, std::nullopt);
  EXPECT_EQ(asked_.size(), 6U * 3);
}

TEST_F(NetcheckRounds, a_network_without_ipv6_has_none) {
  seen_ = [](const Endpoint& server) {
    return server.address.is_v4() ? std::optional(at("203.0.113.9:4500")) : std::nullopt;
  };
  serve(2);
  run(seconds(2));
  ASSERT_EQ(reports_.size(), 1U);
  EXPECT_TRUE(reports_[0].v4);
  EXPECT_FALSE(reports_[0].v6);
}

TEST_F(NetcheckRounds, a_hard_nat_is_told_and_its_other_ports_are_offered) {
  seen_ = [](const Endpoint& server) -> std::optional<Endpoint> {
    if (!server.address.is_v4()) return std::nullopt;
    return Endpoint{at("203.0.113.9:1").address,
                    Port(static_cast<std::uint16_t>(7000 + number_of(server)))};
  };
  serve(3);
  run(seconds(2));
  ASSERT_EQ(reports_.size(), 1U);
  EXPECT_EQ(reports_[0].mapping_varies(), true);
  EXPECT_EQ(reports_[0].mapping, Mapping::kSequential);
  const std::vector local{at("10.0.0.5:4500")};
  const auto offer = reachable_endpoints(reports_[0], local, 32);
  ASSERT_EQ(offer.size(), 2 + kGuessedPorts);
  EXPECT_EQ(offer[0], local[0]);
  EXPECT_EQ(offer[1], at("203.0.113.9:7001")) << "as the nearest sees it";
  EXPECT_EQ(offer[2], at("203.0.113.9:7004"));
}

// Each report is told to every peer, and each of those ports is as good as another.
TEST_F(NetcheckRounds, a_hard_nats_port_stays_though_another_server_is_nearest) {
  int first_port = 7000;
  std::optional<int> lost;
  seen_ = [&](const Endpoint& server) -> std::optional<Endpoint> {
    if (number_of(server) == lost) return std::nullopt;
    const char* outer = server.address.is_v4() ? "203.0.113.9:1" : "[2001:db8:9::9]:1";
    return Endpoint{at(outer).address,
                    Port(static_cast<std::uint16_t>(first_port + number_of(server)))};
  };
  serve(3);
  run(seconds(2));
  for (int round = 1; round < 7; ++round) {
    slower_[1] = milliseconds(round % 2 == 0 ? 0 : 25);  // 45 ms against server 2's 40
    check_.start(now_);
    run(seconds(2));
  }
  ASSERT_EQ(reports_.size(), 7U);
  for (const auto& report : reports_) {
    EXPECT_EQ(report.v4, at("203.0.113.9:7001"));
    EXPECT_EQ(report.v6, at("[2001:db8:9::9]:7001"));
    EXPECT_TRUE(is_same_network(report, reports_[0]));
  }
  lost = 1;
  check_.start(now_);
  run(seconds(2));
  EXPECT_EQ(reports_.back().v4, at("203.0.113.9:7002")) << "nobody sees the other any more";
  EXPECT_EQ(reports_.back().v6, at("[2001:db8:9::9]:7002"));
  lost.reset();
  first_port = 8000;
  check_.start(now_);
  run(seconds(2));
  EXPECT_EQ(reports_.back().v4, at("203.0.113.9:8001")) << "the NAT has made others";
}

TEST(ReportedEndpoints, are_all_but_guesses_each_once_and_as_many_as_asked_for) {
  Report report;
  report.v4 = at("203.0.113.9:7001");
  report.v6 = at("[2001:db8::9]:4500");
  report.guesses = {at("203.0.113.9:7004")};
  const std::vector local{at("203.0.113.9:41641"), at("10.0.0.5:4500"), at("[2001:db8::9]:4500")};
  const auto reported = reported_endpoints(report, local, 32);
  EXPECT_EQ(reported, (std::vector{local[0], local[1], local[2], *report.v4}));
  EXPECT_EQ(reported_endpoints(report, local, 3), (std::vector{local[0], *report.v6, *report.v4}));
  EXPECT_EQ(reported_endpoints(report, local, 1), std::vector{*report.v6});
  EXPECT_EQ(reported_endpoints(std::nullopt, local, 32), local);
  EXPECT_EQ(reported_endpoints(std::nullopt, local, 2), (std::vector{local[0], local[1]}));
}

// A host in a cloud, with many addresses of its own and a public one that is nowhere on it.
TEST(ReportedEndpoints, many_addresses_leave_room_for_what_servers_see_and_the_gateway_forwards) {
  Report report;
  report.v4 = at("203.0.113.9:41641");
  report.v6 = at("[2001:db8::9]:4500");
  report.guesses = {at("203.0.113.9:41642")};
  const Endpoint mapped = at("203.0.113.7:5000");
  std::vector<Endpoint> local{mapped};  // where the agent puts it
  for (int n = 1; n <= 40; ++n) local.push_back(at("10.0.0." + std::to_string(n) + ":41641"));
  for (const auto& endpoints :
       {reported_endpoints(report, local, 32), reachable_endpoints(report, local, 32)}) {
    ASSERT_EQ(endpoints.size(), 32U);
    for (const auto& wanted : {mapped, *report.v4, *report.v6, local[1], local[29]})
      EXPECT_EQ(std::count(endpoints.begin(), endpoints.end(), wanted), 1) << to_string(wanted);
  }
  report.v4 = local[31];
  const auto own = reported_endpoints(report, local, 32);
  EXPECT_EQ(std::count(own.begin(), own.end(), local[31]), 1) << "a public address of its own";
  EXPECT_EQ(std::count(own.begin(), own.end(), *report.v6), 1);
}

TEST_F(NetcheckRounds, follow_each_other_in_20_to_26_seconds_while_active_and_end) {
  serve(3);
  run(seconds(1));
  reports_.clear();
  for (int i = 0; i < 300; ++i) {
    check_.on_active(now_);
    run(seconds(1));
  }
  EXPECT_GE(reports_.size(), 300U / 27);
  EXPECT_LE(reports_.size(), 300U / 20 + 2);
  run(path::kSessionActive);
  const auto asked = asked_.size();
  run(minutes(10));
  EXPECT_LE(asked_.size(), asked);
}

TEST_F(NetcheckRounds, ask_only_the_nearest_in_between) {
  serve(10);
  run(seconds(1));
  asked_.clear();
  for (int i = 0; i < 60; ++i) {
    check_.on_active(now_);
    run(seconds(1));
  }
  ASSERT_FALSE(asked_.empty());
  for (const auto& server : asked_) EXPECT_LE(number_of(server), 3);
  EXPECT_EQ(reports_.back().latencies.size(), 10U) << "the others are as far as they were";
}

TEST_F(NetcheckRounds, the_home_relay_stays_unless_another_is_much_nearer) {
  serve(3);
  run(seconds(1));
  ASSERT_EQ(reports_.back().home, RelayId(1));
  slower_[1] = milliseconds(25);  // 45 ms against relay 2's 40
  check_.start(now_);
  run(seconds(1));
  EXPECT_EQ(reports_.back().home, RelayId(1));
  slower_[1] = milliseconds(60);  // 80 ms
  check_.start(now_);
  run(seconds(1));
  EXPECT_EQ(reports_.back().home, RelayId(2));
}

TEST_F(NetcheckRounds, a_home_relay_that_is_silent_once_keeps_its_guests) {
  const auto all = seen_;
  serve(3);
  run(seconds(1));
  seen_ = [&](const Endpoint& server) {
    return number_of(server) == 1 ? std::nullopt : all(server);
  };
  check_.start(now_);
  run(seconds(2));
  EXPECT_EQ(reports_.back().home, RelayId(1));
  check_.start(now_);
  run(seconds(2));
  EXPECT_EQ(reports_.back().home, RelayId(2));
}

TEST_F(NetcheckRounds, a_home_relay_that_is_no_more_is_left_at_once_though_nobody_speaks) {
  serve(3);
  run(seconds(1));
  ASSERT_EQ(reports_.back().home, RelayId(1));
  serve(2, 3);
  run(seconds(2));
  EXPECT_EQ(reports_.back().home, RelayId(2));
  ASSERT_EQ(reports_.back().latencies.size(), 2U);
  EXPECT_EQ(reports_.back().latencies[0].relay, RelayId(2));
}

TEST(HomeRelay, needs_ten_milliseconds_and_a_third) {
  using relay::home_relay;
  using relay::RelayLatency;
  const auto choose = [](int held_ms, int other_ms) {
    const std::vector<RelayLatency> answered{{RelayId(1), milliseconds(held_ms)},
                                             {RelayId(2), milliseconds(other_ms)}};
    return home_relay(RelayId(1), answered);
  };
  EXPECT_EQ(choose(12, 3), RelayId(1)) << "9 ms";
  EXPECT_EQ(choose(100, 70), RelayId(1)) << "less than a third";
  EXPECT_EQ(choose(30, 20), RelayId(2));
  EXPECT_EQ(choose(100, 60), RelayId(2));
  EXPECT_EQ(home_relay(RelayId(7), {}), RelayId(7)) << "nobody answered";
  const std::vector<RelayLatency> only{{RelayId(2), milliseconds(300)}};
  EXPECT_EQ(home_relay(RelayId(1), only), RelayId(2)) << "the held one is silent";
}

}  // namespace
}  // namespace kernmesh::netcheck
