// SPDX-License-Identifier: Apache-2.0
// The administrator token is lost or known to somebody else, and replaced.
#include "controller/server/admin_token.h"

#include <sys/stat.h>

#include "tests/unit/server/fixture.h"

namespace kernmesh::server {
namespace {

class AdminTokenTest : public ServerTest {
 protected:
  Status reset() { return reset_admin_token({directory_, "", system_now()}); }
  std::string token_file() const { return directory_ + "/" + kTokenFile; }
  Result<mesh::v1::Caller> ask_as(const std::string& token) {
    MESH_TRY_ASSIGN(auto admin, rpc::AdminClient::connect(address_, token));
    return admin.get_caller();
  }
};

TEST_F(AdminTokenTest, reset_makes_the_one_before_nobodys) {
  const std::string old = token_;
  mesh::v1::CreateTokenRequest request;
  request.set_user_name("ann");
  const auto made = admin_->create_token(request);
  ASSERT_TRUE(made) << made.error().message();
  server_.reset();
  const auto done = reset();
  ASSERT_TRUE(done) << done.error().message();
  start();  // and speaks with what is in the file
  EXPECT_NE(token_, old);
  EXPECT_TRUE(ask_as(token_));
  const auto refused = ask_as(old);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnauthenticated);
  EXPECT_TRUE(ask_as(made->secret())) << "API tokens stay";
  mesh::v1::ListAuditEventsRequest asked;
  asked.mutable_filter()->set_action("token.reset");
  const auto events = admin_->list_audit_events(asked);
  ASSERT_TRUE(events) << events.error().message();
  ASSERT_EQ(events->events_size(), 1);
  EXPECT_EQ(events->events(0).actor(), "administrator");
}

TEST_F(AdminTokenTest, reset_needs_no_file_of_the_one_before_and_can_be_repeated) {
  server_.reset();
  std::filesystem::remove(token_file());
  ASSERT_TRUE(reset());
  const std::string first = *read_file(token_file());
  ASSERT_TRUE(reset());
  EXPECT_NE(*read_file(token_file()), first);
  struct stat file {};
  ASSERT_EQ(stat(token_file().c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600U);
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("admin.token.")) << entry.path();
  }
  start();
  EXPECT_TRUE(ask_as(token_));
}

TEST_F(AdminTokenTest, reset_changes_nothing_under_a_running_server_or_without_a_network) {
  const auto running = reset();
  ASSERT_FALSE(running);
  EXPECT_EQ(running.error().code(), ErrorCode::kConflict);
  EXPECT_TRUE(ask_as(token_));
  const auto nowhere = reset_admin_token({directory_ + "/none", "", system_now()});
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/none"));
}

// What a crash between store and file leaves is mended by another run.
TEST_F(AdminTokenTest, a_token_that_was_left_on_its_way_is_replaced) {
  server_.reset();
  ASSERT_TRUE(write_file(directory_ + "/admin.token.next", "ma-none\n", FileMode::kPrivate));
  ASSERT_TRUE(reset());
  start();
  EXPECT_TRUE(ask_as(token_));
}

// The store cannot be written, and the file stays as it was.
TEST_F(AdminTokenTest, reset_of_a_damaged_database_leaves_the_file) {
  server_.reset();
  const std::string before = *read_file(token_file());
  ASSERT_TRUE(write_file(directory_ + "/server.db", "no database", FileMode::kPrivate));
  EXPECT_FALSE(reset());
  EXPECT_EQ(*read_file(token_file()), before);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/admin.token.next"));
}

}  // namespace
}  // namespace kernmesh::server
