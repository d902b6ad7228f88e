// SPDX-License-Identifier: Apache-2.0
// `meshadm up` against an agent in the same process, which says what a test wants it to say.
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <functional>

#include "controller/core/topology/registration.h"
#include "controller/rpc/status.h"
#include "mesh/v1/local.grpc.pb.h"
#include "tests/unit/meshadm/in_process.h"

namespace kernmesh::adm {
namespace {

using grpc::ServerContext;
namespace v1 = mesh::v1;

const char* const kUrl = "https://signin.example/node?code=BCDF-GHJK-LMNP";

class InvitingAgent : public v1::Local::Service {
 public:
  using Writer = grpc::ServerWriter<v1::SignInResponse>;
  grpc::Status Up(ServerContext*, const v1::UpRequest* request, v1::UpResponse* response) override {
    asked = *request;
    *response = answer();
    return {};
  }
  grpc::Status SignIn(ServerContext* context, const v1::UpRequest* request,
                      Writer* writer) override {
    asked = *request;
    return says(*context, *writer);
  }

  grpc::Status Status(ServerContext*, const v1::StatusRequest*,
                      v1::StatusResponse* response) override {
    response->set_state(--pending_answers > 0 ? v1::RUN_STATE_PENDING : v1::RUN_STATE_UP);
    response->set_server("vpn.example:8443");
    return {};
  }

  static v1::UpResponse answer() {
    v1::UpResponse response;
    response.mutable_self()->set_name("web-1");
    response.mutable_self()->set_user_name("ann@example.org");
    response.mutable_self()->add_addresses(std::string("\x64\x40\x00\x02", 4));
    response.set_peer_count(2);
    response.set_elapsed_ms(420);
    return response;
  }
  static void invite(Writer& writer) {
    v1::SignInResponse said;
    said.mutable_invitation()->set_url(kUrl);
    said.mutable_invitation()->set_user_code("BCDF-GHJK-LMNP");
    said.mutable_invitation()->set_lifetime_s(600);
    writer.Write(said);
  }
  static grpc::Status come_up(Writer& writer) {
    v1::SignInResponse said;
    *said.mutable_up() = answer();
    writer.Write(said);
    return {};
  }

  int pending_answers = 0;  // the node awaits approval for so many questions
  v1::UpRequest asked;
  std::function<grpc::Status(ServerContext&, Writer&)> says = [](ServerContext&, Writer& writer) {
    return come_up(writer);
  };
};

class UpCommand : public testing::Test {
 protected:
  UpCommand() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + terminal.path("agent.sock"),
                             grpc::InsecureServerCredentials());
    builder.RegisterService(&agent);
    server = builder.BuildAndStart();
    terminal.environment["KERNMESH_SOCKET"] = terminal.path("agent.sock");
  }
  void answer_with_an_invitation() {
    agent.says = [](ServerContext&, InvitingAgent::Writer& writer) {
      InvitingAgent::invite(writer);
      return InvitingAgent::come_up(writer);
    };
  }
  // As an agent answers after it has invited.
  void end_with(ErrorCode code, const std::string& reason) {
    agent.says = [code, reason](ServerContext&, InvitingAgent::Writer& writer) {
      InvitingAgent::invite(writer);
      return rpc::to_grpc(Error(code, reason));
    };
  }
  Terminal terminal;
  InvitingAgent agent;
  std::unique_ptr<grpc::Server> server;
};

const char* const kInvitation =
    "To sign this machine in, open\n"
    "  https://signin.example/node?code=BCDF-GHJK-LMNP\n"
    "within 10 minutes, where you see or type the code BCDF-GHJK-LMNP.\n";

TEST_F(UpCommand, fills_in_the_port_and_reports_the_node) {
  EXPECT_EQ(terminal.run({"up", "--server", "vpn.example", "--hostname", "web-1"}), 0);
  EXPECT_EQ(agent.asked.server(), "vpn.example:8443");
  EXPECT_EQ(agent.asked.hostname(), "web-1");
  EXPECT_FALSE(agent.asked.sign_in());
  EXPECT_EQ(terminal.out.str(), "web-1 is up as 100.64.0.2 after 0.42 s, with 2 peers.\n");
  EXPECT_EQ(terminal.err.str(), "");
}

TEST_F(UpCommand, says_who_must_approve_and_goes_on_by_itself_at_a_terminal) {
  agent.says = [](ServerContext&, InvitingAgent::Writer& writer) {
    v1::SignInResponse said;
    *said.mutable_up() = InvitingAgent::answer();
    said.mutable_up()->mutable_self()->set_awaits_approval(true);
    writer.Write(said);
    return grpc::Status();
  };
  ASSERT_EQ(terminal.run({"up"}), 0) << "a script does not wait";
  EXPECT_EQ(terminal.out.str(),
            "web-1 has joined as 100.64.0.2 and awaits approval.\n"
            "An administrator lets it in with `meshadm node approve web-1`; it goes on by itself "
            "then.\n");
  ASSERT_EQ(terminal.run({"up", "--json"}), 0);
  EXPECT_EQ(terminal.json()["state"], "pending");
  terminal.out_is_tty = true;
  agent.pending_answers = 2;
  ASSERT_EQ(terminal.run({"up"}), 0);
  EXPECT_EQ(agent.pending_answers, 0);
  EXPECT_NE(terminal.out.str().find("awaits approval"), std::string::npos);
  EXPECT_NE(terminal.out.str().find("vpn.example:8443"), std::string::npos) << terminal.out.str();
}

TEST_F(UpCommand, asks_for_no_person_when_there_is_a_key) {
  topology::Ticket ticket;
  const std::string key = to_string(ticket);
  agent.says = [](ServerContext&, InvitingAgent::Writer&) {
    return grpc::Status(grpc::StatusCode::INTERNAL, "not asked for");
  };
  EXPECT_EQ(terminal.run({"up", "--server", "vpn.example", "--key", key}), 0) << terminal.err.str();
  EXPECT_EQ(agent.asked.join_key(), key);
}

TEST_F(UpCommand, shows_where_to_sign_in_and_goes_on_by_itself) {
  answer_with_an_invitation();
  EXPECT_EQ(terminal.run({"up", "--server", "vpn.example", "--sign-in"}), 0) << terminal.err.str();
  EXPECT_TRUE(agent.asked.sign_in());
  EXPECT_EQ(terminal.out.str(), std::string(kInvitation) +
                                    "Signed in as ann@example.org.\n"
                                    "web-1 is up as 100.64.0.2 after 0.42 s, with 2 peers.\n");
  EXPECT_EQ(terminal.err.str(), "Waiting until somebody has signed in there; Ctrl-C gives up.\n");
}

TEST_F(UpCommand, shows_a_qr_code_to_a_person_at_a_terminal) {
  answer_with_an_invitation();
  terminal.out_is_tty = true;
  terminal.environment["TERM"] = "xterm";
  terminal.environment["NO_COLOR"] = "1";
  EXPECT_EQ(terminal.run({"up", "--server", "vpn.example"}), 0);
  EXPECT_NE(terminal.out.str().find("█"), std::string::npos);
  EXPECT_LT(terminal.out.str().find(kUrl), terminal.out.str().find("█"));
  terminal.environment["TERM"] = "dumb";
  EXPECT_EQ(terminal.run({"up", "--server", "vpn.example"}), 0);
  EXPECT_EQ(terminal.out.str().find("█"), std::string::npos);
}

TEST_F(UpCommand, is_an_object_a_line_in_json) {
  answer_with_an_invitation();
  terminal.out_is_tty = true;
  terminal.environment["TERM"] = "xterm";
  EXPECT_EQ(terminal.run({"up", "--server", "vpn.example", "--json"}), 0);
  std::istringstream lines(terminal.out.str());
  std::string first, second, none;
  ASSERT_TRUE(std::getline(lines, first) && std::getline(lines, second)) << terminal.out.str();
  EXPECT_FALSE(std::getline(lines, none));
  EXPECT_EQ(Json::parse(first),
            (Json{{"sign_in", {{"url", kUrl}, {"code", "BCDF-GHJK-LMNP"}, {"lifetime_s", 600}}}}));
  EXPECT_EQ(Json::parse(second)["node"]["user"], "ann@example.org");
  EXPECT_EQ(terminal.err.str(), "");
}

TEST_F(UpCommand, says_that_a_link_is_new_when_the_server_has_started_again) {
  agent.says = [](ServerContext&, InvitingAgent::Writer& writer) {
    InvitingAgent::invite(writer);
    InvitingAgent::invite(writer);
    return InvitingAgent::come_up(writer);
  };
  EXPECT_EQ(terminal.run({"up", "--server", "vpn.example"}), 0);
  EXPECT_NE(terminal.err.str().find("The server has started again"), std::string::npos);
}

TEST_F(UpCommand, says_why_nothing_came_of_it) {
  const std::pair<ErrorCode, const char*> ends[] = {
      {ErrorCode::kPermissionDenied, "you are in none of the groups that this network takes"},
      {ErrorCode::kExpired, "nobody signed in in time"},
      {ErrorCode::kUnavailable, "the identity provider cannot be reached now"},
      {ErrorCode::kUnsupported, "this server signs nobody in: join with a join key"}};
  for (const auto& [code, reason] : ends) {
    end_with(code, reason);
    EXPECT_EQ(terminal.run({"up", "--server", "vpn.example"}), 1);
    EXPECT_NE(terminal.err.str().find(std::string("bring the mesh up with vpn.example:8443: ") +
                                      reason + "\n"),
              std::string::npos)
        << terminal.err.str();
  }
}

// What a call comes to that Ctrl-C has ended.
TEST_F(UpCommand, given_up_is_said_to_have_changed_nothing) {
  agent.says = [](ServerContext&, InvitingAgent::Writer& writer) {
    InvitingAgent::invite(writer);
    return grpc::Status::CANCELLED;
  };
  EXPECT_EQ(terminal.run({"up", "--server", "vpn.example", "--json"}), 1);
  EXPECT_EQ(terminal.error()["code"], "conflict");
  EXPECT_NE(terminal.error()["message"].get<std::string>().find("as it was before"),
            std::string::npos);
}

}  // namespace
}  // namespace kernmesh::adm
