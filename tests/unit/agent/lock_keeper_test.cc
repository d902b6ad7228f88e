// SPDX-License-Identifier: Apache-2.0
// What a node believes of a server that says other things than before.
#include "controller/agent/lock_keeper.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "controller/agent/file.h"
#include "controller/rpc/convert.h"
#include "tests/unit/agent/alphas_map.h"
#include "tests/unit/core/lock/lock_sample.h"

namespace kernmesh::agent {
namespace {

using lock::machine_of;
using lock::name_of;

NodePublicKey test_key(std::uint8_t number) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(number);
  return NodePublicKey(bytes);
}

class Keeper : public ::testing::Test {
 protected:
  static constexpr std::uint8_t kOwn = 50;

  void SetUp() override {
    char name[] = "/tmp/kernmesh-lock.XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    path_ = name;
    open();
    history_ = *lock::read_history({encode(lock::sample_init())});
  }
  void TearDown() override { std::filesystem::remove_all(path_); }
  void open() { keeper_ = LockKeeper::open(path_, {}, machine_of(kOwn)); }

  static Bytes endorsed(const lock::Claim& claim, std::uint8_t signer = 1) {
    return encode(endorse(lock::sample_chain(), claim, 0, machine_of(signer)));
  }
  static netmap::Peer peer(std::uint8_t number) {
    netmap::Peer made;
    made.id = NodeId(number);
    made.name = "n" + std::to_string(number);
    made.machine_key = name_of(number);
    made.node_key = test_key(number);
    made.addresses = {IpAddress::from_v4_number(0x64400000U + number)};
    made.endorsement = endorsed({made.machine_key, made.node_key, made.addresses});
    return made;
  }
  // With peers 60 and 61, the second of which nobody has signed.
  netmap::Netmap map() const {
    auto made = alphas_map({Epoch(1), Revision(5)});
    made.lock = history_.statements;
    made.self.endorsement = endorsed({name_of(kOwn), test_key(1), made.self.addresses});
    made.peers[NodeId(60)] = peer(60);
    made.peers[NodeId(61)] = peer(61);
    made.peers[NodeId(61)].endorsement.clear();
    return made;
  }
  std::string admitted(netmap::Netmap map) {
    keeper_->admit(map);
    std::string names;
    for (const auto& [id, one] : map.peers) names += one.name + " ";
    return names;
  }
  void trust(std::uint8_t signer) {
    const auto statement = lock::change_of(*history_.chain, lock::StatementKind::kTrust, signer);
    ASSERT_TRUE(append(history_, encode(lock::signed_by(statement, {1, 2}))));
  }
  bool complains(const std::string& words) const {
    for (const auto& problem : keeper_->problems()) {
      if (problem.find(words) != std::string::npos) return true;
    }
    return false;
  }

  std::string path_;
  std::unique_ptr<LockKeeper> keeper_;
  lock::History history_;
};

TEST_F(Keeper, takes_in_everybody_while_it_has_seen_no_lock) {
  auto open_map = map();
  open_map.lock.clear();
  EXPECT_EQ(admitted(open_map), "n60 n61 ");
  EXPECT_EQ(keeper_->status().state(), mesh::v1::LockStatus::STATE_NONE);
  EXPECT_TRUE(keeper_->problems().empty());
}

TEST_F(Keeper, leaves_out_who_is_not_signed_and_says_so) {
  EXPECT_EQ(admitted(map()), "n60 ");
  const auto status = keeper_->status();
  EXPECT_EQ(status.state(), mesh::v1::LockStatus::STATE_IN_FORCE);
  ASSERT_EQ(status.left_out_size(), 1);
  EXPECT_EQ(status.left_out(0).name(), "n61");
  EXPECT_EQ(status.left_out(0).reason(), "nobody has signed it");
  EXPECT_TRUE(status.is_endorsed());
  EXPECT_TRUE(complains("leaves out 1 peer (n61)"));
}

// What a server in other hands could send, before and after a restart of the agent.
TEST_F(Keeper, keeps_its_own_lock_whatever_the_server_says) {
  trust(4);
  EXPECT_EQ(admitted(map()), "n60 ");
  const auto held = history_.statements;
  const std::vector<netmap::LockStatements> lies{
      {}, {held[0]}, {held[1], held[0]}, {held[0], Bytes(held[1].begin(), held[1].end() - 1)}};
  for (const auto& lie : lies) {
    auto lying = map();
    lying.lock = lie;
    EXPECT_EQ(admitted(lying), "n60 ");
    EXPECT_TRUE(complains("is not the one that this node has verified")) << lie.size();
    open();
    EXPECT_EQ(admitted(lying), "n60 ");
    EXPECT_EQ(keeper_->status().number(), 1u);
  }
  EXPECT_EQ(admitted(map()), "n60 ");
  EXPECT_FALSE(complains("is not the one"));
}

TEST_F(Keeper, another_lock_is_taken_only_after_the_end_of_the_one_before) {
  EXPECT_EQ(admitted(map()), "n60 ");
  lock::Statement init;
  init.quorum = 1;
  init.signers = {name_of(7)};
  init.secrets = {lock::digest_of(lock::secret_of(107))};
  const Bytes other = encode(lock::signed_by(init, {7}));
  auto changed = map();
  changed.lock = {other};
  EXPECT_EQ(admitted(changed), "n60 ");
  auto end = next_statement(*history_.chain, lock::StatementKind::kDisable);
  end.secret = lock::secret_of(100);
  changed.lock = {history_.statements[0], encode(end)};
  EXPECT_EQ(admitted(changed), "n60 n61 ");
  EXPECT_EQ(keeper_->status().state(), mesh::v1::LockStatus::STATE_ENDED);
  changed.lock.push_back(other);
  EXPECT_EQ(admitted(changed), "");
  EXPECT_EQ(keeper_->status().state(), mesh::v1::LockStatus::STATE_IN_FORCE);
}

TEST_F(Keeper, key_that_a_peer_has_replaced_does_not_come_back_after_a_restart) {
  auto rotated = map();
  auto& changed = rotated.peers[NodeId(60)];
  auto endorsement = *lock::parse_endorsement(changed.endorsement);
  rotate(endorsement, test_key(99), machine_of(60));
  changed.node_key = test_key(99);
  changed.endorsement = encode(endorsement);
  EXPECT_EQ(admitted(rotated), "n60 ");
  open();
  EXPECT_EQ(admitted(map()), "");
  EXPECT_EQ(admitted(rotated), "n60 ");
}

TEST_F(Keeper, what_cannot_be_stored_does_not_count) {
  EXPECT_EQ(admitted(map()), "n60 ");
  trust(4);
  auto moved = map();
  auto& newcomer = moved.peers[NodeId(61)];
  newcomer.endorsement = endorsed({newcomer.machine_key, newcomer.node_key, newcomer.addresses}, 4);
  std::filesystem::rename(path_, path_ + ".away");
  EXPECT_EQ(admitted(moved), "n60 ");
  EXPECT_TRUE(complains("could not be stored"));
  std::filesystem::rename(path_ + ".away", path_);
  EXPECT_EQ(admitted(moved), "n60 n61 ");
  EXPECT_FALSE(complains("could not be stored"));
}

TEST_F(Keeper, file_that_cannot_be_read_lets_nobody_in) {
  EXPECT_EQ(admitted(map()), "n60 ");
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    ASSERT_TRUE(replace_file(entry.path().string(), "garbage"));
  }
  open();
  EXPECT_EQ(admitted(map()), "");
  EXPECT_TRUE(complains("cannot be read"));
  ASSERT_TRUE(forget_locks(path_));
  open();
  EXPECT_EQ(admitted(map()), "n60 ");
}

TEST_F(Keeper, rotates_its_own_endorsement_with_numbers_that_only_grow) {
  EXPECT_TRUE(keeper_->endorsement_for(test_key(1)).empty());
  EXPECT_EQ(admitted(map()), "n60 ");
  EXPECT_EQ(keeper_->endorsement_for(test_key(1)), map().self.endorsement);
  EXPECT_FALSE(keeper_->announcement(test_key(1)));
  const auto first = *lock::parse_endorsement(keeper_->endorsement_for(test_key(2)));
  EXPECT_EQ(rotation_of(first), 1u);
  EXPECT_EQ(key_of(first), test_key(2));
  open();
  // Back to the key of before, since the server did not answer.
  const auto back = *lock::parse_endorsement(keeper_->endorsement_for(test_key(1)));
  EXPECT_EQ(rotation_of(back), 2u);
  const netmap::Netmap shown = map();
  EXPECT_TRUE(check_endorsement(lock::sample_chain(), back,
                                {name_of(kOwn), test_key(1), shown.self.addresses}, 2));
  // The server still has the first: it is offered the newest, once.
  EXPECT_EQ(admitted(map()), "n60 ");
  const auto due = keeper_->announcement(test_key(1));
  ASSERT_TRUE(due);
  EXPECT_EQ(*due, encode(back));
  EXPECT_FALSE(keeper_->announcement(test_key(1)));
}

TEST_F(Keeper, says_that_it_awaits_a_signature_itself) {
  auto waiting = map();
  waiting.self.endorsement.clear();
  EXPECT_EQ(admitted(waiting), "n60 ");
  EXPECT_FALSE(keeper_->status().is_endorsed());
  EXPECT_TRUE(complains("peers do not take it in (nobody has signed this node)"));
  EXPECT_TRUE(keeper_->endorsement_for(test_key(2)).empty());
}

TEST_F(Keeper, signs_nothing_but_statements_and_nodes_and_only_as_a_signer) {
  EXPECT_EQ(admitted(map()), "n60 ");
  mesh::v1::LockSignRequest request;
  EXPECT_EQ(keeper_->sign(request).error().code(), ErrorCode::kInvalid);
  request.set_statement("any bytes");
  EXPECT_EQ(keeper_->sign(request).error().code(), ErrorCode::kCorrupt);
  const auto trust = lock::change_of(*history_.chain, lock::StatementKind::kTrust, 4);
  request.set_statement(rpc::to_wire(encode(trust)));
  EXPECT_EQ(keeper_->sign(request).error().code(), ErrorCode::kPermissionDenied);
  keeper_ = LockKeeper::open(path_, {}, machine_of(2));
  const auto answer = keeper_->sign(request);
  ASSERT_TRUE(answer) << answer.error().message();
  const auto statement = lock::parse_statement(rpc::bytes_from_wire(answer->statement()));
  ASSERT_TRUE(statement);
  EXPECT_EQ(statement->signatures.size(), 1u);
  EXPECT_NE(answer->signed_words(0).find("trust the signer"), std::string::npos);
}

}  // namespace
}  // namespace kernmesh::agent
