// SPDX-License-Identifier: Apache-2.0
#include "controller/core/lock/chain.h"

#include <gtest/gtest.h>

#include "tests/unit/core/lock/lock_sample.h"

namespace kernmesh::lock {
namespace {

void expect_refused(Chain chain, const Statement& statement, ErrorCode code,
                    const std::string& words) {
  const Chain before = chain;
  const auto status = advance(chain, statement);
  ASSERT_FALSE(status) << words;
  EXPECT_EQ(status.error().code(), code) << status.error().message();
  EXPECT_NE(status.error().message().find(words), std::string::npos) << status.error().message();
  EXPECT_EQ(chain, before);
}

TEST(LockChain, begins_with_the_signatures_of_all_its_signers) {
  const auto chain = begin_chain(sample_init());
  ASSERT_TRUE(chain) << chain.error().message();
  EXPECT_TRUE(trusts(*chain, name_of(2)));
  EXPECT_FALSE(trusts(*chain, name_of(4)));
  auto init = sample_init();
  init.signatures.pop_back();
  EXPECT_EQ(begin_chain(init).error().code(), ErrorCode::kInvalid);
}

TEST(LockChain, begins_only_with_what_can_be_changed_and_ended) {
  const auto refused = [](const auto& spoil) {
    Statement init = sample_init();
    init.signatures.clear();
    spoil(init);
    const auto chain = begin_chain(signed_by(init, {1, 2, 3}));
    return !chain && chain.error().code() == ErrorCode::kInvalid;
  };
  EXPECT_TRUE(refused([](Statement& init) { init.quorum = 0; }));
  EXPECT_TRUE(refused([](Statement& init) { init.quorum = 4; }));
  EXPECT_TRUE(refused([](Statement& init) { init.secrets.clear(); }));
  EXPECT_TRUE(refused([](Statement& init) { init.signers.push_back(name_of(1)); }));
  EXPECT_TRUE(refused([](Statement& init) { init.number = 1; }));
  EXPECT_TRUE(refused([](Statement& init) { init.previous.fill(1); }));
  EXPECT_TRUE(refused([](Statement& init) { init.kind = StatementKind::kTrust; }));
}

TEST(LockChain, changes_by_as_many_signers_as_its_quorum) {
  Chain chain = sample_chain();
  const auto trust = change_of(chain, StatementKind::kTrust, 4);
  expect_refused(chain, trust, ErrorCode::kPermissionDenied, "signed by 0 of the 2");
  expect_refused(chain, signed_by(trust, {1}), ErrorCode::kPermissionDenied,
                 "signed by 1 of the 2");
  ASSERT_TRUE(advance(chain, signed_by(trust, {1, 3})));
  EXPECT_TRUE(trusts(chain, name_of(4)));
  ASSERT_TRUE(advance(chain, signed_by(change_of(chain, StatementKind::kDistrust, 1), {2, 4})));
  EXPECT_FALSE(trusts(chain, name_of(1)));
  EXPECT_EQ(chain.number, 2u);
}

TEST(LockChain, signer_that_is_not_trusted_any_more_counts_no_more) {
  Chain chain = sample_chain();
  ASSERT_TRUE(advance(chain, signed_by(change_of(chain, StatementKind::kDistrust, 1), {2, 3})));
  expect_refused(chain, signed_by(change_of(chain, StatementKind::kTrust, 4), {1, 2}),
                 ErrorCode::kPermissionDenied, "is not trusted");
}

TEST(LockChain, one_who_signs_twice_is_one) {
  const Chain chain = sample_chain();
  auto trust = signed_by(change_of(chain, StatementKind::kTrust, 4), {1, 1});
  EXPECT_EQ(trust.signatures.size(), 1u);
  trust.signatures.push_back(trust.signatures.front());
  expect_refused(chain, trust, ErrorCode::kPermissionDenied, "has signed twice");
}

TEST(LockChain, statement_of_the_past_or_of_another_lock_is_refused) {
  Chain chain = sample_chain();
  const auto first = signed_by(change_of(chain, StatementKind::kTrust, 4), {1, 2});
  const auto fork = signed_by(change_of(chain, StatementKind::kTrust, 5), {1, 2});
  ASSERT_TRUE(advance(chain, first));
  expect_refused(chain, first, ErrorCode::kConflict, "does not follow");
  expect_refused(chain, fork, ErrorCode::kConflict, "does not follow");
  expect_refused(chain, sample_init(), ErrorCode::kConflict, "does not follow");
  auto other = sample_init();
  other.quorum = 1;
  other.signatures.clear();
  const Chain stranger = *begin_chain(signed_by(other, {1, 2, 3}));
  expect_refused(sample_chain(), signed_by(change_of(stranger, StatementKind::kTrust, 5), {1, 2}),
                 ErrorCode::kConflict, "does not follow");
}

TEST(LockChain, keeps_as_many_signers_as_a_change_needs) {
  Chain chain = sample_chain();
  ASSERT_TRUE(advance(chain, signed_by(change_of(chain, StatementKind::kDistrust, 1), {2, 3})));
  expect_refused(chain, signed_by(change_of(chain, StatementKind::kDistrust, 2), {2, 3}),
                 ErrorCode::kInvalid, "trust another one first");
  expect_refused(chain, signed_by(change_of(chain, StatementKind::kDistrust, 9), {2, 3}),
                 ErrorCode::kConflict, "is not trusted");
  expect_refused(chain, signed_by(change_of(chain, StatementKind::kTrust, 2), {2, 3}),
                 ErrorCode::kConflict, "trusted already");
}

TEST(LockChain, ends_by_any_of_its_secrets_without_a_signer) {
  for (const std::uint8_t number : {100, 101, 102}) {
    Chain chain = sample_chain();
    auto end = next_statement(chain, StatementKind::kDisable);
    end.secret = secret_of(number);
    EXPECT_EQ(bool(advance(chain, end)), number < 102) << int{number};
    EXPECT_EQ(chain.disabled, number < 102);
    if (!chain.disabled) continue;
    expect_refused(chain, signed_by(change_of(chain, StatementKind::kTrust, 4), {1, 2}),
                   ErrorCode::kPermissionDenied, "it has ended");
  }
}

std::vector<Statement> samples() {
  const Chain chain = sample_chain();
  auto end = next_statement(chain, StatementKind::kDisable);
  end.secret = secret_of(100);
  return {sample_init(), signed_by(change_of(chain, StatementKind::kTrust, 4), {1, 3}), end};
}

TEST(LockStatement, bytes_say_what_was_said) {
  for (const auto& statement : samples()) {
    const auto read = parse_statement(encode(statement));
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_TRUE(*read == statement);
  }
}

TEST(LockStatement, bytes_that_were_cut_or_grew_are_refused) {
  for (const auto& statement : samples()) {
    auto bytes = encode(statement);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(parse_statement(std::span(bytes).first(size))) << size;
    }
    bytes.push_back(0);
    EXPECT_FALSE(parse_statement(bytes));
  }
}

// Of an end without signatures the secret is what counts, and every other bit is the chain's.
TEST(LockStatement, every_flipped_bit_is_noticed) {
  const Chain before = sample_chain();
  for (const auto& statement : samples()) {
    const auto bytes = encode(statement);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      auto flipped = bytes;
      flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      const auto read = parse_statement(flipped);
      if (!read) continue;
      Chain chain = before;
      const bool taken = statement.kind == StatementKind::kInit ? bool(begin_chain(*read))
                                                                : bool(advance(chain, *read));
      EXPECT_FALSE(taken) << "bit " << bit;
    }
  }
}

}  // namespace
}  // namespace kernmesh::lock
