// SPDX-License-Identifier: Apache-2.0
// What the server keeps of the network lock, and what it does not take.
#include <sqlite3.h>

#include "controller/core/lock/admission.h"
#include "controller/core/lock/signer.h"
#include "tests/unit/server/crowd.h"
#include "tests/unit/server/people.h"

namespace kernmesh::server {
namespace {

namespace v1 = mesh::v1;

class LockTest : public PeopleTest {
 protected:
  void SetUp() override {
    PeopleTest::SetUp();
    for (auto* node : {&alpha_, &beta_}) ids_.push_back(join(*node).node_id);
    secret_.mutable_bytes()[0] = 7;
  }

  // Of these signers, signed by those.
  lock::Statement init(const std::vector<const TestNode*>& signers,
                       const std::vector<const TestNode*>& signed_by) {
    lock::Statement statement;
    statement.quorum = static_cast<std::uint8_t>(signers.size());
    for (const auto* signer : signers) {
      statement.signers.push_back(machine_public_key(signer->machine));
    }
    std::sort(statement.signers.begin(), statement.signers.end());
    statement.secrets = {lock::digest_of(secret_)};
    for (const auto* signer : signed_by) add_signature(statement, signer->machine);
    return statement;
  }
  Result<v1::Lock> submit(const lock::Statement& statement,
                          const std::vector<std::string>& endorsements = {}) {
    v1::SubmitLockStatementRequest request;
    request.set_statement(rpc::to_wire(encode(statement)));
    for (const auto& endorsement : endorsements) request.add_endorsements(endorsement);
    return admin_->submit_lock_statement(request);
  }
  std::string endorsed(const lock::Chain& chain, NodeId id, const TestNode& signer) {
    const auto node = admin_->get_node(to_string(id));
    EXPECT_TRUE(node);
    std::vector<IpAddress> addresses;
    for (const auto& wire : node->addresses()) addresses.push_back(*rpc::address_from_wire(wire));
    const auto machine = *rpc::machine_key_from_wire(node->machine_key());
    const auto key = *rpc::node_key_from_wire(node->node_key());
    return rpc::to_wire(
        encode(endorse_next(chain, {machine, key, addresses},
                            rpc::bytes_from_wire(node->endorsement()), 0, signer.machine)));
  }
  Result<v1::SubmitEndorsementsResponse> hand_in(const std::string& endorsement) {
    v1::SubmitEndorsementsRequest request;
    request.add_endorsements(endorsement);
    return admin_->submit_endorsements(request);
  }
  // Alpha alone is its signer, and both nodes are endorsed.
  lock::Chain locked() {
    const auto statement = init({&alpha_}, {&alpha_});
    const auto chain = lock::proposed_chain(statement);
    const auto taken =
        submit(statement, {endorsed(chain, ids_[0], alpha_), endorsed(chain, ids_[1], alpha_)});
    EXPECT_TRUE(taken) << taken.error().message();
    EXPECT_EQ(taken->statements_size(), 1);
    return *lock::begin_chain(statement);
  }
  static lock::Statement change(const lock::Chain& chain, lock::StatementKind kind,
                                const TestNode& subject, const TestNode& signer) {
    auto statement = next_statement(chain, kind);
    statement.signers = {machine_public_key(subject.machine)};
    add_signature(statement, signer.machine);
    return statement;
  }
  static bool mentions(const Error& error, const std::string& words) {
    return error.message().find(words) != std::string::npos;
  }

  TestNode alpha_, beta_;
  std::vector<NodeId> ids_;
  lock::DisableSecret secret_;
};

TEST_F(LockTest, begins_with_the_signatures_of_all_and_every_node_endorsed) {
  const auto statement = init({&alpha_, &beta_}, {&alpha_});
  auto answer = submit(statement);
  ASSERT_TRUE(answer) << answer.error().message();
  ASSERT_EQ(answer->proposals_size(), 1);
  EXPECT_EQ(answer->proposals(0).lacks(), "1 more signature; a signature for host, host-1");
  const auto chain = lock::proposed_chain(statement);
  ASSERT_TRUE(hand_in(endorsed(chain, ids_[0], beta_)));
  answer = submit(init({&alpha_, &beta_}, {&beta_}));
  ASSERT_TRUE(answer) << answer.error().message();
  ASSERT_EQ(answer->proposals_size(), 1);
  EXPECT_EQ(answer->proposals(0).lacks(), "a signature for host-1");
  answer = submit(statement, {endorsed(chain, ids_[1], alpha_)});
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->proposals_size(), 0);
  ASSERT_EQ(answer->statements_size(), 1);
  EXPECT_EQ(answer->without_endorsement(), 0u);
  const auto begun = lock::parse_statement(rpc::bytes_from_wire(answer->statements(0)));
  EXPECT_TRUE(lock::begin_chain(*begun));
  EXPECT_EQ(audit("lock.init").size(), 1u);
  EXPECT_EQ(audit("lock.propose").size(), 1u);
}

TEST_F(LockTest, nodes_are_told_the_lock_and_the_endorsements) {
  const auto session = client()->register_node(beta_.registration());
  ASSERT_TRUE(session);
  Watcher watcher(client(), *session);
  EXPECT_TRUE(std::get<netmap::Netmap>(watcher.first()).lock.empty());
  const auto chain = locked();
  const auto updates = watcher.wait([](const auto& all) {
    const auto* delta = std::get_if<netmap::Delta>(&all.back());
    return delta != nullptr && delta->lock.has_value();
  });
  const auto& delta = std::get<netmap::Delta>(updates.back());
  const auto history = lock::read_history(*delta.lock);
  ASSERT_TRUE(history) << history.error().message();
  EXPECT_EQ(history->chain->lock, chain.lock);
  Watcher late(client(), *session);
  const auto map = std::get<netmap::Netmap>(late.first());
  EXPECT_EQ(map.lock.size(), 1u);
  ASSERT_EQ(map.peers.size(), 1u);
  lock::Admission admission;
  auto sorted = map;
  EXPECT_TRUE(admission.sort(chain, {}, sorted).left_out.empty());
  EXPECT_FALSE(map.self.endorsement.empty());
}

// An agent that holds another lock is told the server's, at the same version.
TEST_F(LockTest, resumed_stream_is_told_the_lock_when_it_differs) {
  locked();
  const auto session = client()->register_node(beta_.registration());
  ASSERT_TRUE(session);
  netmap::Netmap map;
  {
    Watcher watcher(client(), *session);
    map = std::get<netmap::Netmap>(watcher.first());
  }
  auto digests = netmap::section_digests(map);
  digests.lock = netmap::lock_digest({});
  Watcher resumed(client(), *session, rpc::Held{map.version, digests});
  const auto first = resumed.first();
  const auto* delta = std::get_if<netmap::Delta>(&first);
  ASSERT_NE(delta, nullptr);
  EXPECT_EQ(*delta->lock, map.lock);
  EXPECT_EQ(delta->from, map.version);
}

TEST_F(LockTest, node_that_joins_a_locked_network_waits_for_a_signature) {
  const auto chain = locked();
  TestNode gamma;
  const auto id = join(gamma).node_id;
  auto node = admin_->get_node(to_string(id));
  ASSERT_TRUE(node);
  EXPECT_EQ(node->lock_problem(), "network lock: nobody has signed it");
  EXPECT_EQ(admin_->get_lock()->without_endorsement(), 1u);
  const auto left = hand_in(endorsed(chain, id, alpha_));
  ASSERT_TRUE(left) << left.error().message();
  EXPECT_EQ(left->without_endorsement(), 0u);
  EXPECT_EQ(admin_->get_node(to_string(id))->lock_problem(), "");
}

TEST_F(LockTest, refuses_what_agents_would_refuse) {
  const auto chain = locked();
  TestNode stranger;
  auto refused = hand_in(endorsed(chain, ids_[0], stranger));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_TRUE(mentions(refused.error(), "not trusted")) << refused.error().message();
  auto altered = rpc::bytes_from_wire(endorsed(chain, ids_[0], alpha_));
  altered[130] ^= 1;
  EXPECT_FALSE(hand_in(rpc::to_wire(altered)));
  EXPECT_FALSE(submit(change(chain, lock::StatementKind::kTrust, stranger, stranger)));
  auto fork = change(chain, lock::StatementKind::kTrust, beta_, alpha_);
  ASSERT_TRUE(submit(fork));
  EXPECT_FALSE(submit(change(chain, lock::StatementKind::kTrust, stranger, alpha_)));
  EXPECT_FALSE(submit(init({&beta_}, {&beta_})));
  EXPECT_EQ(admin_->get_lock()->statements_size(), 2);
}

TEST_F(LockTest, signer_goes_only_when_nobody_hangs_on_it) {
  auto chain = locked();
  const auto trust = change(chain, lock::StatementKind::kTrust, beta_, alpha_);
  ASSERT_TRUE(submit(trust));
  ASSERT_TRUE(advance(chain, trust));
  const auto distrust = change(chain, lock::StatementKind::kDistrust, alpha_, beta_);
  const auto refused = submit(distrust);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  EXPECT_TRUE(mentions(refused.error(), "host, host-1")) << refused.error().message();
  const auto taken =
      submit(distrust, {endorsed(chain, ids_[0], beta_), endorsed(chain, ids_[1], beta_)});
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_EQ(taken->statements_size(), 3);
  EXPECT_EQ(taken->without_endorsement(), 0u);
}

TEST_F(LockTest, secret_ends_it_and_another_lock_begins) {
  const auto chain = locked();
  auto end = next_statement(chain, lock::StatementKind::kDisable);
  EXPECT_FALSE(submit(end));
  end.secret = secret_;
  ASSERT_TRUE(submit(end));
  EXPECT_FALSE(submit(init({&alpha_}, {&alpha_})));  // the same one again
  secret_.mutable_bytes()[0] = 8;
  const auto again = init({&beta_}, {&beta_});
  const auto next = lock::proposed_chain(again);
  const auto taken =
      submit(again, {endorsed(next, ids_[0], beta_), endorsed(next, ids_[1], beta_)});
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_EQ(taken->statements_size(), 3);
}

TEST_F(LockTest, rotation_that_the_node_has_signed_keeps_it_in) {
  const auto chain = locked();
  const auto before = admin_->get_node(to_string(ids_[1]));
  ASSERT_TRUE(before);
  auto endorsement = *lock::parse_endorsement(rpc::bytes_from_wire(before->endorsement()));
  randombytes_buf(beta_.node.mutable_bytes().data(), 32);
  rotate(endorsement, node_public_key(beta_.node), beta_.machine);
  auto registration = beta_.registration();
  registration.endorsement = encode(endorsement);
  ASSERT_TRUE(client()->register_node(registration));
  auto node = admin_->get_node(to_string(ids_[1]));
  EXPECT_EQ(node->lock_problem(), "");
  EXPECT_EQ(rpc::bytes_from_wire(node->endorsement()), encode(endorsement));
  // Without one, or with another node's, the node is left out, and the server says so.
  randombytes_buf(beta_.node.mutable_bytes().data(), 32);
  ASSERT_TRUE(client()->register_node(beta_.registration()));
  node = admin_->get_node(to_string(ids_[1]));
  EXPECT_NE(node->lock_problem(), "");
}

// Agents register every hour, and bring what they had when they began.
TEST_F(LockTest, endorsement_of_before_does_not_undo_another_signers) {
  auto chain = locked();
  const auto trust = change(chain, lock::StatementKind::kTrust, beta_, alpha_);
  ASSERT_TRUE(submit(trust));
  ASSERT_TRUE(advance(chain, trust));
  auto registration = beta_.registration();
  registration.endorsement =
      rpc::bytes_from_wire(admin_->get_node(to_string(ids_[1]))->endorsement());
  const auto newer = endorsed(chain, ids_[1], beta_);
  ASSERT_TRUE(hand_in(newer));
  ASSERT_TRUE(client()->register_node(registration));
  EXPECT_EQ(admin_->get_node(to_string(ids_[1]))->endorsement(), newer);
}

TEST_F(LockTest, survives_a_restart) {
  const auto chain = locked();
  const auto trust = change(chain, lock::StatementKind::kTrust, beta_, alpha_);
  ASSERT_TRUE(submit(trust));
  server_.reset();
  start();
  const auto kept = admin_->get_lock();
  ASSERT_TRUE(kept) << kept.error().message();
  EXPECT_EQ(kept->statements_size(), 2);
  EXPECT_EQ(kept->without_endorsement(), 0u);
}

TEST_F(LockTest, server_does_not_start_with_a_statement_that_nobody_has_signed) {
  locked();
  server_.reset();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((directory_ + "/server.db").c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db,
                         "DROP TRIGGER lock_statement_is_not_changed;"
                         "UPDATE lock_statement SET bytes = CAST(substr(bytes, 1, 60) || x'00' ||"
                         " substr(bytes, 62) AS BLOB)",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(db);
  const auto server = start_server(options_, system_now);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code(), ErrorCode::kCorrupt);
  EXPECT_TRUE(mentions(server.error(), "is not what was signed")) << server.error().message();
}

TEST_F(LockTest, proposal_is_taken_back) {
  const auto answer = submit(init({&alpha_, &beta_}, {&alpha_}));
  ASSERT_TRUE(answer);
  EXPECT_FALSE(submit(init({&beta_}, {&beta_})));  // one at a time
  ASSERT_TRUE(admin_->withdraw_lock_proposal(answer->proposals(0).digest()));
  EXPECT_EQ(admin_->get_lock()->proposals_size(), 0);
  EXPECT_FALSE(admin_->withdraw_lock_proposal(answer->proposals(0).digest()));
}

// All of them see each other: what a batch costs, and the beginning itself.
TEST_F(LockTest, thousand_nodes_are_signed_in_as_many_requests_as_it_takes) {
  using Clock = std::chrono::steady_clock;
  const auto ms_since = [](Clock::time_point began) {
    return std::chrono::duration<double, std::milli>(Clock::now() - began).count();
  };
  server_.reset();
  Crowd crowd;
  crowd.settle(directory_, 1'000);
  start();
  const auto statement = init({&alpha_}, {&alpha_});
  const auto chain = lock::proposed_chain(statement);
  ASSERT_TRUE(submit(statement));
  const auto nodes = admin_->list_nodes();
  ASSERT_TRUE(nodes);
  ASSERT_EQ(nodes->nodes_size(), 1'002);
  v1::SubmitEndorsementsRequest request;
  double slowest = 0;
  for (const auto& node : nodes->nodes()) {
    request.add_endorsements(endorsed(chain, NodeId(node.id()), alpha_));
    if (request.endorsements_size() < 100 && &node != &*nodes->nodes().rbegin()) continue;
    const auto began = Clock::now();
    const auto taken = admin_->submit_endorsements(request);
    ASSERT_TRUE(taken) << taken.error().message();
    slowest = std::max(slowest, ms_since(began));
    request.clear_endorsements();
  }
  const auto began = Clock::now();
  const auto locked = submit(statement);
  ASSERT_TRUE(locked) << locked.error().message();
  EXPECT_EQ(locked->statements_size(), 1);
  EXPECT_EQ(locked->without_endorsement(), 0u);
  std::printf("      1,002 nodes: a batch of 100 takes up to %.0f ms, the beginning %.0f ms\n",
              slowest, ms_since(began));
}

TEST_F(LockTest, auditor_looks_and_admin_changes) {
  const auto chain = locked();
  const auto auditor = caller("audrey", "auditor");
  EXPECT_TRUE(auditor->get_lock());
  v1::SubmitLockStatementRequest request;
  request.set_statement(
      rpc::to_wire(encode(change(chain, lock::StatementKind::kTrust, beta_, alpha_))));
  EXPECT_EQ(auditor->submit_lock_statement(request).error().code(), ErrorCode::kPermissionDenied);
  EXPECT_TRUE(caller("arnold", "admin")->submit_lock_statement(request));
}

}  // namespace
}  // namespace kernmesh::server
