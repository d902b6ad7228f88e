// SPDX-License-Identifier: Apache-2.0
// What nodes are told of relays: the map, their ticket, and where their peers are at home.
#include "controller/core/netmap/digest.h"
#include "controller/core/relay/ticket.h"
#include "controller/rpc/channel.h"
#include "controller/rpc/relay_registrar.h"
#include "controller/server/ticket_office.h"
#include "mesh/v1/coordination.grpc.pb.h"
#include "tests/unit/server/fixture.h"

namespace kernmesh::server {
namespace {

class RelayMapTest : public ServerTest {
 protected:
  // A relay that has joined and reported; the ticket key that it was told.
  TicketPublicKey add_relay(const std::string& name, const rpc::RelayReport& report = by_udp()) {
    mesh::v1::CreateJoinKeyRequest request;
    request.set_relay(true);
    const auto join_key = admin_->create_join_key(request);
    EXPECT_TRUE(join_key);
    Ed25519SecretKey machine;
    std::array<std::uint8_t, 32> key{};
    crypto_sign_keypair(key.data(), machine.mutable_bytes().data());
    randombytes_buf(key.data(), key.size());
    rpc::RelayRegistrar registrar(address_, ca_pem_, server_->fingerprint());
    const auto session =
        registrar.register_relay({machine, RelayPublicKey(key), join_key->secret(), name, "fra"});
    EXPECT_TRUE(session) << session.error().message();
    const auto orders = registrar.report(*session, report);
    if (!orders) {
      refusal_ = orders.error();
      return {};
    }
    return orders->ticket_keys.at(0);
  }
  static rpc::RelayReport by_udp() {
    rpc::RelayReport report;
    report.endpoints = {*Endpoint::parse("192.0.2.9:3478")};
    return report;
  }
  Status refusal_;  // of a report
  netmap::Netmap map_of(const rpc::Session& session) {
    Watcher watcher(client(), session);
    return std::get<netmap::Netmap>(watcher.first());
  }
};

bool tells_of(const std::vector<rpc::Update>& updates, std::size_t relays) {
  return std::any_of(updates.begin(), updates.end(), [&](const rpc::Update& update) {
    const auto* delta = std::get_if<netmap::Delta>(&update);
    return delta != nullptr && delta->relays && delta->relays->known.size() == relays &&
           delta->relays->known.begin()->second.online;
  });
}

TEST_F(RelayMapTest, snapshot_has_the_relays_and_a_ticket_that_they_take) {
  const TestNode node;
  const auto session = join(node);
  EXPECT_EQ(map_of(session).relays, netmap::Relays()) << "no relay, no ticket";
  const auto key = add_relay("fra1");
  const auto map = map_of(session);
  ASSERT_EQ(map.relays.known.size(), 1u);
  const auto& relay = map.relays.known.begin()->second;
  EXPECT_EQ(relay.name, "fra1");
  EXPECT_TRUE(relay.online);
  EXPECT_EQ(relay.endpoints, std::vector{*Endpoint::parse("192.0.2.9:3478")});
  ASSERT_TRUE(map.relays.ticket);
  const auto checked = relay::check_ticket(*map.relays.ticket, key, system_now());
  ASSERT_TRUE(std::holds_alternative<relay::Ticket>(checked));
  const auto& ticket = std::get<relay::Ticket>(checked);
  EXPECT_EQ(ticket.node, session.node_id);
  EXPECT_EQ(ticket.client, disco_public_key(node.disco));
  EXPECT_GT(ticket.not_after, system_now() + kTicketReserve);
}

TEST_F(RelayMapTest, relays_certificate_is_told_with_its_port) {
  const auto session = join(TestNode());
  auto report = by_udp();
  report.tls_port = Port(443);
  report.tls_fingerprint.fill(7);
  add_relay("fra1", report);
  const auto map = map_of(session);
  ASSERT_EQ(map.relays.known.size(), 1u);
  EXPECT_EQ(map.relays.known.begin()->second.tls_port, Port(443));
  EXPECT_EQ(map.relays.known.begin()->second.tls_fingerprint, report.tls_fingerprint);
}

TEST_F(RelayMapTest, relay_whose_tls_port_is_also_its_udp_port_is_told_so) {
  auto report = by_udp();
  report.tls_port = report.endpoints[0].port;
  report.tls_fingerprint.fill(7);
  add_relay("fra1", report);
  ASSERT_FALSE(refusal_);
  EXPECT_EQ(refusal_.error().code(), ErrorCode::kInvalid);
}

TEST_F(RelayMapTest, every_stream_hears_when_relays_change) {
  const TestNode a, b;
  Watcher first(client(), join(a)), second(client(), join(b));
  first.first();
  second.first();
  add_relay("fra1");
  first.wait([](const auto& all) { return tells_of(all, 1); });
  second.wait([](const auto& all) { return tells_of(all, 1); });
  mesh::v1::DrainRelayRequest drain;
  drain.set_relay("fra1");
  ASSERT_TRUE(admin_->drain_relay(drain));
  first.wait([](const auto& all) {
    return std::any_of(all.begin(), all.end(), [](const auto& update) {
      const auto* delta = std::get_if<netmap::Delta>(&update);
      return delta != nullptr && delta->relays && delta->relays->known.begin()->second.draining;
    });
  });
}

TEST_F(RelayMapTest, resumed_stream_hears_of_relays_only_when_its_own_are_not_the_same) {
  const auto session = join(TestNode());
  add_relay("fra1");
  const auto held = map_of(session);
  const auto digests = netmap::section_digests(held);
  {
    Watcher same(client(), session, rpc::Held{held.version, digests});
    EXPECT_TRUE(std::holds_alternative<rpc::Keepalive>(same.first()));
  }
  auto other = digests;
  other.relays = {};
  Watcher different(client(), session, rpc::Held{held.version, other});
  const auto update = different.first();
  const auto* delta = std::get_if<netmap::Delta>(&update);
  ASSERT_NE(delta, nullptr) << "a whole snapshot is more than that takes";
  EXPECT_EQ(delta->relays, held.relays);
  EXPECT_EQ(delta->from, held.version);
}

TEST_F(RelayMapTest, next_day_brings_a_new_ticket_to_a_node_that_comes_back) {
  const TestNode node;
  const auto session = join(node);
  const auto key = add_relay("fra1");
  const auto held = map_of(session);
  clock_offset_s_ = 86'400;
  const auto again = client()->register_node(node.registration());
  ASSERT_TRUE(again) << again.error().message();
  Watcher watcher(client(), *again, rpc::Held{held.version, netmap::section_digests(held)});
  const auto updates = watcher.wait([](const auto& all) {
    return std::any_of(all.begin(), all.end(), [](const rpc::Update& update) {
      const auto* delta = std::get_if<netmap::Delta>(&update);
      return delta != nullptr && delta->relays;
    });
  });
  const auto& relays = *std::get<netmap::Delta>(updates.front()).relays;
  EXPECT_NE(relays.ticket, held.relays.ticket);
  const auto checked =
      relay::check_ticket(*relays.ticket, key, system_now() + std::chrono::days(7));
  EXPECT_TRUE(std::holds_alternative<relay::Ticket>(checked));
}

// As of a version that sends no digest of relays.
TEST_F(RelayMapTest, older_agents_are_told_of_no_relays) {
  const auto session = join(TestNode());
  add_relay("fra1");
  const auto stub = mesh::v1::Coordination::NewStub(
      rpc::secure_channel(address_, ca_pem_, rpc::ChannelUse::kCalls));
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + session.token);
  const auto stream = stub->Watch(&context, {});
  mesh::v1::NetmapUpdate update;
  ASSERT_TRUE(stream->Read(&update));
  ASSERT_TRUE(update.has_snapshot());
  EXPECT_FALSE(update.snapshot().has_relays());
  context.TryCancel();
  stream->Finish();
}

TEST_F(RelayMapTest, peers_hear_where_a_node_is_at_home) {
  const TestNode a, b;
  Watcher watcher(client(), join(a));
  const auto session = join(b);
  watcher.first();
  rpc::Report report;
  report.home_relay = netmap::RelayId(1);
  ASSERT_TRUE(client()->report(session, report));
  watcher.wait([&](const auto& all) {
    const auto* delta = std::get_if<netmap::Delta>(&all.back());
    return delta != nullptr && !delta->upserted.empty() &&
           delta->upserted.back().home_relay == netmap::RelayId(1);
  });
}

TEST(TicketOffice, gives_the_same_ticket_all_day_and_renews_it_a_week_before_it_ends) {
  ASSERT_GE(sodium_init(), 0);
  Ed25519SecretKey key;
  std::array<std::uint8_t, 32> unused{};
  crypto_sign_keypair(unused.data(), key.mutable_bytes().data());
  const TicketOffice office(key);
  const DiscoPublicKey disco({1, 2, 3});
  int renewals = 0;
  auto last = office.ticket_for(NodeId(5), disco, WallTime(std::chrono::hours(480'000)));
  for (int hour = 1; hour <= 72; ++hour) {
    const WallTime now(std::chrono::hours(480'000 + hour));
    const auto ticket = office.ticket_for(NodeId(5), disco, now);
    renewals += ticket != last ? 1 : 0;
    const auto checked = relay::check_ticket(ticket, office.key(), now + kTicketReserve);
    EXPECT_TRUE(std::holds_alternative<relay::Ticket>(checked)) << hour;
    last = ticket;
  }
  EXPECT_EQ(renewals, 3);
}

}  // namespace
}  // namespace kernmesh::server
