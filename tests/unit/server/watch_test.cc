// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netmap/digest.h"
#include "controller/core/netmap/merge.h"
#include "tests/unit/server/fixture.h"

namespace kernmesh::server {
namespace {

using WatchTest = ServerTest;

bool has_delta_with(const std::vector<rpc::Update>& updates, NodeId id) {
  return std::any_of(updates.begin(), updates.end(), [&](const rpc::Update& update) {
    const auto* delta = std::get_if<netmap::Delta>(&update);
    return delta != nullptr && std::any_of(delta->upserted.begin(), delta->upserted.end(),
                                           [&](const netmap::Peer& peer) { return peer.id == id; });
  });
}

bool has_removal_of(const std::vector<rpc::Update>& updates, NodeId id) {
  return std::any_of(updates.begin(), updates.end(), [&](const rpc::Update& update) {
    const auto* delta = std::get_if<netmap::Delta>(&update);
    return delta != nullptr && std::count(delta->removed.begin(), delta->removed.end(), id) == 1;
  });
}

TEST_F(WatchTest, first_message_is_the_whole_map) {
  const TestNode a, b;
  const auto session = join(a);
  const auto other = join(b);
  Watcher watcher(client(), session);
  const auto update = watcher.first();
  const auto* map = std::get_if<netmap::Netmap>(&update);
  ASSERT_NE(map, nullptr);
  EXPECT_EQ(map->self.id, session.node_id);
  EXPECT_EQ(map->self.name, "host");
  EXPECT_EQ(to_string(map->self.addresses.at(0)), "100.64.0.1");
  ASSERT_EQ(map->peers.size(), 1u);
  const auto& peer = map->peers.at(other.node_id);
  EXPECT_EQ(peer.name, "host-1");
  EXPECT_EQ(peer.node_key, node_public_key(b.node));
  EXPECT_EQ(map->rules.size(), 1u);
}

TEST_F(WatchTest, joining_and_leaving_of_another_come_as_deltas) {
  const TestNode a, b;
  Watcher watcher(client(), join(a));
  watcher.first();
  const auto other = join(b);
  watcher.wait([&](const auto& all) { return has_delta_with(all, other.node_id); });
  ASSERT_TRUE(client()->leave(other));
  watcher.wait([&](const auto& all) { return has_removal_of(all, other.node_id); });
}

TEST_F(WatchTest, deltas_applied_in_order_give_the_map_that_the_digest_describes) {
  const TestNode a;
  const auto session = join(a);
  netmap::Netmap held;
  {
    Watcher watcher(client(), session);
    watcher.first();
    const TestNode b, c;
    join(b);
    const auto last = join(c);
    ASSERT_TRUE(admin_->rename_node("host-1", "renamed"));
    const auto updates = watcher.wait([&](const auto& all) {
      return has_delta_with(all, last.node_id) && has_delta_with(all, NodeId(2));
    });
    for (const auto& update : updates) {
      if (const auto* map = std::get_if<netmap::Netmap>(&update)) held = *map;
      if (const auto* delta = std::get_if<netmap::Delta>(&update)) {
        ASSERT_EQ(delta->from, held.version);
        auto merged = netmap::apply_delta(
            held, *delta,
            {{machine_public_key(a.machine), node_public_key(a.node), disco_public_key(a.disco)},
             {}});
        ASSERT_TRUE(merged) << merged.error().message();
        held = std::move(*merged);
      }
    }
  }
  // Resumed with the right digests: what was missed, not a snapshot.
  const TestNode d;
  const auto missed = join(d);
  Watcher resumed(client(), session, rpc::Held{held.version, netmap::section_digests(held)});
  const auto updates =
      resumed.wait([&](const auto& all) { return has_delta_with(all, missed.node_id); });
  ASSERT_FALSE(updates.empty());
  EXPECT_EQ(std::get<netmap::Delta>(updates.front()).from, held.version);
}

TEST_F(WatchTest, wrong_digest_or_unknown_version_brings_a_snapshot) {
  const TestNode a, b;
  const auto session = join(a);
  join(b);
  netmap::Netmap held;
  {
    Watcher watcher(client(), session);
    held = std::get<netmap::Netmap>(watcher.first());
  }
  auto wrong = netmap::section_digests(held);
  wrong.peers[0] ^= 1;
  auto future = held.version;
  future.revision = Revision(1'000'000);
  auto other_epoch = held.version;
  other_epoch.epoch = Epoch(9);
  const auto right = netmap::section_digests(held);
  for (const auto& resume :
       {rpc::Held{held.version, wrong}, rpc::Held{future, right}, rpc::Held{other_epoch, right}}) {
    Watcher watcher(client(), session, resume);
    EXPECT_TRUE(std::holds_alternative<netmap::Netmap>(watcher.first()));
  }
}

TEST_F(WatchTest, resume_without_a_change_is_answered_with_a_keepalive) {
  const TestNode a;
  const auto session = join(a);
  netmap::Netmap held;
  {
    Watcher watcher(client(), session);
    held = std::get<netmap::Netmap>(watcher.first());
  }
  Watcher watcher(client(), session, rpc::Held{held.version, netmap::section_digests(held)});
  EXPECT_TRUE(std::holds_alternative<rpc::Keepalive>(watcher.first()));
}

TEST_F(WatchTest, stream_ends_when_its_node_is_removed) {
  const TestNode a;
  Watcher watcher(client(), join(a));
  watcher.first();
  ASSERT_TRUE(admin_->remove_node("host"));
  EXPECT_EQ(watcher.wait_for_end().code(), ErrorCode::kNotFound);
}

TEST_F(WatchTest, stream_ends_when_its_node_expires_and_others_hear_of_it) {
  const TestNode a, b;
  const auto session = join(a);
  Watcher expiring(client(), session);
  Watcher other(client(), join(b));
  expiring.first();
  other.first();
  ASSERT_TRUE(admin_->expire_node("host"));
  EXPECT_EQ(expiring.wait_for_end().code(), ErrorCode::kExpired);
  other.wait([&](const auto& all) { return has_removal_of(all, session.node_id); });
}

TEST_F(WatchTest, stream_ends_when_its_token_expires) {
  const TestNode a;
  Watcher watcher(client(), join(a));
  watcher.first();
  clock_offset_s_ = 3601;
  EXPECT_EQ(watcher.wait_for_end().code(), ErrorCode::kUnauthenticated);
}

TEST_F(WatchTest, newer_stream_of_a_node_takes_over) {
  const TestNode a;
  const auto session = join(a);
  Watcher older(client(), session);
  older.first();
  Watcher newer(client(), session);
  newer.first();
  EXPECT_EQ(older.wait_for_end().code(), ErrorCode::kConflict);
}

TEST_F(WatchTest, stop_ends_streams_at_once) {
  const TestNode a;
  Watcher watcher(client(), join(a));
  watcher.first();
  server_.reset();
  const Error end = watcher.wait_for_end();
  EXPECT_EQ(end.code(), ErrorCode::kUnavailable);
  // One that is still open when the time for calls under way is over hears something else.
  EXPECT_NE(end.message().find("the server is stopping"), std::string::npos) << end.message();
}

TEST_F(WatchTest, connected_nodes_are_shown_as_online) {
  const TestNode a, b;
  const auto session = join(a);
  Watcher other(client(), join(b));
  other.first();
  EXPECT_FALSE(admin_->get_node("host")->online());
  Watcher watcher(client(), session);
  watcher.first();
  EXPECT_TRUE(admin_->get_node("host")->online());
  other.wait([&](const auto& all) {
    const auto* delta = std::get_if<netmap::Delta>(&all.back());
    return delta != nullptr && !delta->upserted.empty() && delta->upserted.front().online;
  });
}

TEST_F(WatchTest, reported_endpoints_reach_the_others) {
  const TestNode a, b;
  const auto session = join(a);
  Watcher other(client(), join(b));
  other.first();
  rpc::Report report;
  report.endpoints = {*Endpoint::parse("192.0.2.9:4500")};
  ASSERT_TRUE(client()->report(session, report));
  const auto updates =
      other.wait([&](const auto& all) { return has_delta_with(all, session.node_id); });
  EXPECT_EQ(std::get<netmap::Delta>(updates.back()).upserted.at(0).endpoints, report.endpoints);
}

}  // namespace
}  // namespace kernmesh::server
