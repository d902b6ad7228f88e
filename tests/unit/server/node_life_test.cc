// SPDX-License-Identifier: Apache-2.0
// The life of a node at a whole server: approval, expiry, renewal, rotation.
#include "tests/unit/server/people.h"

namespace kernmesh::server {
namespace {

constexpr std::int64_t kDay = 24 * 3600;

class NodeLifeTest : public PeopleTest {
 protected:
  void demand_approval(bool wanted = true) {
    mesh::v1::SetSettingsRequest request;
    request.set_device_approval(wanted);
    const auto set = admin_->set_settings(request);
    ASSERT_TRUE(set) << set.error().message();
    EXPECT_EQ(set->device_approval(), wanted);
  }
  std::string pre_approved_key() {
    mesh::v1::CreateJoinKeyRequest request;
    request.set_user_name("ann");
    request.set_pre_approved(true);
    return admin_->create_join_key(request)->secret();
  }
  mesh::v1::NodeState state_of(const std::string& node) { return admin_->get_node(node)->state(); }
  mesh::v1::Node node(const std::string& name) {
    const auto found = admin_->get_node(name);
    EXPECT_TRUE(found) << found.error().message();
    return found ? *found : mesh::v1::Node{};
  }
  static TestNode named(const std::string& name) {
    TestNode node;
    node.hostname = name;
    return node;
  }
  // Until the server's own thread has looked and `done()`.
  template <typename Done>
  void await(const Done& done) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::yield();
    }
  }
  Error set_expiry(const std::string& node, mesh::v1::KeyExpiry expiry, std::int64_t in = 0) {
    mesh::v1::SetNodeExpiryRequest request;
    request.set_node(node);
    request.set_expiry(expiry);
    request.set_in_seconds(in);
    const auto set = admin_->set_node_expiry(request);
    return set ? Error(ErrorCode::kSystem, "none") : set.error();
  }
};

const netmap::Netmap& map_of(const rpc::Update& update) { return std::get<netmap::Netmap>(update); }

TEST_F(NodeLifeTest, pending_node_knows_it_sees_nobody_is_seen_by_nobody_and_goes_on_by_itself) {
  const auto first = named("first"), second = named("second");
  Watcher watcher(client(), join(first));
  watcher.first();
  demand_approval();
  Watcher newcomer(client(), join(second));
  EXPECT_TRUE(map_of(newcomer.first()).self.awaits_approval);
  EXPECT_FALSE(map_of(newcomer.first()).self.addresses.empty());
  EXPECT_TRUE(map_of(newcomer.first()).peers.empty());
  EXPECT_TRUE(map_of(newcomer.first()).rules.empty());
  EXPECT_EQ(state_of("second"), mesh::v1::NODE_STATE_PENDING);
  {
    Watcher again(client(), *client()->register_node(first.registration()));
    EXPECT_TRUE(map_of(again.first()).peers.empty()) << "it is in nobody's netmap";
  }
  const auto approved = admin_->approve_node("second");
  ASSERT_TRUE(approved) << approved.error().message();
  EXPECT_EQ(approved->state(), mesh::v1::NODE_STATE_APPROVED);
  EXPECT_GT(approved->key_expires_at(), 0);
  const auto updates = newcomer.wait([](const auto& all) { return all.size() >= 2; });
  EXPECT_FALSE(map_of(updates[1]).self.awaits_approval);
  EXPECT_EQ(map_of(updates[1]).peers.size(), 1u);
  EXPECT_EQ(audit("node.approve").size(), 1u);
  ASSERT_TRUE(admin_->approve_node("second")) << "again is nothing new";
  EXPECT_EQ(audit("node.approve").size(), 1u);
}

TEST_F(NodeLifeTest, pre_approved_key_lets_in_at_once_and_later_too) {
  demand_approval();
  const auto a = named("a"), b = named("b");
  ASSERT_TRUE(client()->register_node(a.registration(pre_approved_key())));
  EXPECT_EQ(state_of("a"), mesh::v1::NODE_STATE_APPROVED);
  join(b);
  EXPECT_EQ(state_of("b"), mesh::v1::NODE_STATE_PENDING);
  const auto ordinary = make_key();
  ASSERT_TRUE(client()->register_node(b.registration(ordinary.secret())));
  EXPECT_EQ(state_of("b"), mesh::v1::NODE_STATE_PENDING) << "a second ordinary key approves nobody";
  ASSERT_TRUE(client()->register_node(named("c").registration(ordinary.secret())))
      << "and was not used up";
  ASSERT_TRUE(client()->register_node(b.registration(pre_approved_key())));
  EXPECT_EQ(state_of("b"), mesh::v1::NODE_STATE_APPROVED);
}

// As when the answer to its first registration was lost.
TEST_F(NodeLifeTest, pending_node_comes_again_with_the_key_for_one_use_that_it_came_by) {
  demand_approval();
  const auto machine = named("a"), other = named("b");
  const auto key = make_key(Use::kOnce);
  ASSERT_TRUE(client()->register_node(machine.registration(key.secret())));
  const auto again = client()->register_node(machine.registration(key.secret()));
  EXPECT_TRUE(again) << again.error().message();
  EXPECT_EQ(state_of("a"), mesh::v1::NODE_STATE_PENDING);
  EXPECT_FALSE(client()->register_node(other.registration(key.secret())));
}

TEST_F(NodeLifeTest, approval_is_a_setting_that_survives_a_restart_and_is_audited) {
  EXPECT_FALSE(admin_->get_settings()->device_approval());
  demand_approval();
  server_.reset();
  start();
  EXPECT_TRUE(admin_->get_settings()->device_approval());
  join(named("a"));
  EXPECT_EQ(state_of("a"), mesh::v1::NODE_STATE_PENDING);
  demand_approval(false);
  join(named("b"));
  EXPECT_EQ(state_of("b"), mesh::v1::NODE_STATE_APPROVED);
  EXPECT_EQ(state_of("a"), mesh::v1::NODE_STATE_PENDING) << "who waits goes on waiting";
  EXPECT_EQ(audit("settings.change").size(), 2u);
}

TEST_F(NodeLifeTest,
       expired_node_keeps_all_it_had_and_comes_back_when_the_administrator_renews_it) {
  const auto machine = named("a");
  join(machine);
  const auto before = node("a");
  clock_offset_s_ = 181 * kDay;
  await([&] { return state_of("a") == mesh::v1::NODE_STATE_EXPIRED; });
  EXPECT_EQ(client()->register_node(machine.registration()).error().code(), ErrorCode::kExpired);
  const auto renewed = admin_->renew_node("a");
  ASSERT_TRUE(renewed) << renewed.error().message();
  EXPECT_EQ(renewed->state(), mesh::v1::NODE_STATE_APPROVED);
  EXPECT_EQ(renewed->addresses(0), before.addresses(0));
  EXPECT_EQ(renewed->name(), "a");
  EXPECT_GE(renewed->key_expires_at() - before.key_expires_at(), 180 * kDay);
  EXPECT_TRUE(client()->register_node(machine.registration())) << "with what it has";
}

TEST_F(NodeLifeTest, node_that_joined_with_a_key_renews_itself_and_nobody_is_asked) {
  TestNode machine = named("a");
  join(machine);
  EXPECT_TRUE(node("a").renews_itself());
  clock_offset_s_ = 119 * kDay;
  EXPECT_FALSE(node("a").key_rotation_due());
  clock_offset_s_ = 121 * kDay;
  Watcher watcher(client(), *client()->register_node(machine.registration()));
  const auto is_asked = [](const rpc::Update& update) {
    const auto* map = std::get_if<netmap::Netmap>(&update);
    const auto* delta = std::get_if<netmap::Delta>(&update);
    return (map != nullptr && map->self.key_rotation_due) ||
           (delta != nullptr && delta->self && delta->self->key_rotation_due);
  };
  watcher.wait([&](const auto& all) { return std::any_of(all.begin(), all.end(), is_asked); });
  EXPECT_TRUE(node("a").key_rotation_due());
  randombytes_buf(machine.node.mutable_bytes().data(), 32);
  ASSERT_TRUE(client()->register_node(machine.registration()));
  EXPECT_FALSE(node("a").key_rotation_due());
  EXPECT_GE(node("a").key_expires_at(), system_now().time_since_epoch().count() + 300 * kDay);
  ASSERT_EQ(audit("node.renew").size(), 1u);
  EXPECT_EQ(audit("node.renew")[0].detail(), "by itself");
}

TEST_F(NodeLifeTest, alarm_is_given_once_fourteen_days_ahead) {
  join(named("a"));
  clock_offset_s_ = 165 * kDay;
  ASSERT_TRUE(admin_->list_nodes());
  EXPECT_TRUE(audit("node.expiring").empty());
  clock_offset_s_ = 166 * kDay + 3600;
  await([&] { return !audit("node.expiring").empty(); });
  EXPECT_EQ(audit("node.expiring")[0].detail(), "its key ends in 13 days");
  EXPECT_EQ(audit("node.expiring")[0].actor(), "server");
  clock_offset_s_ = 170 * kDay;
  join(named("b"));  // the server's thread has looked since
  clock_offset_s_ = 181 * kDay;
  await([&] { return state_of("a") == mesh::v1::NODE_STATE_EXPIRED; });
  EXPECT_EQ(audit("node.expiring").size(), 1u);
}

TEST_F(NodeLifeTest, expiry_can_be_set_for_each_node) {
  join(named("a"));
  EXPECT_EQ(set_expiry("a", mesh::v1::KEY_EXPIRY_NEVER).message(), "none");
  EXPECT_EQ(node("a").key_expires_at(), 0);
  EXPECT_EQ(node("a").key_expiry(), mesh::v1::KEY_EXPIRY_NEVER);
  EXPECT_EQ(set_expiry("a", mesh::v1::KEY_EXPIRY_DATE, 30 * kDay).message(), "none");
  EXPECT_FALSE(node("a").renews_itself()) << "a date is somebody's word";
  clock_offset_s_ = 31 * kDay;
  await([&] { return state_of("a") == mesh::v1::NODE_STATE_EXPIRED; });
  EXPECT_EQ(set_expiry("a", mesh::v1::KEY_EXPIRY_NEVER).code(), ErrorCode::kConflict);
  join(named("b"));
  for (const std::int64_t in : {std::int64_t{0}, std::int64_t{-1}, 3651 * kDay, INT64_MAX}) {
    EXPECT_EQ(set_expiry("b", mesh::v1::KEY_EXPIRY_DATE, in).code(), ErrorCode::kInvalid) << in;
  }
  EXPECT_EQ(set_expiry("b", mesh::v1::KEY_EXPIRY_UNSPECIFIED).code(), ErrorCode::kInvalid);
  for (const std::int64_t in : {INT64_MAX, INT64_MIN}) {
    EXPECT_EQ(set_expiry("b", mesh::v1::KEY_EXPIRY_NEVER, in).message(), "none") << in;
    EXPECT_EQ(set_expiry("b", mesh::v1::KEY_EXPIRY_PERIOD, in).message(), "none") << in;
  }
}

TEST_F(NodeLifeTest, rotation_can_be_asked_for_and_is_done_when_the_key_is_another) {
  TestNode machine = named("a");
  join(machine);
  ASSERT_TRUE(admin_->rotate_node_key("a"));
  EXPECT_TRUE(node("a").key_rotation_due());
  ASSERT_TRUE(client()->register_node(machine.registration()));
  EXPECT_TRUE(node("a").key_rotation_due()) << "the same key again is no answer";
  randombytes_buf(machine.node.mutable_bytes().data(), 32);
  ASSERT_TRUE(client()->register_node(machine.registration()));
  EXPECT_FALSE(node("a").key_rotation_due());
  demand_approval();
  join(named("b"));
  EXPECT_EQ(admin_->rotate_node_key("b").error().code(), ErrorCode::kConflict);
}

// C13: ten years ahead and back again.
TEST_F(NodeLifeTest, c13_a_clock_that_was_years_ahead_cuts_off_and_brings_back) {
  const auto machine = named("a"), by_hand = named("b");
  join(machine);
  join(by_hand);
  const auto end = node("a").key_expires_at();
  ASSERT_TRUE(admin_->expire_node("b"));
  clock_offset_s_ = 3650 * kDay;
  await([&] { return state_of("a") == mesh::v1::NODE_STATE_EXPIRED; });
  clock_offset_s_ = 0;
  await([&] { return state_of("a") == mesh::v1::NODE_STATE_APPROVED; });
  EXPECT_EQ(node("a").key_expires_at(), end);
  EXPECT_TRUE(client()->register_node(machine.registration()));
  EXPECT_EQ(state_of("b"), mesh::v1::NODE_STATE_EXPIRED);
}

// C13: a day and ten years behind.
TEST_F(NodeLifeTest, c13_a_clock_that_is_behind_expires_nobody_and_is_not_used_to_undo_an_expiry) {
  const auto machine = named("a"), by_hand = named("b");
  join(machine);
  join(by_hand);
  ASSERT_TRUE(admin_->expire_node("b"));
  for (const std::int64_t days : {1, 3650}) {
    clock_offset_s_ = -days * kDay;
    EXPECT_TRUE(client()->register_node(machine.registration())) << days;
    EXPECT_EQ(client()->register_node(by_hand.registration()).error().code(), ErrorCode::kExpired);
    EXPECT_EQ(state_of("a"), mesh::v1::NODE_STATE_APPROVED);
  }
}

}  // namespace
}  // namespace kernmesh::server
