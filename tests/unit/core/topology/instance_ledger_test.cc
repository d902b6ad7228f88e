// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/instance_ledger.h"

#include <gtest/gtest.h>

namespace kernmesh::topology {
namespace {

using Seat = InstanceLedger::Seat;
constexpr AgentInstance kA{1}, kB{2}, kC{3};

TEST(InstanceLedger, restarts_and_reconnects_are_nothing_to_tell_of) {
  InstanceLedger ledger;
  for (std::uint8_t restart = 1; restart < 100; ++restart) {
    EXPECT_EQ(ledger.claim({restart}), Seat::kTaken);
    EXPECT_EQ(ledger.claim({restart}), Seat::kTaken) << "the same one, connected again";
  }
}

TEST(InstanceLedger, of_two_in_turn_the_older_stays_and_the_newer_goes_for_good) {
  InstanceLedger ledger;
  EXPECT_EQ(ledger.claim(kA), Seat::kTaken);
  EXPECT_EQ(ledger.claim(kB), Seat::kTaken) << "may be a restart";
  EXPECT_EQ(ledger.claim(kA), Seat::kReturned);
  EXPECT_TRUE(ledger.is_refused(kB));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(ledger.claim(kB), Seat::kRefused);
    EXPECT_EQ(ledger.claim(kA), Seat::kTaken);
  }
}

TEST(InstanceLedger, original_may_restart_while_a_copy_knocks) {
  InstanceLedger ledger;
  ledger.claim(kA);
  ledger.claim(kB);
  ledger.claim(kA);
  EXPECT_EQ(ledger.claim(kC), Seat::kTaken);
  EXPECT_EQ(ledger.claim(kB), Seat::kRefused);
  EXPECT_FALSE(ledger.is_refused(kC));
}

TEST(InstanceLedger, copies_without_end_use_bounded_memory_and_never_displace_the_original) {
  InstanceLedger ledger;
  ledger.claim(kA);
  for (int i = 0; i < 1000; ++i) {
    const AgentInstance copy{9, static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8)};
    EXPECT_EQ(ledger.claim(copy), Seat::kTaken);
    EXPECT_EQ(ledger.claim(kA), Seat::kReturned);
    EXPECT_TRUE(ledger.is_refused(copy));
  }
}

}  // namespace
}  // namespace kernmesh::topology
