// SPDX-License-Identifier: Apache-2.0
// The agent's page as a scraper gets it: over TCP, line by line.
#include "controller/agent/metrics.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <chrono>
#include <ctime>
#include <map>
#include <sstream>
#include <thread>

#include "controller/base/unique_fd.h"
#include "controller/host/http_page.h"

namespace kernmesh::agent {
namespace {

UniqueFd tcp_socket() { return UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

std::string get(std::uint16_t port, const std::string& path, const UniqueFd& fd = tcp_socket()) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return "";
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: here\r\n\r\n";
  if (send(fd.get(), request.data(), request.size(), 0) < 0) return "";
  std::string answer;
  char buffer[4096];
  for (ssize_t got; (got = recv(fd.get(), buffer, sizeof buffer, 0)) > 0;)
    answer.append(buffer, static_cast<std::size_t>(got));
  return answer;
}

std::chrono::nanoseconds processor_time() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

TEST(Page, waits_for_a_descriptor_without_spinning) {
  auto server = host::start_http_server(*Endpoint::parse("127.0.0.1:0"),
                                        {[] { return std::string("text"); }, [] { return true; }});
  ASSERT_TRUE(server);
  const UniqueFd client = tcp_socket();
  rlimit all{};
  getrlimit(RLIMIT_NOFILE, &all);
  const rlimit none{3, all.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  std::thread descriptors_come_back([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(700));  // in which it could spin
    setrlimit(RLIMIT_NOFILE, &all);
  });
  const auto before = processor_time();
  const std::string answer = get((*server)->port(), "/metrics", client);
  const auto used = processor_time() - before;
  descriptors_come_back.join();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_LT(used, std::chrono::milliseconds(200));
}

// "name{label="value"}" -> value, of a page served and scraped.
std::map<std::string, double> scraped(const AgentNumbers& numbers) {
  auto server = host::start_http_server(
      *Endpoint::parse("127.0.0.1:0"),
      {[&numbers] { return render_metrics(numbers); }, [] { return true; }});
  EXPECT_TRUE(server);
  const std::string answer = get((*server)->port(), "/metrics");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  std::map<std::string, double> values;
  std::istringstream lines(answer.substr(answer.find("\r\n\r\n") + 4));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto space = line.rfind(' ');
    const bool is_first =
        values.emplace(line.substr(0, space), std::stod(line.substr(space + 1))).second;
    EXPECT_TRUE(is_first) << line << " stands there twice";
  }
  return values;
}

NodeNumbers node_numbers() {
  NodeNumbers node;
  node.direct_peers = 2;
  node.relayed_peers = 3;
  node.pathless_peers = 1;
  node.underlay = {{{"in_plaintext", ""}, 7}, {{"out_direct", ""}, 900}};
  node.acl = {{{"in_refused", ""}, 5}, {{"out_opened", ""}, 100}, {{"out_no_state", ""}, 3}};
  node.flows = {.opened = 60, .served = 4};
  node.max_flows = 64;
  node.generation = 12;
  node.rules = 9;
  node.image_bytes = 4096;
  node.is_policy_in_force = true;
  return node;
}

TEST(Metrics, of_a_node_that_is_down_say_that_and_no_more_of_it) {
  auto values = scraped({});
  EXPECT_EQ(values.at("kernmesh_agent_up"), 0);
  EXPECT_EQ(values.at("kernmesh_agent_connected"), 0);
  EXPECT_FALSE(values.contains("kernmesh_agent_peers{path=\"direct\"}"));
}

TEST(Metrics, name_the_protocol_by_which_a_port_is_mapped) {
  auto values = scraped({.mapped_by = portmap::Protocol::kNatPmp, .node = node_numbers()});
  EXPECT_EQ(values.at("kernmesh_agent_port_mapping{protocol=\"nat-pmp\"}"), 1);
  EXPECT_EQ(values.at("kernmesh_agent_port_mapping{protocol=\"pcp\"}"), 0);
  EXPECT_EQ(values.at("kernmesh_agent_port_mapping{protocol=\"upnp\"}"), 0);
}

TEST(Metrics, tell_path_latency_loss_and_bytes_of_each_peer) {
  auto node = node_numbers();
  node.peers = {{"web-1", path::PathKind::kDirect, std::chrono::milliseconds(38), 0.25, 700, 900},
                {"db-1", path::PathKind::kNone, std::nullopt, std::nullopt, 0, 148}};
  auto values = scraped({.node = node});
  EXPECT_EQ(values.at("kernmesh_agent_peers_told"), 2);
  EXPECT_EQ(values.at("kernmesh_agent_peer_path{peer=\"web-1\",path=\"direct\"}"), 1);
  EXPECT_EQ(values.at("kernmesh_agent_peer_path{peer=\"db-1\",path=\"none\"}"), 1);
  EXPECT_EQ(values.at("kernmesh_agent_peer_latency_seconds{peer=\"web-1\"}"), 0.038);
  EXPECT_EQ(values.at("kernmesh_agent_peer_loss_ratio{peer=\"web-1\"}"), 0.25);
  EXPECT_EQ(values.at("kernmesh_agent_peer_received_bytes_total{peer=\"web-1\"}"), 700);
  EXPECT_EQ(values.at("kernmesh_agent_peer_sent_bytes_total{peer=\"db-1\"}"), 148);
}

TEST(Metrics, leave_out_what_was_not_measured_of_a_peer) {
  auto node = node_numbers();
  node.peers = {{"db-1", path::PathKind::kDirect, std::nullopt, std::nullopt, 0, 0}};
  auto values = scraped({.node = node});
  EXPECT_FALSE(values.contains("kernmesh_agent_peer_latency_seconds{peer=\"db-1\"}"));
  EXPECT_FALSE(values.contains("kernmesh_agent_peer_loss_ratio{peer=\"db-1\"}"));
}

TEST(Metrics, of_too_many_peers_tell_none_by_name) {
  auto values = scraped({.node = node_numbers()});
  EXPECT_EQ(values.at("kernmesh_agent_peers_told"), 0);
  for (const auto& [name, value] : values) EXPECT_EQ(name.find("peer="), std::string::npos) << name;
}

TEST(Metrics, count_packets_by_reason) {
  auto values = scraped({.node = node_numbers()});
  EXPECT_EQ(values.at("kernmesh_agent_underlay_packets_total{reason=\"in_plaintext\"}"), 7);
  EXPECT_EQ(values.at("kernmesh_agent_underlay_packets_total{reason=\"out_direct\"}"), 900);
  EXPECT_EQ(values.at("kernmesh_agent_acl_packets_total{reason=\"in_refused\"}"), 5);
}

TEST(Metrics, count_what_goes_over_tls) {
  auto node = node_numbers();
  node.streams = {.connected = 1,
                  .unconnected = 2,
                  .rx_packets = 30,
                  .tx_packets = 40,
                  .rx_bytes = 3000,
                  .tx_bytes = 4000};
  auto values = scraped({.node = node});
  EXPECT_EQ(values.at("kernmesh_agent_tls_relays{state=\"connected\"}"), 1);
  EXPECT_EQ(values.at("kernmesh_agent_tls_relays{state=\"unconnected\"}"), 2);
  EXPECT_EQ(values.at("kernmesh_agent_tls_received_packets_total"), 30);
  EXPECT_EQ(values.at("kernmesh_agent_tls_sent_packets_total"), 40);
  EXPECT_EQ(values.at("kernmesh_agent_tls_received_bytes_total"), 3000);
  EXPECT_EQ(values.at("kernmesh_agent_tls_sent_bytes_total"), 4000);
}

TEST(Metrics, tell_the_pressure_on_the_table_of_flows) {
  auto values = scraped({.node = node_numbers()});
  EXPECT_EQ(values.at("kernmesh_agent_flows{opener=\"this_node\"}"), 60);
  EXPECT_EQ(values.at("kernmesh_agent_flows{opener=\"peer\"}"), 4);
  EXPECT_EQ(values.at("kernmesh_agent_flows_max"), 64);
  EXPECT_EQ(values.at("kernmesh_agent_flows_forgotten_total"), 40);
  EXPECT_EQ(values.at("kernmesh_agent_flows_not_remembered_total"), 3);
}

TEST(Metrics, never_count_below_nothing_what_was_forgotten) {
  auto node = node_numbers();
  node.flows.opened = 200;
  EXPECT_EQ(scraped({.node = node}).at("kernmesh_agent_flows_forgotten_total"), 0);
}

TEST(Metrics, tell_a_policy_that_failed_and_when) {
  auto node = node_numbers();
  EXPECT_EQ(scraped({.node = node}).at("kernmesh_agent_policy_failed"), 0);
  node.is_policy_in_force = false;
  node.policy_failed_at = WallTime(std::chrono::seconds(1'700'000'000));
  auto values = scraped({.node = node});
  EXPECT_EQ(values.at("kernmesh_agent_policy_failed"), 1);
  EXPECT_EQ(values.at("kernmesh_agent_policy_failure_timestamp_seconds"), 1'700'000'000);
  EXPECT_EQ(values.at("kernmesh_agent_policy_generation"), 12);
  EXPECT_EQ(values.at("kernmesh_agent_policy_rules"), 9);
}

TEST(Metrics, tell_when_the_nodes_key_ends) {
  auto node = node_numbers();
  EXPECT_EQ(scraped({.node = node}).at("kernmesh_agent_key_expiry_timestamp_seconds"), 0);
  node.key_expires_at = WallTime(std::chrono::seconds(1'800'000'000));
  EXPECT_EQ(scraped({.node = node}).at("kernmesh_agent_key_expiry_timestamp_seconds"),
            1'800'000'000);
}

TEST(Metrics, tell_what_was_received_and_what_is_in_force) {
  AgentNumbers numbers;
  numbers.connected = true;
  numbers.received = {Epoch(1), Revision(31)};
  numbers.applied = {Epoch(1), Revision(30)};
  numbers.node = node_numbers();
  auto values = scraped(numbers);
  EXPECT_EQ(values.at("kernmesh_agent_netmap_revision{map=\"received\"}"), 31);
  EXPECT_EQ(values.at("kernmesh_agent_netmap_revision{map=\"applied\"}"), 30);
  EXPECT_EQ(values.at("kernmesh_agent_netmap_epoch{map=\"applied\"}"), 1);
  EXPECT_EQ(values.at("kernmesh_agent_connected"), 1);
  EXPECT_EQ(values.at("kernmesh_agent_peers{path=\"direct\"}"), 2);
  EXPECT_EQ(values.at("kernmesh_agent_peers{path=\"relay\"}"), 3);
  EXPECT_EQ(values.at("kernmesh_agent_peers{path=\"none\"}"), 1);
}

}  // namespace
}  // namespace kernmesh::agent
