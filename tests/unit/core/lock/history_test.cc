// SPDX-License-Identifier: Apache-2.0
#include "controller/core/lock/history.h"

#include <gtest/gtest.h>

#include "tests/unit/core/lock/lock_sample.h"

namespace kernmesh::lock {
namespace {

Bytes end_of(const Chain& chain) {
  auto end = next_statement(chain, StatementKind::kDisable);
  end.secret = secret_of(100);
  return encode(end);
}

// Locked, changed twice.
History sample_history() {
  History history;
  EXPECT_TRUE(append(history, encode(sample_init())));
  for (const auto signer : {4, 5}) {
    const auto trust =
        change_of(*history.chain, StatementKind::kTrust, static_cast<std::uint8_t>(signer));
    EXPECT_TRUE(append(history, encode(signed_by(trust, {1, 2}))));
  }
  return history;
}

Bytes second_init() {
  Statement init;
  init.quorum = 1;
  init.signers = {name_of(7)};
  init.secrets = {digest_of(secret_of(107))};
  return encode(signed_by(init, {7}));
}

ErrorCode code_of(const Status& status) {
  return status ? ErrorCode::kSystem : status.error().code();
}

TEST(LockHistory, reads_what_was_written) {
  const auto history = sample_history();
  const auto read = read_history(history.statements);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(*read->chain, *history.chain);
  EXPECT_TRUE(read->is_in_force());
}

TEST(LockHistory, another_lock_begins_only_when_the_one_before_was_ended) {
  History history = sample_history();
  EXPECT_EQ(code_of(append(history, second_init())), ErrorCode::kConflict);
  ASSERT_TRUE(append(history, end_of(*history.chain)));
  EXPECT_FALSE(history.is_in_force());
  ASSERT_TRUE(append(history, second_init()));
  EXPECT_TRUE(history.is_in_force());
  EXPECT_TRUE(trusts(*history.chain, name_of(7)));
  EXPECT_EQ(history.statements.size(), 5u);
}

TEST(LockHistory, lock_that_was_ended_does_not_begin_again) {
  History history = sample_history();
  ASSERT_TRUE(append(history, end_of(*history.chain)));
  EXPECT_EQ(code_of(append(history, encode(sample_init()))), ErrorCode::kConflict);
}

TEST(LockHistory, follows_what_goes_on_from_what_is_held) {
  const History whole = sample_history();
  for (std::size_t known = 0; known <= whole.statements.size(); ++known) {
    auto held = *read_history(
        {whole.statements.begin(), whole.statements.begin() + static_cast<std::ptrdiff_t>(known)});
    ASSERT_TRUE(follow(held, whole.statements)) << known;
    EXPECT_EQ(*held.chain, *whole.chain);
  }
}

TEST(LockHistory, keeps_its_own_when_it_is_sent_less_or_something_else) {
  const History held = sample_history();
  const auto refused = [&](std::vector<Bytes> sent) {
    History moved = held;
    const Status status = follow(moved, sent);
    return !status && moved.statements == held.statements && *moved.chain == *held.chain;
  };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({held.statements[0]}));
  EXPECT_TRUE(refused({held.statements[0], held.statements[2]}));
  EXPECT_TRUE(refused({held.statements[0], held.statements[2], held.statements[1]}));
  EXPECT_TRUE(refused({second_init()}));
  auto altered = held.statements;
  altered[1][50] ^= 1;
  EXPECT_TRUE(refused(altered));
  auto longer = held.statements;
  longer.push_back(second_init());
  EXPECT_TRUE(refused(longer));
}

// A fork: two statements of the same number, both well signed.
TEST(LockHistory, does_not_follow_a_fork) {
  History one = *read_history({encode(sample_init())});
  const auto trust = change_of(*one.chain, StatementKind::kTrust, 4);
  const auto distrust = change_of(*one.chain, StatementKind::kDistrust, 3);
  const std::vector<Bytes> other{encode(sample_init()), encode(signed_by(distrust, {1, 2}))};
  ASSERT_TRUE(read_history(other));
  ASSERT_TRUE(append(one, encode(signed_by(trust, {1, 2}))));
  EXPECT_EQ(code_of(follow(one, other)), ErrorCode::kConflict);
}

// Whoever carries a statement may have seen one more signature on it.
TEST(LockHistory, same_statement_with_other_signatures_is_the_same) {
  const History held = sample_history();
  auto sent = held.statements;
  auto statement = *parse_statement(sent[2]);
  add_signature(statement, machine_of(3));
  sent[2] = encode(statement);
  History moved = held;
  EXPECT_TRUE(follow(moved, sent));
}

TEST(LockHistory, counts_the_signatures_that_lack) {
  History history;
  Statement init = sample_init();
  init.signatures.clear();
  EXPECT_EQ(*signatures_lacking(history, init), 3u);
  EXPECT_EQ(*signatures_lacking(history, signed_by(init, {1, 3})), 1u);
  ASSERT_TRUE(append(history, encode(signed_by(init, {1, 2, 3}))));
  const auto trust = change_of(*history.chain, StatementKind::kTrust, 4);
  EXPECT_EQ(*signatures_lacking(history, trust), 2u);
  EXPECT_EQ(*signatures_lacking(history, signed_by(trust, {2})), 1u);
  EXPECT_EQ(*signatures_lacking(history, signed_by(trust, {2, 3})), 0u);
  EXPECT_FALSE(signatures_lacking(history, signed_by(trust, {2, 9})));
  EXPECT_FALSE(signatures_lacking(history, change_of(*history.chain, StatementKind::kDistrust, 9)));
  auto end = next_statement(*history.chain, StatementKind::kDisable);
  EXPECT_FALSE(signatures_lacking(history, end));
  end.secret = secret_of(101);
  EXPECT_EQ(*signatures_lacking(history, end), 0u);
}

TEST(LockHistory, has_room_for_so_many_statements) {
  History history;
  history.statements.resize(kMostStatements, Bytes{1});
  EXPECT_EQ(code_of(append(history, encode(sample_init()))), ErrorCode::kExhausted);
  history.statements = {Bytes(kMostHistoryBytes)};
  EXPECT_EQ(code_of(append(history, encode(sample_init()))), ErrorCode::kExhausted);
}

}  // namespace
}  // namespace kernmesh::lock
