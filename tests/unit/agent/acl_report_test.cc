// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/acl_report.h"

#include <gtest/gtest.h>

#include "controller/bpf/convert.h"
#include "controller/core/maplayout/acl_image.h"
#include "controller/core/reconcile/policy_input.h"
#include "controller/rpc/convert.h"

namespace kernmesh::agent {
namespace {

using mesh::v1::AclExplainResponse;
using policy::SetId;
using policy::TargetKind;

IpAddress address(const char* text) { return *IpAddress::parse(text); }

void add_peer(netmap::Netmap& map, std::uint64_t id, const char* name, const char* ip) {
  auto& peer = map.peers[NodeId(id)];
  peer.id = NodeId(id);
  peer.name = name;
  peer.user_name = std::string(name) + "@example.com";
  peer.addresses = {address(ip)};
}

void add_rule(netmap::Netmap& map, std::uint32_t id, std::uint64_t source, std::uint16_t port) {
  auto& rule = map.rules[RuleId(id)];
  rule.id = RuleId(id);
  rule.line = 20 - id;
  rule.policy_revision = 3;
  rule.sources = {SetId(id)};
  policy::Service service{{policy::kProtocolTcp}, {{port, port}}};
  rule.targets = {{TargetKind::kOwnAddresses, {}, {service}}};
  map.sets[SetId(id)] = {SetId(id), {NodeId(source)}, {}};
}

class Report : public ::testing::Test {
 protected:
  Report() {
    map_.version = {Epoch(2), Revision(41)};
    map_.self.id = NodeId(1);
    map_.self.name = "db-1";
    map_.self.addresses = {address("100.64.0.1"), address("fd7a::1")};
    add_peer(map_, 2, "alice", "100.64.0.2");
    add_peer(map_, 3, "bob", "100.64.0.3");
    add_rule(map_, 8, 2, 443);  // line 12: alice, tcp/443
    add_rule(map_, 9, 3, 80);   // line 11: bob, tcp/80
    maplayout::RuleSlots slots;
    auto image = maplayout::compile_acl(reconcile::policy_input(map_, WallTime{}), slots,
                                        {.generation = 5, .seed = 1, .version = map_.version});
    EXPECT_TRUE(image);
    if (image) lines_ = image->lines;
  }
  AclFacts facts() const { return {&map_, lines_, stale_}; }
  Result<AclExplainResponse> ask(const char* source, const char* destination, std::uint32_t port) {
    mesh::v1::AclExplainRequest request;
    request.set_source(source);
    request.set_destination(destination);
    request.set_port(port);
    request.set_protocol(policy::kProtocolTcp);
    return explain(facts(), request, {});
  }
  AclExplainResponse::Outcome outcome(const char* source, const char* destination) {
    const auto answer = ask(source, destination, 443);
    return answer ? answer->outcome() : AclExplainResponse::OUTCOME_UNSPECIFIED;
  }

  netmap::Netmap map_;
  std::vector<mesh_acl_line> lines_;
  bool stale_ = false;
};

TEST_F(Report, lists_rules_by_line_with_words_and_counts) {
  std::vector<bpf::RuleCount> counts(counter_slots(lines_));
  ASSERT_EQ(counts.size(), 3u) << "slot 0 is nobody's";
  counts[1] = {7, 700};
  const auto shown = report_rules(facts(), counts);
  ASSERT_EQ(shown.rules_size(), 2);
  EXPECT_EQ(shown.generation(), 5u);
  EXPECT_EQ(shown.version().revision(), 41u);
  EXPECT_EQ(shown.rules(0).line(), 11u);
  const auto& rule = shown.rules(1);
  EXPECT_EQ(rule.line(), 12u);
  EXPECT_EQ(rule.policy_revision(), 3u);
  EXPECT_EQ(rule.packets(), 7u);
  EXPECT_EQ(rule.bytes(), 700u);
  EXPECT_EQ(rule.source_count(), 1u);
  EXPECT_EQ(rule.sources(0), "alice");
  EXPECT_EQ(rule.destinations(0), "this node");
  EXPECT_EQ(rule.services(0), "tcp/443");
}

TEST_F(Report, an_allowed_packet_names_its_rule) {
  const auto answer = ask("alice", "", 443);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->outcome(), AclExplainResponse::OUTCOME_ALLOWED);
  EXPECT_EQ(answer->rule().line(), 12u);
  EXPECT_EQ(answer->source_user(), "alice@example.com");
  EXPECT_EQ(answer->destination(), rpc::to_wire(address("100.64.0.1")));
}

TEST_F(Report, a_denial_names_the_rules_that_come_near) {
  const auto answer = ask("alice", "100.64.0.1", 80);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->outcome(), AclExplainResponse::OUTCOME_DENIED);
  ASSERT_EQ(answer->from_source_size(), 1);
  EXPECT_EQ(answer->from_source(0).line(), 12u);
  ASSERT_EQ(answer->to_destination_size(), 1);
  EXPECT_EQ(answer->to_destination(0).sources(0), "bob");
}

TEST_F(Report, the_verdict_is_the_images_even_when_the_netmap_says_otherwise) {
  map_.rules.clear();
  const auto allowed = ask("alice", "", 443);
  ASSERT_TRUE(allowed);
  EXPECT_EQ(allowed->outcome(), AclExplainResponse::OUTCOME_ALLOWED);
  add_rule(map_, 10, 2, 22);  // not in the image
  const auto denied = ask("alice", "", 22);
  ASSERT_TRUE(denied);
  EXPECT_EQ(denied->outcome(), AclExplainResponse::OUTCOME_DENIED);
  EXPECT_EQ(denied->from_source_size() + denied->to_destination_size(), 0);
}

TEST_F(Report, tells_apart_why_else_a_packet_is_denied) {
  EXPECT_EQ(outcome("100.64.0.9", ""), AclExplainResponse::OUTCOME_UNKNOWN_SOURCE);
  EXPECT_EQ(outcome("alice", "100.64.0.3"), AclExplainResponse::OUTCOME_NOT_OURS);
  lines_.clear();
  EXPECT_EQ(outcome("alice", ""), AclExplainResponse::OUTCOME_NO_POLICY);
}

TEST_F(Report, explains_that_nothing_passes_when_the_policy_is_too_old) {
  stale_ = true;
  EXPECT_EQ(outcome("alice", ""), AclExplainResponse::OUTCOME_STALE);
}

TEST_F(Report, what_cannot_be_asked_is_an_error) {
  EXPECT_EQ(ask("carol", "", 443).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(ask("alice", "bob", 443).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(ask("alice", "fd7a::1", 443).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(ask("alice", "", 65'536).error().code(), ErrorCode::kInvalid);
  lines_.resize(1);
  EXPECT_EQ(ask("alice", "", 443).error().code(), ErrorCode::kCorrupt);
}

TEST_F(Report, flows_come_last_used_first_with_their_peers_name) {
  bpf::Flow old, fresh;
  old.key.remote = bpf::to_abi(address("100.64.0.9"));
  old.state.seen_ns = 1'000'000'000;
  fresh.opener = bpf::Opener::kPeer;
  fresh.key.remote = bpf::to_abi(address("100.64.0.2"));
  fresh.key.remote_port = bpf::to_abi_be(Port(5353));
  fresh.key.local = bpf::to_abi(address("100.64.0.1"));
  fresh.key.local_port = bpf::to_abi_be(Port(443));
  fresh.key.protocol = policy::kProtocolTcp;
  fresh.state = {2'000'000'000, 9'000'000'000, MESH_FLOW_REPLIED, 0};
  const std::vector<bpf::Flow> flows{old, fresh};
  const auto report = report_flows(facts(), flows, 12'500'000'000);
  ASSERT_EQ(report.size(), 2u);
  EXPECT_EQ(report[0].peer_name(), "alice");
  EXPECT_EQ(report[0].peer_user(), map_.peers.begin()->second.user_name);
  EXPECT_EQ(report[0].rule_line(), ask("alice", "", 443)->rule().line());
  EXPECT_NE(report[0].rule_line(), 0u);
  EXPECT_EQ(report[0].opener(), mesh::v1::AclFlow::OPENER_PEER);
  EXPECT_EQ(report[0].state(), mesh::v1::AclFlow::STATE_REPLIED);
  EXPECT_EQ(report[0].remote_port(), 5353u);
  EXPECT_EQ(report[0].age_s(), 10u);
  EXPECT_EQ(report[0].idle_s(), 3u);
  EXPECT_EQ(report[1].peer_name(), "");
  EXPECT_EQ(report[1].rule_line(), 0u) << "this node opened it";
  const auto stats = report_stats(facts(), {{}, flows, 64});
  EXPECT_EQ(stats.opened_flows(), 1u);
  EXPECT_EQ(stats.served_flows(), 1u);
  EXPECT_EQ(stats.rules(), 2u);
  EXPECT_EQ(stats.image_bytes(), lines_.size() * MESH_ACL_LINE_BYTES);
}

}  // namespace
}  // namespace kernmesh::agent
