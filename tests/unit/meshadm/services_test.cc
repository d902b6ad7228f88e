// SPDX-License-Identifier: Apache-2.0
// Whole commands against services in the same process: the agent's on a unix socket, the server's
// behind TLS with an authority of its own. Values of both are made up here.
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "controller/rpc/status.h"
#include "mesh/v1/local.grpc.pb.h"
#include "tests/unit/meshadm/in_process.h"
#include "tests/unit/meshadm/served_network.h"

namespace kernmesh::adm {
namespace {

using grpc::ServerContext;
namespace v1 = mesh::v1;
const std::string kAddress("\x64\x40\x00\x02", 4);   // 100.64.0.2
const std::string kUnderlay("\xc6\x33\x64\x07", 4);  // 198.51.100.7
constexpr std::int64_t kNow = 1'795'239'630;         // Terminal's clock

class AgentWithServices : public v1::Local::Service {
 public:
  grpc::Status Status(ServerContext*, const v1::StatusRequest*,
                      v1::StatusResponse* response) override {
    *response = status;
    return {};
  }
  grpc::Status Ping(ServerContext*, const v1::PingRequest* request,
                    grpc::ServerWriter<v1::PingResponse>* writer) override {
    // Without a count: through the relay at first, straight from the third on.
    const bool relayed = request->count() == 0;
    for (std::uint32_t sequence = 1; sequence <= (relayed ? 5 : request->count()); ++sequence) {
      v1::PingResponse answer;
      answer.set_sequence(sequence);
      answer.set_peer_name("web-1");
      answer.set_peer_address(kAddress);
      answer.set_timed_out(request->target() == "deaf" || (sequence == 2 && !relayed));
      answer.set_path_kind(v1::PeerStatus::PATH_KIND_DIRECT);
      if (relayed && sequence < 3) {
        answer.set_path_kind(v1::PeerStatus::PATH_KIND_RELAY);
        answer.set_relay_name("fra1");
      }
      answer.mutable_path()->set_address(kUnderlay);
      answer.mutable_path()->set_port(41'000);
      answer.set_latency_us(1'800);
      writer->Write(answer);
    }
    return {};
  }
  grpc::Status Netcheck(ServerContext*, const v1::NetcheckRequest*,
                        v1::NetcheckResponse* response) override {
    if (udp_is_blocked) {
      response->set_home_relay("fra1");
      response->set_relays(2);
      for (const auto* name : {"fra1", "nyc1"}) {
        auto* relay = response->add_tls_relays();
        relay->set_relay_name(name);
        relay->mutable_endpoint()->set_address(kUnderlay);
        relay->mutable_endpoint()->set_port(443);
      }
      response->mutable_tls_relays(0)->set_connected(true);
      response->mutable_tls_relays(1)->set_problem("presents another certificate");
      return {};
    }
    response->set_udp(true);
    response->mutable_v4()->set_address(kUnderlay);
    response->mutable_v4()->set_port(54'321);
    response->set_mapping(v1::NetcheckResponse::MAPPING_SAME);
    response->set_home_relay("fra1");
    auto* mapped = response->mutable_port_mapping();
    mapped->set_protocol(v1::PortMapping::PROTOCOL_NAT_PMP);
    mapped->mutable_external()->set_address(kUnderlay);
    mapped->mutable_external()->set_port(41'641);
    response->set_relays(2);
    auto* latency = response->add_latencies();
    latency->set_relay_name("fra1");
    latency->set_latency_us(12'000);
    return {};
  }
  v1::StatusResponse status;
  bool udp_is_blocked = false;
};

class Node : public testing::Test {
 protected:
  Node() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + terminal.path("agent.sock"),
                             grpc::InsecureServerCredentials());
    builder.RegisterService(&agent);
    server = builder.BuildAndStart();
    terminal.environment["KERNMESH_SOCKET"] = terminal.path("agent.sock");
    agent.status.set_state(v1::RUN_STATE_UP);
    agent.status.mutable_self()->set_node_id(1);
    agent.status.mutable_self()->set_name("db-1");
    agent.status.mutable_self()->add_addresses(std::string("\x64\x40\x00\x01", 4));
    agent.status.set_server("vpn.example:8443");
    agent.status.set_server_connected(true);
    auto& peer = *agent.status.add_peers();
    peer.mutable_peer()->set_node_id(2);
    peer.mutable_peer()->set_name("web-1");
    peer.mutable_peer()->set_user_name("alice");
    peer.mutable_peer()->add_addresses(kAddress);
    peer.set_session_active(true);
    peer.set_path_kind(v1::PeerStatus::PATH_KIND_DIRECT);
    peer.mutable_path()->set_address(kUnderlay);
    peer.mutable_path()->set_port(41'000);
    peer.set_latency_us(1'800);
    peer.set_rx_bytes(1'229);
    peer.set_last_rx_age_ms(200);
  }
  ~Node() override { server->Shutdown(std::chrono::system_clock::now()); }

  Terminal terminal;
  AgentWithServices agent;
  std::unique_ptr<grpc::Server> server;
};

TEST_F(Node, status_is_a_sentence_and_a_table) {
  ASSERT_EQ(terminal.run({"status"}), 0) << terminal.err.str();
  EXPECT_EQ(terminal.out.str(),
            "db-1  100.64.0.1  up, connected to vpn.example:8443\n"
            "\n"
            "NAME   ADDRESS     USER   STATUS  PATH                       LATENCY       RX   TX  "
            "LAST SEEN\n"
            "web-1  100.64.0.2  alice  active  direct 198.51.100.7:41000   1.8 ms  1.2 KiB  0 B  "
            "now\n");
}

TEST_F(Node, status_says_what_is_wrong_and_what_to_do) {
  agent.status.set_server_connected(false);
  agent.status.set_server_error("connect to vpn.example:8443: connection refused");
  agent.status.set_server_missing_s(10'805);
  agent.status.mutable_received()->set_revision(7);
  agent.status.add_problems("the clock is 3 h behind the server's: set it");
  ASSERT_EQ(terminal.run({"status"}), 0);
  for (const char* expected : {"not connected to vpn.example:8443 for 3 h", "connection refused",
                               "not applied yet", "! the clock is 3 h behind"}) {
    EXPECT_NE(terminal.out.str().find(expected), std::string::npos) << expected;
  }
}

TEST_F(Node, status_as_json_has_null_for_what_is_not_known) {
  auto& quiet = *agent.status.add_peers();
  quiet.mutable_peer()->set_name("quiet");
  quiet.mutable_peer()->set_key_expires_at(kNow);
  quiet.set_last_rx_age_ms(0xffffffff);
  ASSERT_EQ(terminal.run({"status", "--json"}), 0);
  const auto json = terminal.json();
  EXPECT_TRUE(json["mtu"].is_null());
  EXPECT_EQ(json["node"]["addresses"][0], "100.64.0.1");
  EXPECT_EQ(json["peers"][0]["path"]["endpoint"], "198.51.100.7:41000");
  EXPECT_EQ(json["peers"][0]["last_rx_age_ms"], 200);
  EXPECT_EQ(json["peers"][1]["state"], "expired");
  EXPECT_EQ(json["peers"][1]["key_expires_at"], "2026-11-21T05:40:30Z");
  EXPECT_TRUE(json["peers"][1]["last_rx_age_ms"].is_null());
  EXPECT_TRUE(json["peers"][1]["path"]["endpoint"].is_null());
}

TEST_F(Node, ping_tells_each_answer_and_counts_the_lost) {
  EXPECT_EQ(terminal.run({"ping", "web-1", "-c", "2", "-i", "0.01"}), 0) << terminal.err.str();
  EXPECT_EQ(terminal.out.str(),
            "reply from web-1 (100.64.0.2) via direct 198.51.100.7:41000: 1.8 ms seq=1\n"
            "no reply from web-1 (100.64.0.2) seq=2\n"
            "2 sent, 1 answered, 1 lost; least 1.8 ms, mean 1.8 ms, most 1.8 ms\n");
}

TEST_F(Node, ping_without_a_count_ends_when_the_path_is_direct) {
  EXPECT_EQ(terminal.run({"ping", "web-1"}), 0) << terminal.err.str();
  EXPECT_EQ(terminal.out.str(),
            "reply from web-1 (100.64.0.2) via relay fra1: 1.8 ms seq=1\n"
            "reply from web-1 (100.64.0.2) via relay fra1: 1.8 ms seq=2\n"
            "reply from web-1 (100.64.0.2) via direct 198.51.100.7:41000: 1.8 ms seq=3\n"
            "3 sent, 3 answered, 0 lost; least 1.8 ms, mean 1.8 ms, most 1.8 ms\n");
  EXPECT_EQ(terminal.run({"ping", "web-1", "--no-until-direct"}), 0);
  EXPECT_NE(terminal.out.str().find("seq=5"), std::string::npos) << terminal.out.str();
  EXPECT_EQ(terminal.run({"ping", "web-1", "-c", "5", "--until-direct"}), 0);
  EXPECT_EQ(terminal.out.str().find("seq=2"), std::string::npos) << terminal.out.str();
}

TEST_F(Node, netcheck_reports_what_relays_see) {
  ASSERT_EQ(terminal.run({"netcheck"}), 0) << terminal.err.str();
  EXPECT_EQ(terminal.out.str(),
            "Report:\n"
            "    * UDP: true\n"
            "    * IPv4: yes, 198.51.100.7:54321\n"
            "    * IPv6: no answer\n"
            "    * MappingVariesByDestAddr: false\n"
            "    * PortMapping: NAT-PMP, 198.51.100.7:41641\n"
            "    * Nearest relay: fra1\n"
            "    * Relay latency:\n"
            "        - fra1: 12 ms\n");
  ASSERT_EQ(terminal.run({"netcheck", "--json"}), 0);
  EXPECT_EQ(terminal.json()["mapping"], "same");
  EXPECT_EQ(terminal.json()["latencies"][0]["latency_us"], 12'000);
  EXPECT_TRUE(terminal.json()["ipv6"].is_null());
  EXPECT_EQ(terminal.json()["port_mapping"]["protocol"], "nat-pmp");
  EXPECT_EQ(terminal.json()["port_mapping"]["endpoint"], "198.51.100.7:41641");
}

TEST_F(Node, netcheck_says_which_relays_are_reached_over_tls_and_why_others_are_not) {
  agent.udp_is_blocked = true;
  ASSERT_EQ(terminal.run({"netcheck"}), 0) << terminal.err.str();
  EXPECT_NE(terminal.out.str().find("    * UDP: false\n"), std::string::npos);
  EXPECT_NE(terminal.out.str().find(
                "    * Relays over TLS:\n"
                "        - fra1 (198.51.100.7:443): connected\n"
                "        - nyc1 (198.51.100.7:443): presents another certificate\n"
                "! UDP does not get through; relays are reached over TLS, which is slower.\n"),
            std::string::npos)
      << terminal.out.str();
  ASSERT_EQ(terminal.run({"netcheck", "--json"}), 0);
  const auto relays = terminal.json()["tls_relays"];
  EXPECT_EQ(relays[0]["connected"], true);
  EXPECT_TRUE(relays[0]["problem"].is_null());
  EXPECT_EQ(relays[1]["relay"], "nyc1");
  EXPECT_EQ(relays[1]["problem"], "presents another certificate");
}

TEST_F(Node, a_path_through_a_relay_over_tls_is_called_so) {
  auto& peer = *agent.status.add_peers();
  peer.mutable_peer()->set_name("web-1");
  peer.set_path_kind(v1::PeerStatus::PATH_KIND_RELAY);
  peer.set_relay_name("fra1");
  peer.set_relay_over_tls(true);
  ASSERT_EQ(terminal.run({"status"}), 0) << terminal.err.str();
  EXPECT_NE(terminal.out.str().find("relay fra1 (TLS)"), std::string::npos) << terminal.out.str();
  ASSERT_EQ(terminal.run({"status", "--json"}), 0);
  EXPECT_EQ(terminal.json()["peers"].back()["path"]["tls"], true);
}

TEST_F(Node, ping_without_any_answer_fails) {
  EXPECT_EQ(terminal.run({"ping", "deaf", "-c", "3", "--json"}), 1);
  const std::string text = terminal.out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4) << "an object a line";
  EXPECT_NE(text.find(R"("sent":3,"received":0,"latency_min_us":null)"), std::string::npos) << text;
}

TEST_F(Node, status_of_a_pending_node_says_what_has_to_be_done) {
  agent.status.set_state(v1::RUN_STATE_PENDING);
  ASSERT_EQ(terminal.run({"status"}), 0);
  EXPECT_NE(terminal.out.str().find("awaiting approval"), std::string::npos);
  EXPECT_NE(terminal.out.str().find("meshadm node approve"), std::string::npos);
  ASSERT_EQ(terminal.run({"status", "--json"}), 0);
  EXPECT_EQ(terminal.json()["state"], "pending");
}

TEST_F(Node, what_the_agent_cannot_do_is_an_error_with_its_class) {
  EXPECT_EQ(terminal.run({"logout", "--json"}), 1);
  EXPECT_EQ(terminal.error()["code"], "unsupported");
}

class FakeServer : public v1::Admin::Service {
 public:
  grpc::Status CreateJoinKey(ServerContext* context, const v1::CreateJoinKeyRequest* request,
                             v1::CreateJoinKeyResponse* response) override {
    const auto sent = context->client_metadata().find("authorization");
    if (sent != context->client_metadata().end()) {
      authorization.assign(sent->second.data(), sent->second.size());
    }
    asked_key = *request;
    response->set_secret("mk-secret");
    response->mutable_key()->set_id(3);
    response->mutable_key()->set_user_name(request->user_name());
    response->mutable_key()->set_relay(request->relay());
    response->mutable_key()->set_expires_at(kNow + request->lifetime_seconds());
    return {};
  }
  grpc::Status RemoveNode(ServerContext*, const v1::RemoveNodeRequest* request,
                          v1::RemoveNodeResponse*) override {
    removed.push_back(request->node());
    return {};
  }
  grpc::Status GetNode(ServerContext*, const v1::GetNodeRequest*, v1::Node*) override {
    return rpc::to_grpc(Error(ErrorCode::kNotFound, "there is no such node"));
  }
  grpc::Status ListRelays(ServerContext*, const v1::ListRelaysRequest*,
                          v1::ListRelaysResponse* response) override {
    *response->add_relays() = relay(false);
    return {};
  }
  grpc::Status DrainRelay(ServerContext*, const v1::DrainRelayRequest* request,
                          v1::Relay* response) override {
    *response = relay(!request->undo());
    return {};
  }
  static v1::Relay relay(bool draining) {
    v1::Relay relay;
    relay.mutable_place()->set_id(7);
    relay.mutable_place()->set_name("fra1");
    relay.mutable_place()->set_online(true);
    relay.mutable_place()->set_draining(draining);
    relay.mutable_load()->set_clients(12);
    return relay;
  }
  std::string authorization;
  v1::CreateJoinKeyRequest asked_key;
  std::vector<std::string> removed;
};

using Network = ServedNetwork<FakeServer>;

TEST_F(Network, a_new_key_comes_with_the_command_that_uses_it) {
  ASSERT_EQ(terminal.run({"key", "create", "--user", "alice", "--reusable", "--expires", "7d"}), 0)
      << terminal.err.str();
  EXPECT_EQ(service.authorization, "Bearer " + token);
  EXPECT_EQ(service.asked_key.lifetime_seconds(), 7 * 86'400);
  EXPECT_TRUE(service.asked_key.reusable());
  const std::string command = "  meshadm up --server " + address + " --key mk-secret\n";
  EXPECT_NE(terminal.out.str().find(command), std::string::npos) << terminal.out.str();
  ASSERT_EQ(terminal.run({"key", "create", "--user", "alice", "--json"}), 0);
  EXPECT_EQ(terminal.json()["secret"], "mk-secret");
  EXPECT_EQ(terminal.json()["key"]["expires_at"], "2026-11-22T05:40:30Z");
  EXPECT_TRUE(terminal.json()["key"]["revoked_at"].is_null());
}

TEST_F(Network, a_relays_key_comes_with_the_relays_command_and_without_a_user) {
  ASSERT_EQ(terminal.run({"key", "create", "--relay"}), 0) << terminal.err.str();
  EXPECT_TRUE(service.asked_key.relay());
  EXPECT_NE(terminal.out.str().find("  mesh-relay --server " + address + " --key mk-secret\n"),
            std::string::npos)
      << terminal.out.str();
  EXPECT_EQ(terminal.run({"key", "create"}), 2);
  EXPECT_NE(terminal.err.str().find("--user"), std::string::npos);
  EXPECT_EQ(terminal.run({"key", "create", "--relay", "--user", "alice"}), 2);
}

TEST_F(Network, relays_are_shown_with_state_and_load) {
  ASSERT_EQ(terminal.run({"relay", "list"}), 0) << terminal.err.str();
  EXPECT_NE(terminal.out.str().find("fra1"), std::string::npos) << terminal.out.str();
  EXPECT_NE(terminal.out.str().find("online"), std::string::npos);
  ASSERT_EQ(terminal.run({"relay", "list", "--json"}), 0);
  EXPECT_EQ(terminal.json()["relays"][0]["load"]["clients"], 12);
  ASSERT_EQ(terminal.run({"relay", "drain", "fra1", "--json"}), 0);
  EXPECT_EQ(terminal.json()["relay"]["state"], "draining");
  ASSERT_EQ(terminal.run({"relay", "drain", "--undo", "fra1", "--json"}), 0);
  EXPECT_EQ(terminal.json()["relay"]["state"], "online");
}

TEST_F(Network, a_person_at_a_terminal_is_asked_before_a_node_is_removed) {
  terminal.in_is_tty = true;
  EXPECT_EQ(terminal.run({"node", "remove", "web-1"}, "n\n"), 1);
  EXPECT_EQ(terminal.run({"node", "remove", "web-1"}, ""), 1);
  EXPECT_TRUE(service.removed.empty());
  EXPECT_EQ(terminal.run({"node", "remove", "web-1"}, "y\n"), 0);
  EXPECT_EQ(terminal.run({"node", "remove", "web-2", "--yes"}, "n\n"), 0);
  terminal.in_is_tty = false;
  EXPECT_EQ(terminal.run({"node", "remove", "web-3", "--json"}), 0);
  EXPECT_EQ(terminal.json()["removed"]["node"], "web-3");
  EXPECT_EQ(service.removed, (std::vector<std::string>{"web-1", "web-2", "web-3"}));
}

TEST_F(Network, an_error_says_what_was_attempted_and_where) {
  EXPECT_EQ(terminal.run({"node", "show", "web-9", "--json"}), 1);
  EXPECT_EQ(terminal.error()["code"], "not_found");
  EXPECT_EQ(terminal.error()["message"],
            "show node \"web-9\" at " + address + ": there is no such node");
}

TEST_F(Network, a_server_with_another_authority_is_told_nothing) {
  terminal.environment["KERNMESH_TOKEN"] = "ma-" + std::string(86, 'A');
  EXPECT_EQ(terminal.run({"key", "create", "--user", "alice", "--json"}), 1);
  EXPECT_EQ(terminal.error()["code"], "unauthenticated");
  EXPECT_EQ(service.authorization, "");
}

}  // namespace
}  // namespace kernmesh::adm
