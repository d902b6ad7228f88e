// SPDX-License-Identifier: Apache-2.0
// A thousand nodes: what one change costs, and a reader that stalls for real.
#include <grpcpp/grpcpp.h>

#include "controller/rpc/certificate.h"
#include "mesh/v1/coordination.grpc.pb.h"
#include "tests/unit/server/crowd.h"

namespace kernmesh::server {
namespace {

constexpr std::size_t kNodes = 1000;
// Bytes of a message for one changed peer: its keys, names, both addresses and one IPv4 endpoint.
// An IPv6 endpoint adds 24.
constexpr std::size_t kMostBytesAChange = 200;
constexpr std::size_t kMostBytesDualStack = kMostBytesAChange + 24;

class ScaleTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    server_.reset();
    crowd_.settle(directory_, kNodes);
    start();
  }

  rpc::Session session_of(std::size_t node) {
    auto session = client()->register_node(crowd_.at(node).registration());
    EXPECT_TRUE(session) << session.error().message();
    return session ? *session : rpc::Session{};
  }

  Status move(const rpc::Session& session, std::uint16_t port) {
    rpc::Report report;
    report.endpoints = {*Endpoint::parse("198.51.100.7:" + std::to_string(port)),
                        *Endpoint::parse("[2001:db8::7]:" + std::to_string(port))};
    return client()->report(session, report);
  }

  // HTTP/2's 65,535 bytes a stream, and no growing of it on a fast link.
  std::shared_ptr<grpc::Channel> channel_with_small_window() const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ca_pem_;
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride(std::string(rpc::kServerName));
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    return grpc::CreateCustomChannel(address_, grpc::SslCredentials(options), arguments);
  }

  Crowd crowd_;
};

bool names_port(const rpc::Update& update, std::uint16_t port) {
  const auto* delta = std::get_if<netmap::Delta>(&update);
  return delta != nullptr &&
         std::any_of(delta->upserted.begin(), delta->upserted.end(), [&](const netmap::Peer& peer) {
           return !peer.endpoints.empty() && peer.endpoints[0].port == Port(port);
         });
}

bool any_names_port(const std::vector<rpc::Update>& updates, std::uint16_t port) {
  return std::any_of(updates.begin(), updates.end(),
                     [&](const auto& update) { return names_port(update, port); });
}

// Peers that are online after all these updates; presence never goes back in these tests.
std::set<NodeId> online_after(const std::vector<rpc::Update>& updates) {
  std::set<NodeId> online;
  for (const auto& update : updates) {
    if (const auto* map = std::get_if<netmap::Netmap>(&update)) {
      for (const auto& [id, peer] : map->peers) {
        if (peer.online) online.insert(id);
      }
    }
    if (const auto* delta = std::get_if<netmap::Delta>(&update)) {
      for (const auto& peer : delta->upserted) {
        if (peer.online) online.insert(peer.id);
      }
    }
  }
  return online;
}

// Messages that tell of peers; the node's own coming online may tell it of itself at any time.
std::ptrdiff_t peer_changes(const std::vector<rpc::Update>& updates) {
  return std::count_if(updates.begin(), updates.end(), [](const rpc::Update& update) {
    const auto* delta = std::get_if<netmap::Delta>(&update);
    return delta != nullptr && !(delta->upserted.empty() && delta->removed.empty());
  });
}

TEST_F(ScaleTest, endpoint_change_costs_each_agent_one_small_message) {
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (std::size_t i = 0; i < 20; ++i) {
    watchers.push_back(std::make_unique<Watcher>(client(), session_of(i)));
  }
  for (const auto& watcher : watchers) {
    const auto first = watcher->first();
    ASSERT_TRUE(std::holds_alternative<netmap::Netmap>(first));
    EXPECT_EQ(std::get<netmap::Netmap>(first).peers.size(), kNodes - 1);
  }
  std::vector<std::ptrdiff_t> before;
  for (const auto& watcher : watchers) {
    const auto updates = watcher->wait(
        [&](const auto& all) { return online_after(all).size() == watchers.size() - 1; });
    before.push_back(peer_changes(updates));
  }
  const auto mover = session_of(500);
  ASSERT_TRUE(move(mover, 4500));
  std::size_t most = 0, dual_stack = 0;
  for (std::size_t i = 0; i < watchers.size(); ++i) {
    const auto updates =
        watchers[i]->wait([](const auto& all) { return any_names_port(all, 4500); });
    ASSERT_EQ(peer_changes(updates), before[i] + 1);
    auto delta = std::get<netmap::Delta>(updates.back());
    ASSERT_EQ(delta.upserted.size(), 1u);
    EXPECT_EQ(delta.upserted[0].id, mover.node_id);
    dual_stack = std::max(dual_stack, rpc::to_proto(delta).ByteSizeLong());
    delta.upserted[0].endpoints.resize(1);
    most = std::max(most, rpc::to_proto(delta).ByteSizeLong());
  }
  std::printf("endpoint change among %zu nodes: %zu bytes an agent, %zu with IPv6 too\n", kNodes,
              most, dual_stack);
  EXPECT_LE(most, kMostBytesAChange);
  EXPECT_LE(dual_stack, kMostBytesDualStack);
}

TEST_F(ScaleTest, changes_that_concern_no_node_reach_no_stream) {
  Watcher watcher(client(), session_of(0));
  watcher.first();
  const auto mover = session_of(1);
  ASSERT_TRUE(move(mover, 1));
  const auto before = watcher.wait([](const auto& all) { return any_names_port(all, 1); });
  for (int i = 0; i < 5; ++i) make_key();
  rpc::Report facts;
  facts.kernel_release = "6.1.0";
  ASSERT_TRUE(client()->report(mover, facts));
  ASSERT_TRUE(admin_->create_user("bob"));
  ASSERT_TRUE(move(mover, 2));
  const auto after = watcher.wait([](const auto& all) { return any_names_port(all, 2); });
  EXPECT_EQ(peer_changes(before), 1);
  EXPECT_EQ(peer_changes(after), 2);
}

TEST_F(ScaleTest, c8_reader_whose_window_is_full_gets_the_newest_state_and_not_every_state) {
  const auto slow = session_of(0);
  const auto coordination = mesh::v1::Coordination::NewStub(channel_with_small_window());
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + slow.token);
  // The snapshot of a thousand peers is larger than the stream's window, so the server waits.
  const auto stream = coordination->Watch(&context, {});
  Watcher quick(client(), session_of(1));
  const auto snapshot = std::get<netmap::Netmap>(quick.first());
  EXPECT_GT(rpc::to_proto(snapshot).ByteSizeLong(), 2 * 65'535u);
  const auto mover = session_of(2);
  constexpr std::uint16_t kMoves = 60;
  for (std::uint16_t port = 1; port <= kMoves; ++port) ASSERT_TRUE(move(mover, port));
  quick.wait([](const auto& all) { return any_names_port(all, kMoves); });
  int messages = 0;
  bool newest = false;
  mesh::v1::NetmapUpdate message;
  while (!newest && stream->Read(&message)) {
    ++messages;
    const auto update = rpc::from_proto(message);
    ASSERT_TRUE(update);
    newest = names_port(*update, kMoves);
  }
  EXPECT_TRUE(newest);
  std::printf("after %d changes the stalled reader had %d messages to read\n", kMoves, messages);
  EXPECT_LE(messages, 5);
  context.TryCancel();
  stream->Finish();
}

}  // namespace
}  // namespace kernmesh::server
