// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/netmap_receiver.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "controller/agent/saved_state.h"
#include "tests/unit/agent/alphas_map.h"

namespace kernmesh::agent {
namespace {

netmap::Netmap map_of(std::uint64_t revision) {
  netmap::Netmap map = alphas_map({Epoch(1), Revision(revision)});
  map.rules[RuleId(1)].id = RuleId(1);
  return map;
}

netmap::Peer sound_peer(std::uint64_t id) {
  netmap::Peer peer;
  peer.id = NodeId(id);
  peer.name = "n" + std::to_string(id);
  peer.user_id = UserId(1);
  peer.user_name = "ada";
  const auto byte = static_cast<std::uint8_t>(100 + id);
  peer.machine_key = MachinePublicKey({byte});
  peer.node_key = NodePublicKey({byte});
  peer.disco_key = DiscoPublicKey({byte});
  peer.addresses = {IpAddress::from_v4_number(0x64400000 + static_cast<std::uint32_t>(id))};
  return peer;
}

class Receiver : public ::testing::Test {
 protected:
  void SetUp() override { open(nullptr); }
  void open(NetmapPtr stored) {
    TearDown();
    char name[] = "/tmp/kernmesh-receiver.XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    path_ = name;
    netmap::MergeRules rules;
    rules.own = {MachinePublicKey({9}), NodePublicKey({8}), DiscoPublicKey({7})};
    receiver_.emplace(
        path_, topology::CaFingerprint{}, rules, std::move(stored),
        NetmapReceiver::Events{[this](NetmapPtr map, std::optional<NetmapStep> step) {
                                 handed_.push_back(std::move(map));
                                 step_ = std::move(step);
                               },
                               [this](const Status& saved) { saved_ = saved.has_value(); },
                               [this](netmap::Netmap& map) {
                                 for (const NodeId id : kept_out_) {
                                   map.left_out.insert(map.peers.extract(id));
                                 }
                               }});
  }
  void TearDown() override {
    if (!path_.empty()) std::filesystem::remove_all(path_);
  }

  std::string path_;
  std::optional<NetmapReceiver> receiver_;
  std::vector<NetmapPtr> handed_;
  std::optional<NetmapStep> step_;  // of the last
  std::optional<bool> saved_;
  std::vector<NodeId> kept_out_;
};

TEST_F(Receiver, hands_over_and_stores_a_snapshot) {
  ASSERT_TRUE(receiver_->on_update(rpc::Update(map_of(5))));
  ASSERT_EQ(handed_.size(), 1u);
  EXPECT_EQ(handed_[0]->version.revision, Revision(5));
  EXPECT_EQ(saved_, true);
  const auto stored = load_netmap(path_, {});
  ASSERT_TRUE(stored) << stored.error().message();
  EXPECT_TRUE(stored->has_value());
  EXPECT_EQ(receiver_->held()->version.revision, Revision(5));
}

netmap::Delta delta_from(std::uint64_t revision) {
  netmap::Delta delta;
  delta.from = {Epoch(1), Revision(revision)};
  delta.to = {Epoch(1), Revision(revision + 1)};
  delta.removed = {NodeId(3), NodeId(2)};
  return delta;
}

TEST_F(Receiver, tells_which_peers_a_change_of_peers_touches_and_from_which_map) {
  ASSERT_TRUE(receiver_->on_update(rpc::Update(map_of(5))));
  EXPECT_FALSE(step_);
  ASSERT_TRUE(receiver_->on_update(rpc::Update(delta_from(5))));
  ASSERT_TRUE(step_);
  EXPECT_EQ(step_->from, handed_[0]);
  EXPECT_EQ(step_->touched.peers, (std::vector{NodeId(2), NodeId(3)}));
}

TEST_F(Receiver, tells_no_step_when_this_node_itself_changed) {
  ASSERT_TRUE(receiver_->on_update(rpc::Update(map_of(5))));
  auto delta = delta_from(5);
  delta.removed_rules = {RuleId(1)};
  ASSERT_TRUE(receiver_->on_update(rpc::Update(delta)));
  EXPECT_TRUE(step_);
  auto renamed = delta_from(6);
  renamed.self = handed_[1]->self;
  ASSERT_TRUE(receiver_->on_update(rpc::Update(renamed)));
  EXPECT_EQ(handed_.size(), 3u);
  EXPECT_FALSE(step_);
}

TEST_F(Receiver, tells_no_step_from_a_map_that_it_read_and_did_not_check) {
  open(std::make_shared<const netmap::Netmap>(map_of(5)));
  ASSERT_TRUE(receiver_->on_update(rpc::Update(delta_from(5))));
  EXPECT_FALSE(step_);
  ASSERT_TRUE(receiver_->on_update(rpc::Update(delta_from(6))));
  EXPECT_TRUE(step_);
}

TEST_F(Receiver, keeps_the_last_good_map_when_the_server_sends_nonsense) {
  ASSERT_TRUE(receiver_->on_update(rpc::Update(map_of(5))));
  auto hostile = map_of(6);
  hostile.self.overlay_prefixes = {*Prefix::parse("0.0.0.0/0")};
  EXPECT_FALSE(receiver_->on_update(rpc::Update(hostile)));
  EXPECT_FALSE(receiver_->on_update(rpc::Update(map_of(4))));
  EXPECT_FALSE(receiver_->on_update(Error(ErrorCode::kCorrupt, "does not parse")));
  netmap::Delta elsewhere;
  elsewhere.from = {Epoch(1), Revision(3)};
  elsewhere.to = {Epoch(1), Revision(7)};
  EXPECT_FALSE(receiver_->on_update(rpc::Update(elsewhere)));
  EXPECT_EQ(handed_.size(), 1u);
  EXPECT_EQ(receiver_->held()->version.revision, Revision(5));
}

TEST_F(Receiver, refuses_a_change_before_any_map) {
  EXPECT_FALSE(receiver_->on_update(rpc::Update(netmap::Delta{})));
  EXPECT_FALSE(receiver_->held());
}

TEST_F(Receiver, uses_a_map_that_could_not_be_stored_and_says_so) {
  std::filesystem::remove_all(path_);
  ASSERT_TRUE(receiver_->on_update(rpc::Update(map_of(5))));
  EXPECT_EQ(saved_, false);
  EXPECT_EQ(handed_.size(), 1u);
}

// As after a peer's key could not be written down at first: it is let in by a change of somebody
// else.
TEST_F(Receiver, step_names_who_was_left_out_and_is_not_any_more) {
  auto map = map_of(5);
  for (const std::uint64_t id : {2, 3, 4}) map.peers[NodeId(id)] = sound_peer(id);
  kept_out_ = {NodeId(4)};
  ASSERT_TRUE(receiver_->on_update(rpc::Update(map)));
  EXPECT_EQ(handed_.back()->peers.size(), 2u);
  EXPECT_EQ(handed_.back()->left_out.size(), 1u);
  kept_out_.clear();
  auto delta = delta_from(5);
  delta.removed = {NodeId(2)};
  ASSERT_TRUE(receiver_->on_update(rpc::Update(delta)));
  EXPECT_EQ(handed_.back()->peers.size(), 2u);
  ASSERT_TRUE(step_);
  EXPECT_EQ(step_->touched.peers, (std::vector{NodeId(2), NodeId(4)}));
  // What is stored is what the server sent.
  EXPECT_EQ((*load_netmap(path_, {}))->peers.size(), 2u);
}

}  // namespace
}  // namespace kernmesh::agent
