// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/ledger.h"

#include <gtest/gtest.h>

namespace kernmesh::signin {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

MonoTime at(Duration since_start) { return MonoTime(std::chrono::hours(1) + since_start); }

template <typename Key>
Key key_of(std::uint32_t number) {
  std::array<std::uint8_t, 32> bytes{};
  for (int i = 0; i < 4; ++i)
    bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(number >> (8 * i));
  return Key(bytes);
}

Newcomer newcomer(std::uint32_t number, std::string source = "192.0.2.1") {
  return {key_of<MachinePublicKey>(number), key_of<NodePublicKey>(number), "web-1",
          std::move(source)};
}

std::string code_of(std::uint32_t number) { return "code-" + std::to_string(number); }

SignInId open(Ledger& ledger, std::uint32_t number, MonoTime now,
              std::string source = "192.0.2.1") {
  const auto id = ledger.open(
      {newcomer(number, std::move(source)), "handle-" + std::to_string(number), code_of(number)},
      now);
  EXPECT_TRUE(id) << id.error().message();
  return id ? *id : SignInId{};
}

const Attempt kAttempt{"state", "nonce", "verifier", "browser"};
const Identity kAnn{"https://login.example", "1234", "ann@example.org", "Ann", {}};

TEST(Ledger, lets_in_exactly_the_keys_that_signed_in_and_once) {
  Ledger ledger;
  const auto id = open(ledger, 1, at({}));
  EXPECT_FALSE(
      ledger.find_admission(key_of<MachinePublicKey>(1), key_of<NodePublicKey>(1), at({})));
  ASSERT_TRUE(ledger.begin(id, kAttempt, at({})));
  const auto redeemed = ledger.redeem("state", "browser", at(minutes(1)));
  ASSERT_TRUE(redeemed) << redeemed.error().message();
  EXPECT_EQ(redeemed->nonce, "nonce");
  EXPECT_EQ(redeemed->verifier, "verifier");
  EXPECT_EQ(redeemed->found.newcomer, newcomer(1));
  ASSERT_TRUE(ledger.authorize(id, kAnn, at(minutes(1))));
  EXPECT_EQ(ledger.find_by_handle("handle-1", at(minutes(1)))->stage, Stage::kAuthorized);
  const auto machine = key_of<MachinePublicKey>(1);
  const auto node = key_of<NodePublicKey>(1);
  EXPECT_FALSE(ledger.find_admission(machine, key_of<NodePublicKey>(2), at(minutes(2))));
  EXPECT_FALSE(ledger.find_admission(key_of<MachinePublicKey>(2), node, at(minutes(2))));
  EXPECT_EQ(ledger.find_admission(machine, node, at(minutes(2))).value(), kAnn);
  EXPECT_TRUE(ledger.consume(machine, node, at(minutes(2))));
  EXPECT_FALSE(ledger.consume(machine, node, at(minutes(2))));
  EXPECT_FALSE(ledger.find_admission(machine, node, at(minutes(2))));
  EXPECT_EQ(ledger.find_by_handle("handle-1", at(minutes(2)))->stage, Stage::kConsumed);
}

TEST(Ledger, takes_a_state_once) {
  Ledger ledger;
  const auto id = open(ledger, 1, at({}));
  ASSERT_TRUE(ledger.begin(id, kAttempt, at({})));
  EXPECT_FALSE(ledger.redeem("another", "browser", at({})));
  EXPECT_FALSE(ledger.redeem("", "browser", at({})));
  EXPECT_TRUE(ledger.redeem("state", "browser", at({})));
  const auto replayed = ledger.redeem("state", "browser", at({}));
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().code(), ErrorCode::kNotFound);
}

TEST(Ledger, burns_a_state_that_another_browser_brings) {
  Ledger ledger;
  const auto id = open(ledger, 1, at({}));
  ASSERT_TRUE(ledger.begin(id, kAttempt, at({})));
  const auto stolen = ledger.redeem("state", "other", at({}));
  ASSERT_FALSE(stolen);
  EXPECT_EQ(stolen.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_FALSE(ledger.redeem("state", "browser", at({})));
  EXPECT_EQ(ledger.find_by_handle("handle-1", at({}))->stage, Stage::kPending);
}

TEST(Ledger, takes_the_newest_attempt_alone) {
  Ledger ledger;
  const auto id = open(ledger, 1, at({}));
  ASSERT_TRUE(ledger.begin(id, kAttempt, at({})));
  ASSERT_TRUE(ledger.begin(id, {"state-2", "nonce-2", "verifier-2", "browser"}, at({})));
  EXPECT_FALSE(ledger.redeem("state", "browser", at({})));
  EXPECT_EQ(ledger.redeem("state-2", "browser", at({}))->nonce, "nonce-2");
}

TEST(Ledger, a_sign_in_lapses_and_is_forgotten) {
  Ledger ledger;
  const auto id = open(ledger, 1, at({}));
  ASSERT_TRUE(ledger.begin(id, kAttempt, at({})));
  const auto late = kSignInLifetime;
  EXPECT_TRUE(ledger.find_by_code(code_of(1), at(late - seconds(1))));
  EXPECT_FALSE(ledger.redeem("state", "browser", at(late)));
  EXPECT_FALSE(ledger.begin(id, kAttempt, at(late)));
  EXPECT_FALSE(ledger.authorize(id, kAnn, at(late)));
  EXPECT_EQ(ledger.find_by_handle("handle-1", at(late))->stage, Stage::kExpired);
  EXPECT_FALSE(ledger.find_by_handle("handle-1", at(late + kEndedLifetime)));
  EXPECT_EQ(ledger.size(), 0U);
}

TEST(Ledger, an_admission_that_nobody_takes_lapses) {
  Ledger ledger;
  const auto id = open(ledger, 1, at({}));
  ASSERT_TRUE(ledger.authorize(id, kAnn, at(minutes(9))));
  const auto machine = key_of<MachinePublicKey>(1);
  const auto node = key_of<NodePublicKey>(1);
  EXPECT_TRUE(ledger.find_admission(machine, node, at(minutes(18))));
  EXPECT_FALSE(ledger.find_admission(machine, node, at(minutes(19))));
  EXPECT_FALSE(ledger.consume(machine, node, at(minutes(19))));
}

TEST(Ledger, a_refusal_is_told_with_its_reason) {
  Ledger ledger;
  const auto id = open(ledger, 1, at({}));
  ASSERT_TRUE(ledger.deny(id, "you are in none of the groups", at({})));
  const auto outcome = ledger.find_by_handle("handle-1", at({}));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->stage, Stage::kDenied);
  EXPECT_EQ(outcome->reason, "you are in none of the groups");
  EXPECT_FALSE(ledger.authorize(id, kAnn, at({})));
}

TEST(Ledger, a_machines_new_sign_in_takes_the_place_of_its_old_one) {
  Ledger ledger;
  const auto old = open(ledger, 1, at({}));
  ASSERT_TRUE(ledger.open({newcomer(1), "handle-new", "code-new"}, at({})));
  EXPECT_EQ(ledger.size(), 1U);
  EXPECT_FALSE(ledger.authorize(old, kAnn, at({})));
  EXPECT_FALSE(ledger.find_by_handle("handle-1", at({})));
  EXPECT_TRUE(ledger.find_by_handle("handle-new", at({})));
}

TEST(Ledger, nothing_is_left_of_one_that_is_withdrawn) {
  Ledger ledger;
  const auto id = open(ledger, 1, at({}));
  ledger.withdraw(id);
  EXPECT_EQ(ledger.size(), 0U);
  EXPECT_EQ(ledger.find_by_handle("handle-1", at({})).error().code(), ErrorCode::kNotFound);
  ledger.withdraw(id);
  open(ledger, 2, at({}));
  EXPECT_EQ(ledger.size(), 1U);
}

TEST(Ledger, refuses_a_code_that_is_somebodys) {
  Ledger ledger;
  open(ledger, 1, at({}));
  const auto same = ledger.open({newcomer(2), "handle-2", code_of(1)}, at({}));
  ASSERT_FALSE(same);
  EXPECT_EQ(same.error().code(), ErrorCode::kConflict);
}

TEST(Ledger, bounds_what_one_source_may_have_pending) {
  Ledger ledger;
  for (std::uint32_t i = 0; i < kMostOfSource; ++i) open(ledger, i, at({}));
  const auto more = ledger.open({newcomer(999), "handle", "code"}, at({}));
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code(), ErrorCode::kExhausted);
  open(ledger, 1000, at({}), "192.0.2.2");
  // What lapses makes room.
  open(ledger, 1001, at(kSignInLifetime));
}

TEST(Ledger, bounds_all_of_them_and_forgets_ended_ones_first) {
  Ledger ledger;
  for (std::uint32_t i = 0; i < kMostSignIns; ++i) open(ledger, i, at({}), std::to_string(i));
  const auto more = ledger.open({newcomer(5000, "x"), "handle", "code"}, at({}));
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code(), ErrorCode::kExhausted);
  const auto one = ledger.find_by_code(code_of(7), at({}));
  ASSERT_TRUE(one);
  ASSERT_TRUE(ledger.deny(one->id, "no", at({})));
  open(ledger, 5000, at({}), "x");
  EXPECT_EQ(ledger.size(), kMostSignIns);
  EXPECT_FALSE(ledger.find_by_code(code_of(7), at({})));
}

TEST(UserCode, is_read_as_people_type_it) {
  const std::string code = to_user_code({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 19});
  EXPECT_EQ(code, "BCDF-GHJK-LMNZ");
  for (const char* const typed :
       {"BCDF-GHJK-LMNZ", "bcdfghjklmnz", " BCDF GHJK lmnz ", "B-CDFGHJKLMNZ"}) {
    EXPECT_EQ(normalise_user_code(typed), code) << typed;
  }
  for (const char* const typed :
       {"", "BCDF-GHJK", "BCDF-GHJK-LMNZ-B", "ACDF-GHJK-LMNZ", "BCDF-GHJK-LMN\xff"}) {
    EXPECT_EQ(normalise_user_code(typed), "") << typed;
  }
}

TEST(Stage, nothing_happens_twice) {
  const Stage ended[] = {Stage::kConsumed, Stage::kDenied, Stage::kExpired};
  const StageEvent events[] = {StageEvent::kAuthorize, StageEvent::kConsume, StageEvent::kDeny,
                               StageEvent::kLapse};
  for (const Stage stage : ended) {
    for (const StageEvent event : events) EXPECT_FALSE(next_stage(stage, event));
  }
  EXPECT_FALSE(next_stage(Stage::kPending, StageEvent::kConsume));
  EXPECT_FALSE(next_stage(Stage::kAuthorized, StageEvent::kAuthorize));
  EXPECT_FALSE(next_stage(Stage::kAuthorized, StageEvent::kDeny));
}

}  // namespace
}  // namespace kernmesh::signin
