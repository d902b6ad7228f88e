// SPDX-License-Identifier: Apache-2.0
// What a change of the policy costs on the wire in a network of two thousand nodes: bytes of the
// messages that real Watch streams get.
#include "controller/rpc/convert.h"
#include "tests/unit/server/crowd.h"

namespace kernmesh::server {
namespace {

// Nodes by number: one that everybody sees, servers, people in the group, one who joins it, others.
constexpr std::size_t kBeacon = 0, kFirstServer = 1, kFirstDeveloper = 101, kJoiner = 301,
                      kFirstOther = 302, kAllNodes = 2'000;
// The joiner's record, with both addresses, and its joining of the set.
constexpr std::size_t kMostBytes = 200;

std::string policy_text(const std::string& developers) {
  return R"({"tagOwners": {"tag:beacon": [], "tag:server": []},
    "groups": {"group:dev": [)" +
         developers + R"(], "group:other": ["other@"]},
    "acls": [{"action": "accept", "src": ["*"], "dst": ["tag:beacon:1"]},
             {"action": "accept", "src": ["group:dev"], "dst": ["tag:server:443"]},
             {"action": "accept", "src": ["group:other"], "dst": ["tag:server:22"]}]})";
}

std::size_t bytes_of(const rpc::Update& update) {
  return std::visit([](const auto& told) { return rpc::to_proto(told).ByteSizeLong(); }, update);
}

// Where the beacon is after the update; nothing when it does not say.
std::optional<Port> beacon_in(const rpc::Update& update, NodeId beacon) {
  const auto* delta = std::get_if<netmap::Delta>(&update);
  if (delta == nullptr) return std::nullopt;
  for (const auto& peer : delta->upserted) {
    if (peer.id == beacon && !peer.endpoints.empty()) return peer.endpoints[0].port;
  }
  return std::nullopt;
}

std::size_t online_peers(const std::vector<rpc::Update>& updates) {
  std::set<NodeId> online;
  const auto note = [&](const netmap::Peer& peer) {
    if (peer.online) online.insert(peer.id);
  };
  for (const auto& update : updates) {
    if (const auto* map = std::get_if<netmap::Netmap>(&update)) {
      for (const auto& [id, peer] : map->peers) note(peer);
    }
    if (const auto* delta = std::get_if<netmap::Delta>(&update)) {
      for (const auto& peer : delta->upserted) note(peer);
    }
  }
  return online.size();
}

class WireTest : public ServerTest {
 protected:
  struct Stream {
    std::unique_ptr<Watcher> watcher;
    bool is_server = false;
    std::size_t settled = 0;  // updates before what is measured
  };

  void SetUp() override {
    ServerTest::SetUp();
    for (const char* name : {"beacon", "developer", "joiner", "other"}) {
      const auto user = admin_->create_user(name);
      ASSERT_TRUE(user);
      users_[name] = UserId(user->id());
    }
    server_.reset();
    crowd_.settle(directory_, kAllNodes, [&](std::size_t i, topology::Node& node) {
      if (i == kBeacon) node.tags = {"tag:beacon"};
      if (i >= kFirstServer && i < kFirstDeveloper) node.tags = {"tag:server"};
      if (i >= kFirstDeveloper && i < kJoiner) node.user_id = users_["developer"];
      if (i == kJoiner) node.user_id = users_["joiner"];
      if (i >= kFirstOther) node.user_id = users_["other"];
      node.endpoints = {{IpAddress::from_v4_number(0xc6336407), Port(4500)}};
    });
    start();
    set_policy(R"("developer@")");
  }

  void set_policy(const std::string& developers) {
    mesh::v1::SetPolicyRequest request;
    request.set_text(policy_text(developers));
    const auto set = admin_->set_policy(request);
    ASSERT_TRUE(set) << set.error().message();
  }

  rpc::Session session_of(std::size_t node) {
    auto session = client()->register_node(crowd_.at(node).registration());
    EXPECT_TRUE(session) << session.error().message();
    return session ? *session : rpc::Session{};
  }

  Stream watch(std::size_t node) {
    Stream stream{std::make_unique<Watcher>(client(), session_of(node)),
                  node >= kFirstServer && node < kFirstDeveloper};
    stream.watcher->first();
    return stream;
  }

  // Something that everybody is told: whoever has heard it has nothing older to come.
  void move_beacon(const rpc::Session& beacon, Port port, const std::vector<Stream>& streams) {
    rpc::Report report;
    report.endpoints = {{IpAddress::from_v4_number(0xc6336401), port}};
    ASSERT_TRUE(client()->report(beacon, report));
    for (const auto& stream : streams) {
      stream.watcher->wait([&](const auto& all) {
        return std::any_of(all.begin(), all.end(), [&](const rpc::Update& update) {
          return beacon_in(update, beacon.node_id) == port;
        });
      });
    }
  }

  std::map<std::string, UserId> users_;
  Crowd crowd_;
};

// What a stream was told after it had settled and apart from the beacon's next place.
struct Cost {
  std::size_t bytes = 0;
  bool named_joiner = false;
};
Cost cost_of(std::vector<rpc::Update> updates, std::size_t settled, const rpc::Session& beacon,
             NodeId joiner) {
  Cost cost;
  for (std::size_t i = settled; i < updates.size(); ++i) {
    if (auto* delta = std::get_if<netmap::Delta>(&updates[i])) {
      for (const auto& set : delta->changed_sets) {
        cost.named_joiner = cost.named_joiner || set.joined == std::vector{joiner};
      }
      const auto beacons = std::erase_if(
          delta->upserted, [&](const auto& peer) { return peer.id == beacon.node_id; });
      if (beacons > 0 && is_empty(*delta)) continue;
    }
    cost.bytes += bytes_of(updates[i]);
  }
  return cost;
}

TEST_F(WireTest,
       node_that_joins_a_group_costs_200_bytes_where_rules_name_it_and_nothing_elsewhere) {
  const auto beacon = session_of(kBeacon);
  Watcher beacon_watcher(client(), beacon);
  beacon_watcher.first();
  std::vector<Stream> streams;
  for (std::size_t i = 0; i < 12; ++i) {
    for (const std::size_t first : {kFirstServer, kFirstDeveloper, kFirstOther}) {
      streams.push_back(watch(first + i));
    }
  }
  // Those who come online are told of until all have; the beacon sees them all.
  beacon_watcher.wait([&](const auto& all) { return online_peers(all) == streams.size(); });
  move_beacon(beacon, Port(1), streams);
  for (auto& stream : streams) {
    stream.settled = stream.watcher->wait([](const auto&) { return true; }).size();
  }
  set_policy(R"("developer@", "joiner@")");
  move_beacon(beacon, Port(2), streams);
  const NodeId joiner = NodeId(beacon.node_id.value() + kJoiner - kBeacon);
  std::size_t most = 0;
  for (const auto& stream : streams) {
    const auto cost = cost_of(stream.watcher->wait([](const auto&) { return true; }),
                              stream.settled, beacon, joiner);
    EXPECT_EQ(cost.named_joiner, stream.is_server);
    if (stream.is_server) {
      EXPECT_GT(cost.bytes, 0u);
      EXPECT_LE(cost.bytes, kMostBytes);
    } else {
      EXPECT_EQ(cost.bytes, 0u);
    }
    most = std::max(most, cost.bytes);
  }
  std::printf("a node joins a group among %zu: %zu bytes at most where rules name the group\n",
              kAllNodes, most);
}

}  // namespace
}  // namespace kernmesh::server
