// SPDX-License-Identifier: Apache-2.0
// Accounts of a provider as users: what they are called, what changes, and whom they never become.
#include "controller/server/sign_in_users.h"

#include "tests/unit/server/provider_on_loopback.h"

namespace kernmesh::server {
namespace {

class SignInUsersTest : public SignedInTest {
 protected:
  std::string name_of(const std::string& subject) {
    const auto users = admin_->list_users();
    for (const auto& user : users->users()) {
      if (user.subject() == subject) return user.name();
    }
    return "nobody";
  }
  Result<mesh::v1::User> link(const std::string& name, const std::string& subject) {
    mesh::v1::LinkUserRequest request;
    request.set_name(name);
    request.set_subject(subject);
    return admin_->link_user(request);
  }
};

TEST_F(SignInUsersTest, name_without_a_verified_address_cannot_be_chosen) {
  auto carol = bob();
  carol["name"] = "carol";
  carol["email"] = "carol@example.org";  // not verified
  ASSERT_TRUE(join_by(TestNode(), carol));
  const std::string name = name_of("4712");
  EXPECT_TRUE(name.starts_with("carol-")) << name;
  EXPECT_EQ(name.size(), std::string("carol-01234567").size());
  EXPECT_EQ(user(name).email(), "");
}

TEST_F(SignInUsersTest, user_that_an_administrator_made_is_not_taken_over) {
  mesh::v1::CreateUserRequest request;
  request.set_name("boss");
  request.set_email("Ann@Example.org");
  request.add_roles("owner");
  ASSERT_TRUE(admin_->create_user(request));
  const std::string page = sign_in(TestNode(), ann());
  EXPECT_NE(page.find("meshadm user link boss &#39;4711&#39;"), std::string::npos) << page;
  EXPECT_EQ(name_of("4711"), "nobody");

  ASSERT_TRUE(link("boss", "4711"));
  ASSERT_TRUE(join_by(TestNode(), ann()));
  EXPECT_EQ(admin_->get_node("host")->user_name(), "boss");
  EXPECT_EQ(user("boss").email(), "ann@example.org");
  EXPECT_EQ(user("boss").roles(0), "owner");
}

TEST_F(SignInUsersTest, address_that_another_account_has_had_is_not_handed_on) {
  ASSERT_TRUE(join_by(TestNode(), ann()));
  auto successor = ann();
  successor["sub"] = "4800";
  EXPECT_NE(sign_in(TestNode(), successor).find("meshadm user link"), std::string::npos);
  // The first one has another address now, and says so by signing in.
  auto renamed = ann();
  renamed["email"] = "ann.married@example.org";
  ASSERT_TRUE(join_by(TestNode(), renamed));
  EXPECT_EQ(name_of("4711"), "ann.married@example.org");
  ASSERT_TRUE(join_by(TestNode(), successor));
  EXPECT_EQ(name_of("4800"), "ann@example.org");
}

TEST_F(SignInUsersTest, renamed_user_keeps_his_nodes) {
  ASSERT_TRUE(join_by(TestNode(), ann()));
  auto renamed = ann();
  renamed["email"] = "ann.married@example.org";
  renamed["name"] = "Ann Married";
  ASSERT_TRUE(join_by(TestNode(), renamed));
  EXPECT_EQ(user("ann.married@example.org").node_count(), 2u);
  EXPECT_EQ(audit("user.update").at(0).detail(),
            "was called ann@example.org, address ann@example.org -> ann.married@example.org");
}

TEST_F(SignInUsersTest, address_that_is_verified_no_more_names_nobody) {
  ASSERT_TRUE(join_by(TestNode(), ann()));
  auto unverified = ann();
  unverified["email_verified"] = false;
  ASSERT_TRUE(join_by(TestNode(), unverified));
  const auto name = name_of("4711");
  EXPECT_TRUE(name.starts_with("ann-example-")) << name;
  EXPECT_EQ(user(name).email(), "");
}

TEST_F(SignInUsersTest, account_is_linked_to_one_user_by_an_administrator_alone) {
  ASSERT_TRUE(join_by(TestNode(), bob()));
  EXPECT_EQ(link("ann", "4712").error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(link("nobody", "1").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(link("ann", "").error().code(), ErrorCode::kInvalid);
  ASSERT_TRUE(link("ann", "4711"));
  ASSERT_TRUE(link("ann", "4711")) << "what is so already changes nothing";
  EXPECT_EQ(audit("user.link").size(), 1u);
  // An administrator does not give himself an owner's name.
  make_user("olga", "owner");
  auto adam = caller("adam", "admin");
  mesh::v1::LinkUserRequest request;
  request.set_name("olga");
  request.set_subject("5000");
  EXPECT_EQ(adam->link_user(request).error().code(), ErrorCode::kPermissionDenied);
}

bool sees(const rpc::Update& update, const std::string& peer) {
  const auto* map = std::get_if<netmap::Netmap>(&update);
  return map != nullptr &&
         std::any_of(map->peers.begin(), map->peers.end(),
                     [&](const auto& entry) { return entry.second.name == peer; });
}

TEST_F(SignInUsersTest, change_of_groups_reaches_the_netmaps) {
  mesh::v1::SetPolicyRequest policy;
  policy.set_text(R"({
    "groups": {"group:dev": ["oidc:dev"]}, "tagOwners": {"tag:web": []},
    "acls": [{"action": "accept", "src": ["group:dev"], "dst": ["tag:web:*"]}]})");
  ASSERT_TRUE(admin_->set_policy(policy));
  TestNode laptop, server;
  laptop.hostname = "laptop";
  server.hostname = "server";
  const auto session = join(server);
  ASSERT_TRUE(admin_->tag_node("server", {"tag:web"}));
  ASSERT_TRUE(join_by(laptop, ann()));
  Watcher watcher(client(), session);
  EXPECT_TRUE(sees(watcher.first(), "laptop"));
  // Who judges a policy at home judges it with the same groups.
  const auto inventory = admin_->get_inventory();
  const auto& users = inventory->users();
  EXPECT_TRUE(std::any_of(users.begin(), users.end(), [](const auto& user) {
    return user.email() == "ann@example.org" && user.groups_size() == 2;
  }));

  auto moved = ann();
  moved["groups"] = {"sales"};
  ASSERT_TRUE(join_by(laptop, moved));
  const auto gone = [](const std::vector<rpc::Update>& updates) {
    return std::any_of(updates.begin(), updates.end(), [](const rpc::Update& update) {
      const auto* delta = std::get_if<netmap::Delta>(&update);
      return delta != nullptr && !delta->removed.empty();
    });
  };
  watcher.wait(gone);
  EXPECT_EQ(audit("user.update").at(0).detail(), "+group sales, -group all hands, -group dev");
}

}  // namespace
}  // namespace kernmesh::server
