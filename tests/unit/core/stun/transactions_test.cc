// SPDX-License-Identifier: Apache-2.0
#include "controller/core/stun/transactions.h"

#include <gtest/gtest.h>

namespace kernmesh::stun {
namespace {

using std::chrono::milliseconds;

class StunTransactions : public ::testing::Test {
 protected:
  const MonoTime start_{std::chrono::hours(1)};
  const Endpoint server_ = Endpoint::parse("192.0.2.1:3478").value();
  const Endpoint mapped_ = Endpoint::parse("203.0.113.5:40000").value();
  path::RandomStream random_{path::Seed{}};
  Transactions transactions_;

  Bytes answer_to(const Bytes& request) const {
    const auto parsed = parse(request);
    const auto tx = std::get<BindingRequest>(std::get<Message>(parsed)).tx;
    return to_bytes(BindingSuccess{tx, mapped_});
  }
  Refusal refusal(MonoTime now, const Bytes& bytes, const Endpoint& source) {
    const auto result = transactions_.on_datagram(now, bytes, source);
    EXPECT_TRUE(std::holds_alternative<Refusal>(result));
    return std::get<Refusal>(result);
  }
};

TEST_F(StunTransactions, an_answer_gives_mapping_and_round_trip_once) {
  const auto answer = answer_to(transactions_.ask(start_, server_, random_));
  const auto now = start_ + milliseconds(40);
  const auto result = transactions_.on_datagram(now, answer, server_);
  const auto& seen = std::get<Observation>(result);
  EXPECT_EQ(seen.server, server_);
  EXPECT_EQ(seen.mapped, mapped_);
  EXPECT_EQ(seen.round_trip, milliseconds(40));
  EXPECT_EQ(refusal(now, answer, server_), Refusal::kUnmatched);
}

TEST_F(StunTransactions, an_answer_from_elsewhere_or_to_nothing_is_refused) {
  const auto request = transactions_.ask(start_, server_, random_);
  const auto elsewhere = Endpoint::parse("192.0.2.1:3479").value();
  EXPECT_EQ(refusal(start_, answer_to(request), elsewhere), Refusal::kUnmatched);
  EXPECT_EQ(refusal(start_, to_bytes(BindingSuccess{{1, 2, 3}, mapped_}), server_),
            Refusal::kUnmatched);
  EXPECT_EQ(refusal(start_, request, server_), Refusal::kMalformed) << "a request is no answer";
  EXPECT_EQ(refusal(start_ + Transactions::kTimeout, answer_to(request), server_),
            Refusal::kUnmatched)
      << "too late";
}

TEST_F(StunTransactions, a_server_that_will_not_say_ends_the_question) {
  const auto parsed = parse(transactions_.ask(start_, server_, random_));
  const auto tx = std::get<BindingRequest>(std::get<Message>(parsed)).tx;
  EXPECT_EQ(refusal(start_, to_bytes(BindingError{tx, 500}), server_), Refusal::kError);
  EXPECT_EQ(transactions_.waiting(start_), 0U);
}

TEST_F(StunTransactions, the_number_that_waits_is_bounded) {
  const auto first = transactions_.ask(start_, server_, random_);
  for (std::size_t i = 0; i < Transactions::kMost; ++i)
    (void)transactions_.ask(start_, server_, random_);
  EXPECT_EQ(transactions_.waiting(start_), Transactions::kMost);
  EXPECT_EQ(refusal(start_, answer_to(first), server_), Refusal::kUnmatched);
}

}  // namespace
}  // namespace kernmesh::stun
