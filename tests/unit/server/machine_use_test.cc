// SPDX-License-Identifier: Apache-2.0
// One machine key on two machines: a copied state directory, a cloned disk.
#include "tests/unit/server/people.h"

namespace kernmesh::server {
namespace {

class MachineUseTest : public PeopleTest {
 protected:
  Result<rpc::Session> enroll(const topology::AgentInstance& run, const std::string& key = "") {
    auto registration = machine_.registration(key);
    registration.instance = run;
    return client()->register_node(registration);
  }
  std::unique_ptr<Watcher> watch(const topology::AgentInstance& run) {
    const auto session = enroll(run);
    EXPECT_TRUE(session) << session.error().message();
    if (!session) return nullptr;
    return std::make_unique<Watcher>(client(), *session);
  }
  const TestNode machine_;
  const topology::AgentInstance original_{1}, copy_{2}, restarted_{3};
};

TEST_F(MachineUseTest, copy_goes_the_original_stays_both_are_told_and_nothing_flaps) {
  ASSERT_TRUE(enroll(original_, make_key().secret()));
  const auto first = watch(original_);
  first->first();
  const auto copied = watch(copy_);
  copied->first();
  EXPECT_EQ(first->wait_for_end().code(), ErrorCode::kConflict) << "it may be a restart";
  const auto back = watch(original_);
  const auto says_so = [](const rpc::Update& update) {
    const auto* delta = std::get_if<netmap::Delta>(&update);
    const auto* map = std::get_if<netmap::Netmap>(&update);
    return (map != nullptr && map->self.machine_key_shared) ||
           (delta != nullptr && delta->self && delta->self->machine_key_shared);
  };
  back->wait([&](const auto& all) { return std::any_of(all.begin(), all.end(), says_so); });
  const auto end = copied->wait_for_end();
  EXPECT_EQ(end.code(), ErrorCode::kAlreadyExists);
  EXPECT_NE(end.message().find("meshadm logout"), std::string::npos) << end.message();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(enroll(copy_).error().code(), ErrorCode::kAlreadyExists);
  }
  EXPECT_TRUE(admin_->get_node("host")->online());
  EXPECT_GT(admin_->get_node("host")->machine_key_shared_at(), 0);
  ASSERT_EQ(audit("node.shared_key").size(), 1u);
  EXPECT_NE(audit("node.shared_key")[0].from(), "");
}

TEST_F(MachineUseTest, restarts_one_after_the_other_are_nobody_elses) {
  ASSERT_TRUE(enroll(original_, make_key().secret()));
  for (const auto& run : {original_, restarted_}) watch(run)->first();
  EXPECT_EQ(admin_->get_node("host")->machine_key_shared_at(), 0);
  EXPECT_TRUE(audit("node.shared_key").empty());
}

TEST_F(MachineUseTest, warning_is_forgotten_after_a_day) {
  ASSERT_TRUE(enroll(original_, make_key().secret()));
  for (const auto& run : {original_, copy_, original_}) watch(run)->first();
  ASSERT_GT(admin_->get_node("host")->machine_key_shared_at(), 0);
  const auto watcher = watch(original_);
  watcher->first();
  clock_offset_s_ = 25 * 3600;
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (admin_->get_node("host")->machine_key_shared_at() != 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }
}

}  // namespace
}  // namespace kernmesh::server
