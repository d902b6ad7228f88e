// SPDX-License-Identifier: Apache-2.0
// token, whoami, audit and the roles of users, against a server whose values are made up here.
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "controller/rpc/method_access.h"
#include "controller/rpc/status.h"
#include "tests/unit/meshadm/in_process.h"
#include "tests/unit/meshadm/served_network.h"

namespace kernmesh::adm {
namespace {

using grpc::ServerContext;
namespace v1 = mesh::v1;
constexpr std::int64_t kTestNow = 1'795'239'630;  // Terminal's clock

class AuditedServer : public v1::Admin::Service {
 public:
  grpc::Status CreateToken(ServerContext*, const v1::CreateTokenRequest* request,
                           v1::CreateTokenResponse* response) override {
    asked = *request;
    *response->mutable_token() = token();
    response->set_secret("ma-secret");
    return {};
  }
  grpc::Status ListTokens(ServerContext*, const v1::ListTokensRequest* request,
                          v1::ListTokensResponse* response) override {
    *response->add_tokens() = token();
    response->mutable_tokens(0)->set_id(request->page_token().empty() ? 3 : 4);
    if (request->page_token().empty()) response->set_next_page_token("after-3");
    return {};
  }
  grpc::Status RevokeToken(ServerContext*, const v1::RevokeTokenRequest*,
                           v1::RevokeTokenResponse*) override {
    return rpc::to_grpc(Error(ErrorCode::kPermissionDenied, "the role owner is above yours"),
                        rpc::access_of("/mesh.v1.Admin/RevokeToken"));
  }
  grpc::Status GetCaller(ServerContext*, const v1::GetCallerRequest*,
                         v1::Caller* response) override {
    response->set_name("user ada, token 3");
    response->set_user_name("ada");
    response->set_role("auditor");
    response->set_scope("read");
    response->set_token_id(3);
    response->set_expires_at(kTestNow + 86'400);
    return {};
  }
  grpc::Status SetUserRoles(ServerContext*, const v1::SetUserRolesRequest* request,
                            v1::User* response) override {
    response->set_name(request->name());
    *response->mutable_roles() = request->roles();
    return {};
  }
  grpc::Status LinkUser(ServerContext*, const v1::LinkUserRequest* request,
                        v1::User* response) override {
    response->set_name(request->name());
    response->set_subject(request->subject());
    response->set_issuer(request->issuer().empty() ? "https://id.example" : request->issuer());
    response->add_groups("all hands");
    return {};
  }
  grpc::Status RevokeJoinKey(ServerContext*, const v1::RevokeJoinKeyRequest* request,
                             v1::JoinKey* response) override {
    removed_nodes = request->remove_nodes();
    response->set_id(request->id());
    response->add_nodes("web-1");
    response->add_nodes("web-2");
    return {};
  }
  grpc::Status ListAuditEvents(ServerContext*, const v1::ListAuditEventsRequest* request,
                               v1::ListAuditEventsResponse* response) override {
    filter = request->filter();
    const std::uint64_t newest = request->page_token().empty() ? 7 : 5;
    const auto size = std::min<std::uint64_t>(request->page_size(), 2);
    for (std::uint64_t id = newest; id > newest - size; --id) *response->add_events() = event(id);
    if (newest == 7 && request->page_size() > 1) response->set_next_page_token("after-6");
    return {};
  }
  grpc::Status WatchEvents(ServerContext*, const v1::WatchEventsRequest* request,
                           grpc::ServerWriter<v1::AuditEvent>* writer) override {
    after = request->after_id();
    writer->Write(event(8));
    writer->Write(event(9));
    return {};
  }
  static v1::Token token() {
    v1::Token token;
    token.set_id(3);
    token.set_user_name("ada");
    token.set_role("auditor");
    token.set_scope("read");
    token.set_expires_at(kTestNow + 7 * 86'400);
    token.set_hint("x7Qc2g");
    return token;
  }
  static v1::AuditEvent event(std::uint64_t id) {
    v1::AuditEvent event;
    event.set_id(id);
    event.set_at(kTestNow);
    event.set_actor("user ada, token 3");
    event.set_action("key.create");
    event.set_subject("join key " + std::to_string(id));
    event.set_detail("for user \x1b[31mbob");
    event.set_from("192.0.2.7:41000");
    return event;
  }
  v1::CreateTokenRequest asked;
  v1::AuditFilter filter;
  std::uint64_t after = 0;
  bool removed_nodes = false;
};

using Audited = ServedNetwork<AuditedServer>;

TEST_F(Audited, a_new_token_is_shown_once_with_what_it_may) {
  ASSERT_EQ(terminal.run({"token", "create", "--user", "ada", "--role", "auditor", "--scope",
                          "read", "--expires", "7d", "--comment", "the dashboard"}),
            0)
      << terminal.err.str();
  EXPECT_EQ(service.asked.user_name(), "ada");
  EXPECT_EQ(service.asked.role(), "auditor");
  EXPECT_EQ(service.asked.scope(), "read");
  EXPECT_EQ(service.asked.lifetime_seconds(), 7 * 86'400);
  EXPECT_EQ(service.asked.comment(), "the dashboard");
  EXPECT_EQ(terminal.out.str(),
            "Token 3 for ada: role auditor, scope read, expires in 7 days. It is shown only now:\n"
            "\n"
            "  ma-secret\n"
            "\n"
            "Put it into a file and name that with --token-file, or into KERNMESH_TOKEN.\n");
  ASSERT_EQ(terminal.run({"token", "create", "--user", "ada", "--json"}), 0);
  EXPECT_EQ(terminal.json()["secret"], "ma-secret");
  EXPECT_EQ(service.asked.lifetime_seconds(), 30 * 86'400);
}

TEST_F(Audited, user_is_linked_to_an_account) {
  ASSERT_EQ(terminal.run({"user", "link", "ada", "4711"}), 0) << terminal.err.str();
  EXPECT_EQ(terminal.out.str(), "User ada is account 4711 of https://id.example.\n");
  ASSERT_EQ(
      terminal.run({"user", "link", "ada", "4711", "--issuer", "https://b.example", "--json"}), 0);
  const auto user = terminal.json()["user"];
  EXPECT_EQ(user["subject"], "4711");
  EXPECT_EQ(user["issuer"], "https://b.example");
  EXPECT_EQ(user["groups"][0], "all hands");
}

TEST_F(Audited, a_list_has_the_entries_of_every_page) {
  ASSERT_EQ(terminal.run({"token", "list", "--json"}), 0) << terminal.err.str();
  const auto tokens = terminal.json()["tokens"];
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[0]["id"], 3);
  EXPECT_EQ(tokens[1]["id"], 4);
  EXPECT_EQ(tokens[0]["state"], "valid");
  EXPECT_TRUE(tokens[0]["last_used_at"].is_null());
}

TEST_F(Audited, a_refusal_says_how_to_learn_what_the_token_may) {
  EXPECT_EQ(terminal.run({"token", "revoke", "3"}), 1);
  EXPECT_NE(terminal.err.str().find("above yours"), std::string::npos) << terminal.err.str();
  EXPECT_NE(terminal.err.str().find("meshadm whoami"), std::string::npos) << terminal.err.str();
  ASSERT_EQ(terminal.run({"whoami"}), 0);
  EXPECT_EQ(terminal.out.str(), "user ada, token 3: role auditor, scope read, expires in 24 h\n");
}

TEST_F(Audited, roles_are_given_whole_and_taken_by_naming_none) {
  ASSERT_EQ(terminal.run({"user", "roles", "ada", "admin", "it-admin"}), 0) << terminal.err.str();
  EXPECT_EQ(terminal.out.str(), "User ada has admin, it-admin.\n");
  ASSERT_EQ(terminal.run({"user", "roles", "ada"}), 0);
  EXPECT_EQ(terminal.out.str(), "User ada has no roles.\n");
}

TEST_F(Audited, revoking_a_key_offers_to_remove_its_nodes_and_asks_before_it_does) {
  ASSERT_EQ(terminal.run({"key", "revoke", "5"}), 0);
  EXPECT_FALSE(service.removed_nodes);
  EXPECT_EQ(terminal.out.str(),
            "Revoked key 5; what had joined with it stays: web-1, web-2. Remove it with `meshadm "
            "key revoke 5 --remove-nodes`.\n");
  terminal.in_is_tty = true;
  EXPECT_EQ(terminal.run({"key", "revoke", "5", "--remove-nodes"}, "n\n"), 1);
  EXPECT_FALSE(service.removed_nodes);
  EXPECT_EQ(terminal.run({"key", "revoke", "5", "--remove-nodes", "--yes"}), 0);
  EXPECT_TRUE(service.removed_nodes);
  EXPECT_EQ(terminal.out.str(),
            "Revoked key 5 and removed what had joined with it: web-1, web-2.\n");
}

TEST_F(Audited, the_log_is_shown_oldest_first_and_steers_no_terminal) {
  ASSERT_EQ(terminal.run({"audit", "--last", "3", "--actor", "user ada", "--action", "key"}), 0)
      << terminal.err.str();
  EXPECT_EQ(service.filter.actor(), "user ada");
  EXPECT_EQ(service.filter.action(), "key");
  const std::string text = terminal.out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4) << text;
  EXPECT_LT(text.find("join key 5"), text.find("join key 7")) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  ASSERT_EQ(terminal.run({"audit", "--since", "7d", "--json"}), 0);
  EXPECT_EQ(service.filter.since(), kTestNow - 7 * 86'400);
  ASSERT_EQ(terminal.json()["events"].size(), 4u);
  EXPECT_EQ(terminal.json()["events"][0]["id"], 4);
  EXPECT_EQ(terminal.json()["events"][0]["from"], "192.0.2.7:41000");
}

TEST_F(Audited, following_begins_with_the_last_and_goes_on_behind_the_newest) {
  ASSERT_EQ(terminal.run({"audit", "--follow", "--json"}), 0) << terminal.err.str();
  EXPECT_EQ(service.after, 7u);
  std::istringstream lines(terminal.out.str());
  std::vector<int> ids;
  for (std::string line; std::getline(lines, line);) ids.push_back(Json::parse(line)["id"]);
  EXPECT_EQ(ids, (std::vector<int>{4, 5, 6, 7, 8, 9}));
}

TEST_F(Audited, following_begins_where_it_is_told_to) {
  const auto first_of = [this](const std::vector<std::string>& words) -> int {
    std::vector<std::string> all{"audit", "--follow", "--json"};
    all.insert(all.end(), words.begin(), words.end());
    EXPECT_EQ(terminal.run(all), 0) << terminal.err.str();
    std::istringstream lines(terminal.out.str());
    std::string line;
    std::getline(lines, line);
    return Json::parse(line)["id"];
  };
  EXPECT_EQ(first_of({"--last", "2"}), 6);
  EXPECT_EQ(first_of({"--last", "3"}), 5);
  EXPECT_EQ(first_of({"--since", "7d"}), 4) << "all since then";
}

}  // namespace
}  // namespace kernmesh::adm
