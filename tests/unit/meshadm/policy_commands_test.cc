// SPDX-License-Identifier: Apache-2.0
// The policy verbs against files, and against a server that keeps its policies in a list.
#include <gtest/gtest.h>

#include "controller/rpc/status.h"
#include "tests/unit/meshadm/served_network.h"

namespace kernmesh::adm {
namespace {

using grpc::ServerContext;
namespace v1 = mesh::v1;

constexpr const char* kNetwork = R"({
 "tailnet": {"domains": ["example.com"]},
 "users": [{"name": "ada", "email": "ada@example.com", "groups": ["all hands"]},
           {"name": "bob"}],
 "nodes": [{"name": "ada-1", "user": "ada", "ipv4": "100.64.0.1"},
           {"name": "web-1", "tags": ["tag:web"], "ipv4": "100.64.0.2"}]})";

// ada reaches that port of tag:web; a test of the policy says that it is not 22.
std::string policy_with_port(const std::string& port) {
  return "{\n\"tagOwners\": {\"tag:web\": []},\n"
         "\"acls\": [{\"action\": \"accept\", \"src\": [\"ada@example.com\"],\n"
         "  \"dst\": [\"tag:web:" +
         port +
         "\"]}],\n"
         "\"tests\": [{\"src\": \"ada@example.com\", \"deny\": [\"tag:web:22\"]}]}\n";
}

class PolicyFile : public testing::Test {
 protected:
  int check(const std::string& text, std::vector<std::string> more = {}) {
    std::vector<std::string> words{"policy", "check", terminal.write("p.hujson", text),
                                   "--inventory", terminal.write("n.json", kNetwork)};
    words.insert(words.end(), more.begin(), more.end());
    return terminal.run(words);
  }
  Terminal terminal;
};

TEST_F(PolicyFile, that_is_right_is_counted) {
  EXPECT_EQ(check(policy_with_port("443")), 0) << terminal.err.str();
  EXPECT_EQ(terminal.out.str(), "OK: 1 rule, 1 test holds\n");
}

TEST_F(PolicyFile, is_judged_with_the_groups_of_the_identity_provider) {
  const auto policy = [](const std::string& group) {
    return R"({"groups": {"group:dev": [")" + group + R"("]}, "tagOwners": {"tag:web": []},
      "acls": [{"action": "accept", "src": ["group:dev"], "dst": ["tag:web:443"]}],
      "tests": [{"src": "ada@example.com", "accept": ["tag:web:443"]}]})";
  };
  EXPECT_EQ(check(policy("oidc:all hands")), 0) << terminal.out.str();
  EXPECT_EQ(check(policy("oidc:All hands")), 1);
}

TEST_F(PolicyFile, that_is_wrong_is_shown_with_a_caret_under_each_fault) {
  EXPECT_EQ(check("{\"acls\": [\n\t{\"action\": \"accept\", \"src\": [\"ä\", \"group:dev\"],\n"
                  "   \"dst\": [\"*:0\"]}], \"derpMap\": {}}"),
            1);
  const std::string shown = terminal.out.str();
  for (const char* expected :
       {"p.hujson:2:36: error: the group \"group:dev\" is not defined",
        "    2 |  {\"action\": \"accept\", \"src\": [\"ä\", \"group:dev\"],\n"
        "      |                                    ^\n",
        "p.hujson:3:12: error: in \"*:0\"", "p.hujson:3:22: warning: \"derpMap\"",
        "errors, 1 warning\n"}) {
    EXPECT_NE(shown.find(expected), std::string::npos) << expected << "\n" << shown;
  }
}

TEST_F(PolicyFile, on_one_long_line_is_shown_around_the_fault) {
  const std::string spaces(500, ' ');
  EXPECT_EQ(check("{" + spaces + "\"acl\": []" + spaces + "}"), 1);
  EXPECT_NE(terminal.out.str().find("…"), std::string::npos);
  std::istringstream lines(terminal.out.str());
  std::string finding, text, caret;
  std::getline(lines, finding);
  std::getline(lines, text);
  std::getline(lines, caret);
  EXPECT_LT(text.size(), 120U);
  // The ellipsis has three bytes and one column.
  EXPECT_EQ(text.find("\"acl\""), caret.find('^') + 2) << text << "\n" << caret;
}

TEST_F(PolicyFile, that_fails_its_tests_is_refused_with_that_kind) {
  EXPECT_EQ(check(policy_with_port("22"), {"--json"}), 1);
  const auto json = terminal.json();
  EXPECT_EQ(json["accepted"], false);
  EXPECT_EQ(json["errors"], 1);
  EXPECT_EQ(json["findings"][0]["kind"], "tests");
  EXPECT_EQ(json["findings"][0]["line"], 5);
}

TEST_F(PolicyFile, that_cannot_be_read_is_an_error) {
  const std::string network = terminal.write("n.json", "[");
  EXPECT_EQ(terminal.run({"policy", "check", terminal.path("none"), "--inventory", network}), 1);
  EXPECT_NE(terminal.err.str().find("No such file"), std::string::npos);
  EXPECT_EQ(terminal.run({"policy", "check", "-", "--inventory", network}, "{}"), 1);
  EXPECT_NE(terminal.err.str().find("is not JSON"), std::string::npos);
}

class Keeper : public v1::Admin::Service {
 public:
  grpc::Status GetPolicy(ServerContext*, const v1::GetPolicyRequest* request,
                         v1::Policy* response) override {
    const std::size_t revision = request->revision() == 0 ? policies.size() : request->revision();
    if (revision == 0 || revision > policies.size()) {
      return rpc::to_grpc(Error(ErrorCode::kNotFound, "there is no such revision"));
    }
    *response = policies[revision - 1];
    return {};
  }
  grpc::Status SetPolicy(ServerContext*, grpc::ServerReader<v1::SetPolicyRequest>* reader,
                         v1::SetPolicyResponse* response) override {
    v1::SetPolicyRequest request, piece;
    reader->Read(&request);
    while (reader->Read(&piece)) request.mutable_text()->append(piece.text());
    if (request.expected_revision() != 0 && request.expected_revision() != policies.size()) {
      return rpc::to_grpc(Error(ErrorCode::kConflict, "another revision is in force"));
    }
    keep(request.text(), request.comment());
    *response->mutable_policy() = policies.back();
    response->mutable_version()->set_revision(9);
    return {};
  }
  grpc::Status ListPolicies(ServerContext*, const v1::ListPoliciesRequest*,
                            v1::ListPoliciesResponse* response) override {
    for (auto i = policies.rbegin(); i != policies.rend(); ++i) *response->add_policies() = *i;
    return {};
  }
  grpc::Status GetInventory(ServerContext*, const v1::GetInventoryRequest*,
                            v1::Inventory* response) override {
    auto& overlay = *response->add_overlay();
    overlay.set_address(std::string("\x64\x40\x00\x00", 4));
    overlay.set_length(10);
    auto& ada = *response->add_users();
    ada.set_id(1);
    ada.set_email("ada@example.com");
    for (std::uint64_t id : {1, 2}) {
      auto& node = *response->add_nodes();
      node.set_id(id);
      node.set_name(id == 1 ? "ada-1" : "web-1");
      node.add_addresses(std::string("\x64\x40\x00", 3) + static_cast<char>(id));
      if (id == 1) node.set_user_id(1);
      if (id == 2) node.add_tags("tag:web");
    }
    return {};
  }
  grpc::Status GetRollout(ServerContext*, const v1::GetRolloutRequest* request,
                          v1::GetRolloutResponse* response) override {
    asked_version = request->version().revision();
    if (failures-- > 0) return {failure, "try again"};
    response->set_current(1);
    auto& away = *response->add_laggards();
    away.set_node("away");
    if (lags-- <= 0) return {};
    auto& late = *response->add_laggards();
    late.set_node("late");
    late.set_online(true);
    return {};
  }
  grpc::Status TagNode(ServerContext*, const v1::TagNodeRequest* request,
                       v1::Node* response) override {
    response->set_name(request->node());
    *response->mutable_tags() = request->tags();
    return {};
  }
  grpc::Status CreateUser(ServerContext*, const v1::CreateUserRequest* request,
                          v1::User* response) override {
    response->set_name(request->name());
    response->set_email(request->email());
    *response->mutable_roles() = request->roles();
    return {};
  }
  void keep(const std::string& text, const std::string& comment) {
    v1::Policy policy;
    policy.set_revision(static_cast<std::uint32_t>(policies.size() + 1));
    policy.set_text(text);
    policy.set_comment(comment);
    policies.push_back(policy);
  }
  std::vector<v1::Policy> policies;
  std::uint64_t asked_version = 0;
  int lags = 0;      // answers with a laggard that is online
  int failures = 0;  // before the first answer
  grpc::StatusCode failure = grpc::StatusCode::UNAVAILABLE;
};

class PolicyAtServer : public ServedNetwork<Keeper> {
 protected:
  PolicyAtServer() { service.keep(policy_with_port("80"), "first"); }
};

TEST_F(PolicyAtServer, is_printed_byte_by_byte_or_written_to_a_file) {
  ASSERT_EQ(terminal.run({"policy", "get"}), 0) << terminal.err.str();
  EXPECT_EQ(terminal.out.str(), policy_with_port("80"));
  ASSERT_EQ(terminal.run({"policy", "get", "-o", terminal.path("out")}), 0);
  std::ostringstream written;
  written << std::ifstream(terminal.path("out")).rdbuf();
  EXPECT_EQ(written.str(), policy_with_port("80"));
  EXPECT_EQ(terminal.run({"policy", "get", "--revision", "7", "--json"}), 1);
  EXPECT_EQ(terminal.error()["code"], "not_found");
}

TEST_F(PolicyAtServer, is_set_with_what_it_changes_in_short) {
  const std::string file = terminal.write("p.hujson", policy_with_port("443"));
  ASSERT_EQ(terminal.run({"policy", "set", file, "--comment", "tls", "--expect", "1"}), 0)
      << terminal.err.str();
  EXPECT_EQ(terminal.out.str(),
            "Policy revision 2 is in force: 1 rule added, 1 rule removed, 2 nodes concerned.\n");
  EXPECT_EQ(service.policies.back().text(), policy_with_port("443"));
  EXPECT_EQ(service.policies.back().comment(), "tls");
  EXPECT_EQ(terminal.run({"policy", "set", file, "--expect", "1", "--json"}), 1);
  EXPECT_EQ(terminal.error()["code"], "conflict");
}

TEST_F(PolicyAtServer, stays_when_the_text_is_wrong) {
  EXPECT_EQ(terminal.run({"policy", "set", "-"}, policy_with_port("22")), 1);
  EXPECT_NE(terminal.out.str().find("<stdin>:5:"), std::string::npos) << terminal.out.str();
  EXPECT_NE(terminal.out.str().find("1 error; nothing was changed\n"), std::string::npos);
  EXPECT_EQ(service.policies.size(), 1U);
}

TEST_F(PolicyAtServer, is_waited_for_until_nobody_online_lacks_it) {
  service.lags = 2;
  EXPECT_EQ(terminal.run({"policy", "set", "-", "--wait"}, policy_with_port("443")), 0);
  EXPECT_EQ(service.asked_version, 9U);
  EXPECT_NE(terminal.out.str().find("1 node has it.\n"
                                    "Offline, given it when they come back: away\n"),
            std::string::npos)
      << terminal.out.str();
  service.lags = 1'000'000;
  EXPECT_EQ(terminal.run({"policy", "set", "-", "--wait", "--timeout", "1s", "--json"},
                         policy_with_port("443")),
            1);
  EXPECT_EQ(terminal.json()["rollout"]["complete"], false);
  EXPECT_EQ(terminal.json()["rollout"]["laggards"][1]["node"], "late");
}

TEST_F(PolicyAtServer, that_is_in_force_is_told_also_when_the_rollout_cannot_be) {
  service.failures = 2;
  EXPECT_EQ(terminal.run({"policy", "set", "-", "--wait", "--json"}, policy_with_port("443")), 0)
      << "a server that is gone for a moment: " << terminal.err.str();
  EXPECT_EQ(terminal.json()["rollout"]["complete"], true);
  service.failures = 1;
  service.failure = grpc::StatusCode::PERMISSION_DENIED;
  EXPECT_EQ(terminal.run({"policy", "set", "-", "--wait", "--json"}, policy_with_port("80")), 1);
  EXPECT_EQ(terminal.json()["policy"]["revision"], 3);
  EXPECT_TRUE(terminal.json()["rollout"].is_null());
  EXPECT_NE(terminal.err.str().find("the policy is in force"), std::string::npos);
}

TEST_F(PolicyAtServer, steers_no_terminal) {
  service.keep("{\n\t// \x1b[2J\n}\n", "");
  ASSERT_EQ(terminal.run({"policy", "get"}), 0);
  EXPECT_EQ(terminal.out.str(), "{\n\t// \x1b[2J\n}\n") << "a program gets what was set";
  terminal.out_is_tty = true;
  ASSERT_EQ(terminal.run({"policy", "get"}), 0);
  EXPECT_EQ(terminal.out.str(), "{\n\t// ?[2J\n}\n");
}

TEST_F(PolicyAtServer, goes_back_to_an_earlier_text_as_a_new_revision) {
  EXPECT_EQ(terminal.run({"policy", "revert"}), 1) << "there is none before the first";
  service.keep(policy_with_port("443"), "second");
  terminal.in_is_tty = true;
  EXPECT_EQ(terminal.run({"policy", "revert"}, "n\n"), 1);
  EXPECT_EQ(service.policies.size(), 2U);
  EXPECT_EQ(terminal.run({"policy", "revert", "--json"}, "y\n"), 1) << "nobody is asked in JSON";
  EXPECT_EQ(terminal.error()["code"], "conflict");
  EXPECT_EQ(service.policies.size(), 2U);
  EXPECT_EQ(terminal.run({"policy", "revert"}, "y\n"), 0) << terminal.err.str();
  ASSERT_EQ(service.policies.size(), 3U);
  EXPECT_EQ(service.policies.back().text(), policy_with_port("80"));
  EXPECT_EQ(service.policies.back().comment(), "revert to revision 1");
  EXPECT_EQ(terminal.run({"policy", "revert", "3", "--yes"}), 1) << "it is in force";
  ASSERT_EQ(terminal.run({"policy", "history"}), 0);
  EXPECT_NE(terminal.out.str().find("       3  -    -   revert to revision 1\n"), std::string::npos)
      << terminal.out.str();
}

TEST_F(PolicyAtServer, knows_nodes_by_tags_and_users_by_address_and_role) {
  ASSERT_EQ(terminal.run({"node", "tag", "web-1", "tag:web", "tag:db", "--json"}), 0);
  EXPECT_EQ(terminal.json()["node"]["tags"], (Json{"tag:web", "tag:db"}));
  ASSERT_EQ(terminal.run({"node", "tag", "web-1"}), 0) << terminal.err.str();
  EXPECT_EQ(terminal.out.str(), "Node web-1 has no tags; a policy knows it by its user.\n");
  ASSERT_EQ(terminal.run({"user", "create", "ada", "--email", "ada@example.com", "--role", "admin",
                          "--role", "auditor", "--json"}),
            0)
      << terminal.err.str();
  EXPECT_EQ(terminal.json()["user"]["email"], "ada@example.com");
  EXPECT_EQ(terminal.json()["user"]["roles"], (Json{"admin", "auditor"}));
}

}  // namespace
}  // namespace kernmesh::adm
