// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/key_rotation.h"

#include <gtest/gtest.h>

#include <vector>

namespace kernmesh::agent {
namespace {

using std::chrono::seconds;

X25519SecretKey key_of(std::uint8_t number) {
  X25519SecretKey key;
  key.mutable_bytes()[0] = static_cast<std::uint8_t>(number * 8);
  key.mutable_bytes()[31] = 64;
  return key;
}

class KeyRotationTest : public testing::Test {
 protected:
  KeyRotation::Events events() {
    return {[this](const X25519SecretKey& key) -> Status {
              if (!able) return Error(ErrorCode::kSystem, "no");
              in_kernel = key;
              return {};
            },
            [this](const X25519SecretKey& key) { told.push_back(key); },
            [this](const X25519SecretKey& key) { kept = key; }};
  }
  void begin(MonoTime at) { rotation.begin(at, old_key, new_key); }

  const X25519SecretKey old_key = key_of(1), new_key = key_of(2);
  bool able = true;
  X25519SecretKey in_kernel = old_key;
  std::vector<X25519SecretKey> told;
  std::optional<X25519SecretKey> kept;
  KeyRotation rotation{events()};
  const MonoTime start = MonoTime{} + std::chrono::hours(1);
};

TEST_F(KeyRotationTest, kernel_has_the_key_before_the_server_and_disk_after_it) {
  begin(start);
  EXPECT_TRUE(in_kernel == new_key);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0] == new_key);
  EXPECT_FALSE(kept);
  EXPECT_EQ(rotation.settle(start), start + kRotationPatience);
  rotation.on_told(node_public_key(new_key));
  ASSERT_TRUE(kept);
  EXPECT_TRUE(*kept == new_key);
  EXPECT_FALSE(rotation.is_under_way());
}

// The interface may be made anew while the server is asked.
TEST_F(KeyRotationTest, key_in_use_is_the_one_that_the_kernel_has) {
  EXPECT_FALSE(rotation.key_in_use());
  begin(start);
  EXPECT_TRUE(rotation.key_in_use() == new_key);
  rotation.settle(start + kRotationPatience);
  EXPECT_TRUE(rotation.key_in_use() == old_key);
  rotation.on_told(node_public_key(old_key));
  EXPECT_FALSE(rotation.key_in_use());
}

TEST_F(KeyRotationTest, refusal_brings_the_old_key_back) {
  begin(start);
  rotation.on_refused(Error(ErrorCode::kAlreadyExists, "another's"));
  EXPECT_TRUE(in_kernel == old_key);
  EXPECT_FALSE(kept);
  EXPECT_FALSE(rotation.is_under_way());
}

TEST_F(KeyRotationTest, silent_server_is_told_the_old_key_again_and_a_late_answer_changes_nothing) {
  begin(start);
  EXPECT_FALSE(rotation.settle(start + kRotationPatience));
  EXPECT_TRUE(in_kernel == old_key);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_TRUE(told[1] == old_key);
  rotation.on_told(node_public_key(new_key));
  EXPECT_TRUE(rotation.is_under_way()) << "the server may have the new one";
  EXPECT_TRUE(in_kernel == old_key);
  rotation.on_told(node_public_key(old_key));
  EXPECT_FALSE(rotation.is_under_way());
  EXPECT_FALSE(kept);
}

TEST_F(KeyRotationTest, end_of_the_session_brings_the_old_key_back) {
  begin(start);
  rotation.abandon();
  EXPECT_TRUE(in_kernel == old_key);
  EXPECT_FALSE(rotation.is_under_way());
}

TEST_F(KeyRotationTest, kernel_that_refuses_ends_it_before_anybody_is_told) {
  able = false;
  begin(start);
  EXPECT_TRUE(told.empty());
  EXPECT_FALSE(rotation.is_under_way());
}

TEST_F(KeyRotationTest, next_one_waits_and_less_so_for_the_clock) {
  using enum KeyRotation::Reason;
  EXPECT_TRUE(rotation.may_begin(start, kServer));
  begin(start);
  EXPECT_FALSE(rotation.may_begin(start + std::chrono::hours(1), kClock)) << "one is under way";
  rotation.on_told(node_public_key(new_key));
  EXPECT_FALSE(rotation.may_begin(start + KeyRotation::kClockPause - seconds(1), kClock));
  EXPECT_TRUE(rotation.may_begin(start + KeyRotation::kClockPause, kClock));
  EXPECT_FALSE(rotation.may_begin(start + KeyRotation::kServerPause - seconds(1), kServer));
  EXPECT_TRUE(rotation.may_begin(start + KeyRotation::kServerPause, kServer));
}

}  // namespace
}  // namespace kernmesh::agent
