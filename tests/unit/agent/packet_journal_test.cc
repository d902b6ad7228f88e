// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/packet_journal.h"

#include <gtest/gtest.h>

#include "bpf/abi/acl_reasons.h"
#include "controller/bpf/acl.h"
#include "controller/bpf/convert.h"
#include "controller/core/maplayout/acl_image.h"
#include "controller/core/policy/service.h"
#include "controller/core/reconcile/policy_input.h"

namespace kernmesh::agent {
namespace {

using mesh::v1::AclEvent;
constexpr std::chrono::milliseconds kAtOnce{0};

AclEvent numbered(std::uint32_t number) {
  AclEvent event;
  event.set_length(number);
  return event;
}

TEST(PacketQueue, loses_the_oldest_and_says_how_many) {
  PacketQueue queue;
  for (std::uint32_t i = 0; i < PacketQueue::kMost + 3; ++i) queue.put(numbered(i));
  const auto first = queue.take(kAtOnce);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->length(), 3u);
  EXPECT_EQ(first->lost(), 3u);
  const auto second = queue.take(kAtOnce);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->length(), 4u);
  EXPECT_EQ(second->lost(), 0u);
}

TEST(PacketQueue, an_empty_one_has_nothing_to_take) {
  PacketQueue queue;
  EXPECT_FALSE(queue.take(kAtOnce));
}

TEST(PacketJournal, keeps_the_last_denials_and_no_flows) {
  PacketJournal journal;
  for (std::uint32_t i = 0; i < PacketJournal::kMostKept + 2; ++i)
    journal.add(Followed::kDrops, numbered(i));
  journal.add(Followed::kFlows, numbered(9999));
  const auto all = journal.last(0);
  ASSERT_EQ(all.size(), PacketJournal::kMostKept);
  EXPECT_EQ(all.front().length(), 2u);
  const auto two = journal.last(2);
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two.back().length(), PacketJournal::kMostKept + 1);
}

TEST(PacketJournal, a_follower_gets_its_kind_until_it_lets_go) {
  PacketJournal journal;
  auto queue = journal.follow(Followed::kFlows);
  ASSERT_TRUE(queue);
  EXPECT_TRUE(journal.has_followers(Followed::kFlows));
  EXPECT_FALSE(journal.has_followers(Followed::kDrops));
  journal.add(Followed::kDrops, numbered(1));
  journal.add(Followed::kFlows, numbered(2));
  const auto event = (*queue)->take(kAtOnce);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->length(), 2u);
  queue->reset();
  EXPECT_FALSE(journal.has_followers(Followed::kFlows));
}

TEST(PacketJournal, one_follower_too_many_is_refused_until_another_ends) {
  PacketJournal journal;
  std::vector<std::shared_ptr<PacketQueue>> queues;
  for (std::size_t i = 0; i < PacketJournal::kMostFollowers; ++i) {
    auto queue = journal.follow(Followed::kDrops);
    ASSERT_TRUE(queue);
    queues.push_back(*queue);
  }
  const auto refused = journal.follow(Followed::kFlows);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kExhausted);
  queues.pop_back();
  EXPECT_TRUE(journal.follow(Followed::kFlows));
}

class Telling : public ::testing::Test {
 protected:
  Telling() {
    map_.self.addresses = {*IpAddress::parse("100.64.0.1")};
    auto& peer = map_.peers[NodeId(2)];
    peer.id = NodeId(2);
    peer.name = "alice";
    peer.user_name = "alice@example.com";
    peer.addresses = {*IpAddress::parse("100.64.0.2")};
    auto& rule = map_.rules[RuleId(8)];
    rule.id = RuleId(8);
    rule.line = 12;
    rule.policy_revision = 3;
    rule.sources = {policy::SetId(1)};
    rule.targets = {
        {policy::TargetKind::kAny, {}, {{policy::default_protocols(), {policy::kAllPorts}}}}};
    map_.sets[policy::SetId(1)] = {policy::SetId(1), {NodeId(2)}, {}};
    maplayout::RuleSlots slots;
    const auto image = maplayout::compile_acl(reconcile::policy_input(map_, WallTime{}), slots,
                                              {.generation = 5, .seed = 1, .version = {}});
    EXPECT_TRUE(image);
    if (image) lines_ = image->lines;
    event_.time_ns = 7'000'000'000;
    event_.src = bpf::to_abi(*IpAddress::parse("100.64.0.2"));
    event_.dst = bpf::to_abi(*IpAddress::parse("100.64.0.1"));
    event_.sport = bpf::to_abi_be(Port(51'000));
    event_.dport = bpf::to_abi_be(Port(22));
    event_.node = 2;
    event_.generation = 5;
    event_.slot = 1;
    event_.protocol = policy::kProtocolTcp;
    event_.direction = MESH_ACL_IN;
    event_.reason = MESH_ACL_IN_DENIED;
    event_.detail = 2;
  }
  AclEvent told() const {
    return tell(event_, {&map_, lines_, {.mono_ns = 9'500'000'000, .wall_ms = 100'000}});
  }

  netmap::Netmap map_;
  std::vector<mesh_acl_line> lines_;
  mesh_acl_event event_{};
};

TEST_F(Telling, names_time_peer_ports_reason_and_rule) {
  const auto out = told();
  EXPECT_EQ(out.time_ms(), 97'500);
  EXPECT_EQ(out.direction(), AclEvent::DIRECTION_IN);
  EXPECT_EQ(out.reason(), "in_denied");
  EXPECT_EQ(out.peer_name(), "alice");
  EXPECT_EQ(out.peer_user(), "alice@example.com");
  EXPECT_EQ(out.source_port(), 51'000u);
  EXPECT_EQ(out.destination_port(), 22u);
  EXPECT_EQ(out.tcp_flags(), 2u);
  EXPECT_EQ(out.rule_line(), 12u);
  EXPECT_EQ(out.policy_revision(), 3u);
}

TEST_F(Telling, an_event_of_another_policy_has_no_rule) {
  event_.generation = 4;
  const auto out = told();
  EXPECT_EQ(out.rule_id(), 0u);
  EXPECT_EQ(out.peer_name(), "alice");
}

TEST_F(Telling, an_event_a_tick_in_the_future_is_now) {
  event_.time_ns = 9'600'000'000;
  EXPECT_EQ(told().time_ms(), 100'000);
}

TEST_F(Telling, an_icmp_packet_has_a_type_and_no_destination_port) {
  event_.protocol = policy::kProtocolIcmp;
  event_.detail = 8;
  const auto out = told();
  EXPECT_EQ(out.icmp_type(), 8u);
  EXPECT_EQ(out.destination_port(), 0u);
  EXPECT_EQ(out.tcp_flags(), 0u);
}

TEST(Drop, is_every_reason_whose_meaning_says_so) {
  for (std::uint32_t reason = 0; reason < MESH_ACL_REASON_COUNT; ++reason) {
    mesh_acl_event event{};
    event.reason = static_cast<std::uint8_t>(reason);
    EXPECT_EQ(is_drop(event), bpf::acl_reason(reason).meaning.starts_with("dropped"))
        << bpf::acl_reason(reason).label;
  }
}

}  // namespace
}  // namespace kernmesh::agent
