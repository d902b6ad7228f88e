// SPDX-License-Identifier: Apache-2.0
// acl, drops and flows against an agent in the same process. What it says is made up here.
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "mesh/v1/local.grpc.pb.h"
#include "tests/unit/meshadm/in_process.h"
#include "tools/meshadm/packet_question.h"

namespace kernmesh::adm {
namespace {

using grpc::ServerContext;
namespace v1 = mesh::v1;
using v1::AclExplainResponse;
const std::string kHere("\x64\x40\x00\x01", 4);     // 100.64.0.1
const std::string kAlice("\x64\x40\x00\x02", 4);    // 100.64.0.2
constexpr std::int64_t kNowMs = 1'795'239'630'123;  // 2026-11-21T05:40:30.123Z

v1::AclRule rule_of(std::uint32_t line, const std::string& source, const std::string& service) {
  v1::AclRule rule;
  rule.set_id(line);
  rule.set_line(line);
  rule.set_policy_revision(3);
  rule.set_packets(7);
  rule.set_bytes(1'229);
  rule.add_sources(source);
  rule.set_source_count(1);
  rule.add_destinations("this node");
  rule.add_services(service);
  return rule;
}

v1::AclEvent denial() {
  v1::AclEvent event;
  event.set_time_ms(kNowMs);
  event.set_direction(v1::AclEvent::DIRECTION_IN);
  event.set_reason("in_denied");
  event.set_meaning("dropped: no rule admits it");
  event.set_source(kAlice);
  event.set_source_port(51'000);
  event.set_destination(kHere);
  event.set_destination_port(22);
  event.set_protocol(6);
  event.set_peer_name("laptop");
  event.set_peer_user("alice");
  event.set_tcp_flags(2);
  return event;
}

class AgentWithRules : public v1::Local::Service {
 public:
  grpc::Status AclShow(ServerContext*, const v1::AclShowRequest*,
                       v1::AclShowResponse* response) override {
    *response = rules;
    return {};
  }
  grpc::Status AclExplain(ServerContext*, const v1::AclExplainRequest* request,
                          AclExplainResponse* response) override {
    asked = *request;
    *response = answer;
    return {};
  }
  grpc::Status AclStats(ServerContext*, const v1::AclStatsRequest*,
                        v1::AclStatsResponse* response) override {
    *response = stats;
    return {};
  }
  grpc::Status Drops(ServerContext*, const v1::DropsRequest* request,
                     grpc::ServerWriter<v1::AclEvent>* writer) override {
    asked_drops = *request;
    for (const auto& event : events) writer->Write(event);
    return {};
  }
  grpc::Status Flows(ServerContext*, const v1::FlowsRequest* request,
                     grpc::ServerWriter<v1::FlowsResponse>* writer) override {
    v1::FlowsResponse item;
    auto& flow = *item.mutable_flow();
    flow.set_opener(v1::AclFlow::OPENER_PEER);
    flow.set_state(v1::AclFlow::STATE_REPLIED);
    flow.set_protocol(17);
    flow.set_local(kHere);
    flow.set_local_port(40'000);
    flow.set_remote(kAlice);
    flow.set_remote_port(53);
    flow.set_peer_name("laptop");
    flow.set_peer_user("alice");
    flow.set_rule_line(12);
    flow.set_policy_revision(3);
    flow.set_age_s(90);
    flow.set_idle_s(2);
    writer->Write(item);
    if (!request->follow()) return {};
    *item.mutable_event() = denial();
    item.mutable_event()->set_meaning("admitted by a rule");
    item.mutable_event()->set_rule_id(1);
    item.mutable_event()->set_rule_line(12);
    item.mutable_event()->set_policy_revision(3);
    writer->Write(item);
    return {};
  }
  v1::AclShowResponse rules;
  AclExplainResponse answer;
  v1::AclExplainRequest asked;
  v1::AclStatsResponse stats;
  v1::DropsRequest asked_drops;
  std::vector<v1::AclEvent> events;
};

class Acl : public testing::Test {
 protected:
  Acl() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + terminal.path("agent.sock"),
                             grpc::InsecureServerCredentials());
    builder.RegisterService(&agent);
    server = builder.BuildAndStart();
    terminal.environment["KERNMESH_SOCKET"] = terminal.path("agent.sock");
    agent.answer.set_source(kAlice);
    agent.answer.set_destination(kHere);
    agent.answer.set_source_name("laptop");
    agent.answer.set_source_user("alice");
  }
  ~Acl() override { server->Shutdown(std::chrono::system_clock::now()); }

  Terminal terminal;
  AgentWithRules agent;
  std::unique_ptr<grpc::Server> server;
};

TEST_F(Acl, show_is_a_table_by_line) {
  agent.rules.set_generation(5);
  *agent.rules.add_rules() = rule_of(7, "laptop", "tcp/80");
  auto& crowded = *agent.rules.add_rules();
  crowded = rule_of(12, "web-1", "tcp/443");
  for (const char* name : {"web-2", "web-3", "web-4", "web-5"}) crowded.add_sources(name);
  crowded.set_source_count(9'000);
  ASSERT_EQ(terminal.run({"acl", "show"}), 0) << terminal.err.str();
  EXPECT_EQ(terminal.out.str(),
            "LINE  SOURCES                                   DESTINATIONS  SERVICES  PACKETS    "
            "BYTES\n"
            "   7  laptop                                    this node     tcp/80          7  1.2 "
            "KiB\n"
            "  12  web-1, web-2, web-3, web-4 and 8996 more  this node     tcp/443         7  1.2 "
            "KiB\n");
  ASSERT_EQ(terminal.run({"acl", "show", "--json"}), 0);
  EXPECT_EQ(terminal.json()["rules"][1]["source_count"], 9'000);
  EXPECT_EQ(terminal.json()["rules"][0]["services"][0], "tcp/80");
}

TEST_F(Acl, a_missing_policy_is_said_plainly) {
  ASSERT_EQ(terminal.run({"acl", "show"}), 0);
  EXPECT_NE(terminal.out.str().find("There is no policy in force"), std::string::npos);
  ASSERT_EQ(terminal.run({"acl", "stats"}), 0);
  EXPECT_NE(terminal.out.str().find("There is no policy in force"), std::string::npos);
  agent.answer.set_outcome(AclExplainResponse::OUTCOME_NO_POLICY);
  EXPECT_EQ(terminal.run({"acl", "explain", "laptop", ":22"}), 1);
  EXPECT_NE(terminal.out.str().find("There is no policy in force"), std::string::npos);
}

TEST_F(Acl, explain_names_the_rule_that_allows_and_ends_with_0) {
  agent.answer.set_outcome(AclExplainResponse::OUTCOME_ALLOWED);
  *agent.answer.mutable_rule() = rule_of(12, "laptop", "tcp/443");
  ASSERT_EQ(terminal.run({"acl", "explain", "laptop", ":443"}), 0) << terminal.err.str();
  EXPECT_EQ(terminal.out.str(),
            "laptop (100.64.0.2, alice) -> 100.64.0.1 tcp/443: allowed by line 12 of policy "
            "revision 3: laptop -> this node tcp/443\n");
  EXPECT_EQ(agent.asked.source(), "laptop");
  EXPECT_EQ(agent.asked.destination(), "");
  EXPECT_EQ(agent.asked.port(), 443u);
  EXPECT_EQ(agent.asked.protocol(), 6u);
}

TEST_F(Acl, explain_of_a_denial_names_what_comes_near_and_ends_with_1) {
  agent.answer.set_outcome(AclExplainResponse::OUTCOME_DENIED);
  *agent.answer.add_from_source() = rule_of(12, "laptop", "tcp/443");
  *agent.answer.add_to_destination() = rule_of(7, "db-2", "tcp/80");
  EXPECT_EQ(terminal.run({"acl", "explain", "laptop", "80"}), 1);
  EXPECT_EQ(terminal.out.str(),
            "laptop (100.64.0.2, alice) -> 100.64.0.1 tcp/80: denied: no rule admits it\n"
            "  line 12 of policy revision 3 lets the source use tcp/443 at this node\n"
            "  line 7 of policy revision 3 opens it there, but not for this source: for db-2\n");
  EXPECT_EQ(terminal.run({"acl", "explain", "laptop", "80", "--json"}), 1);
  EXPECT_EQ(terminal.json()["outcome"], "denied");
  EXPECT_TRUE(terminal.json()["rule"].is_null());
  EXPECT_EQ(terminal.json()["to_destination"][0]["line"], 7);
}

TEST_F(Acl, stats_show_only_what_was_counted) {
  agent.stats.set_generation(5);
  agent.stats.set_rules(2);
  agent.stats.set_image_bytes(2048);
  agent.stats.mutable_version()->set_epoch(1);
  agent.stats.mutable_version()->set_revision(42);
  agent.stats.set_max_flows(65'536);
  for (const auto& [label, packets] : {std::pair("in_allowed", 3u), std::pair("in_stale", 0u)}) {
    auto& counter = *agent.stats.add_counters();
    counter.set_label(label);
    counter.set_meaning("what it means");
    counter.set_packets(packets);
  }
  ASSERT_EQ(terminal.run({"acl", "stats"}), 0);
  EXPECT_EQ(terminal.out.str(),
            "rules   2, in an image of 2.0 KiB made from netmap 1.42\n"
            "flows   0 opened by this node, 0 by peers, room for 65536 of each\n"
            "\n"
            "PACKETS  REASON      MEANING\n"
            "      3  in_allowed  what it means\n");
  ASSERT_EQ(terminal.run({"acl", "stats", "--json"}), 0);
  EXPECT_EQ(terminal.json()["counters"].size(), 2u);
}

TEST_F(Acl, drops_are_a_table_or_a_line_each) {
  agent.events = {denial()};
  ASSERT_EQ(terminal.run({"drops", "--last", "5"}), 0) << terminal.err.str();
  EXPECT_EQ(agent.asked_drops.last(), 5u);
  EXPECT_EQ(terminal.out.str(),
            "TIME                      WAY  PROTOCOL  SOURCE            DESTINATION    PEER        "
            "    REASON\n"
            "2026-11-21T05:40:30.123Z  in   tcp       100.64.0.2:51000  100.64.0.1:22  laptop "
            "(alice)  in_denied: dropped: no rule admits it\n");
  agent.events[0].set_lost(4);
  ASSERT_EQ(terminal.run({"drops", "--follow"}), 0);
  EXPECT_TRUE(agent.asked_drops.follow());
  EXPECT_EQ(terminal.out.str(),
            "(4 before this one were lost: too many)\n"
            "2026-11-21T05:40:30.123Z in tcp 100.64.0.2:51000 -> 100.64.0.1:22 laptop (alice): "
            "dropped: no rule admits it\n");
  agent.events.push_back(denial());
  ASSERT_EQ(terminal.run({"drops", "--follow", "--json"}), 0);
  const std::string text = terminal.out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << "an object a line";
  EXPECT_NE(text.find(R"("lost":4)"), std::string::npos) << text;
}

TEST_F(Acl, no_drops_are_a_sentence) {
  ASSERT_EQ(terminal.run({"drops"}), 0);
  EXPECT_EQ(terminal.out.str(), "No packet was dropped since the agent began.\n");
  ASSERT_EQ(terminal.run({"drops", "--json"}), 0);
  EXPECT_TRUE(terminal.json()["drops"].empty());
}

TEST_F(Acl, flows_are_a_table_and_followed_a_line_each) {
  ASSERT_EQ(terminal.run({"flows"}), 0) << terminal.err.str();
  EXPECT_EQ(terminal.out.str(),
            "OPENED BY  PROTOCOL  HERE              THERE          PEER            RULE     STATE"
            "      AGE  QUIET FOR\n"
            "the peer   udp       100.64.0.1:40000  100.64.0.2:53  laptop (alice)  line 12  replied"
            "  1 min        2 s\n");
  ASSERT_EQ(terminal.run({"flows", "--follow"}), 0);
  EXPECT_EQ(terminal.out.str(),
            "remembered in udp 100.64.0.2:53 -> 100.64.0.1:40000 laptop (alice): replied, began 1 "
            "min ago, quiet for 2 s, line 12 of policy revision 3\n"
            "2026-11-21T05:40:30.123Z in tcp 100.64.0.2:51000 -> 100.64.0.1:22 laptop (alice): "
            "admitted by a rule, line 12 of policy revision 3\n");
}

TEST(Question, a_port_alone_is_about_this_node) {
  struct Case {
    const char* text;
    const char* destination;
    std::uint16_t port;
    std::uint8_t protocol;
  };
  for (const Case& one :
       {Case{"443", "", 443, 6}, Case{":443", "", 443, 6}, Case{"53/udp", "", 53, 17},
        Case{":0/icmp", "", 0, 1}, Case{"web-1:22", "web-1", 22, 6},
        Case{"[fd7a::1]:53/udp", "fd7a::1", 53, 17}}) {
    const auto question = read_question_here(one.text);
    ASSERT_TRUE(question) << one.text;
    EXPECT_EQ(question->destination, one.destination);
    EXPECT_EQ(question->port, one.port);
    EXPECT_EQ(question->protocol, one.protocol);
  }
  for (const char* wrong : {"", ":", "ssh", "0", "65536", "22/nonsense", "web-1", "/udp"})
    EXPECT_FALSE(read_question_here(wrong)) << wrong;
}

}  // namespace
}  // namespace kernmesh::adm
