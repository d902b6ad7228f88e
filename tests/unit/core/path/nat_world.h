// SPDX-License-Identifier: Apache-2.0
// Whole nodes (path engine, meetings at relays, netcheck) behind NATs, relays that run the real
// session table, and data that goes where the paths say, in virtual time (test support).
#pragma once

#include "controller/core/netcheck/netcheck.h"
#include "controller/core/relay/meetings.h"
#include "controller/core/relay/session_table.h"
#include "tests/unit/core/path/simulated_nat.h"
#include "tests/unit/core/path/simulated_network.h"
#include "tests/unit/core/relay/relay_keys.h"

namespace kernmesh::path {

using NetworkNumber = std::size_t;
inline constexpr NetworkNumber kInternet = 0;

// What a process starts with: randomness of its own, and relays' requests numbered by the clock.
struct Birth {
  std::uint32_t seed = 0;
  MonoTime at{};
  Settings settings;
};

struct WorldNode {
  WorldNode(std::uint32_t number, NetworkNumber in, const IpAddress& address, const Birth& birth)
      : identity(sample_identity(number)),
        engine(identity.local, secret_filled<32>(birth.seed, 40), birth.settings),
        meetings(
            {identity.local.disco_secret, secret_filled<32>(birth.seed, 41),
             relay::Sequence(static_cast<std::uint64_t>(
                 std::chrono::duration_cast<std::chrono::microseconds>(birth.at.time_since_epoch())
                     .count()))}),
        check(secret_filled<32>(birth.seed, 42)),
        network(in),
        at{address, kPort} {}

  SampleIdentity identity;
  Engine engine;
  relay::Meetings meetings;
  netcheck::Netcheck check;
  NetworkNumber network;
  Endpoint at;
  bool udp_blocked = false;
  std::optional<relay::RelayId> home;
  std::map<NodeId, SetPath> paths;
  std::map<NodeId, std::vector<Way>> sources;
  std::map<NodeId, Traffic> traffic;
  std::map<NodeId, MonoTime> arrived;  // data from that peer
  std::size_t datagrams_sent = 0;      // without data
};

// One datagram of an engine. A way is in use when it was the first choice before or after what the
// engine did then, or in between.
struct EngineSent {
  NodeId peer;
  Way to;
  std::size_t bytes;
  bool in_use;
};

class NatWorld {
 public:
  Settings settings;  // of the engines; before add_node()
  // What an engine sent in one go.
  std::function<void(const WorldNode&, const std::vector<EngineSent>&)> tap;
  double loss = 0;
  double reordered = 0;  // share of packets that come up to half a second late

  NatWorld(std::uint32_t seed, int relays) : random_(seed), networks_(1) {
    for (int n = 1; n <= relays; ++n) {
      relay::SessionSettings settings;
      settings.networks = {relay::ticket_public_key(relay::kServer)};
      relays_.emplace(
          relay_place(n).address,
          Relay{relay::SessionTable(settings, relay_secret(n), secret_filled<32>(seed, 60)),
                relay_place(n), true});
    }
  }

  MonoTime now() const { return now_; }
  WorldNode& node(std::uint32_t id) { return *nodes_.at(id); }
  std::mt19937& random() { return random_; }
  void set_relay_alive(int n, bool alive) { relays_.at(relay_place(n).address).alive = alive; }
  // The relay itself, whatever the server says of it.
  void drain(int n) {
    Relay& relay = relays_.at(relay_place(n).address);
    send_all(relay, relay.table.drain(seconds(60), relay_now()));
  }
  void end_drain(int n) { relays_.at(relay_place(n).address).table.end_drain(); }
  SimulatedNat& nat_of(NetworkNumber network) { return *networks_[network].nat; }

  NetworkNumber add_network(NetworkNumber parent, NatKind kind) {
    const auto outer = fresh_address(parent);
    networks_.push_back({parent, std::make_unique<SimulatedNat>(kind, outer, random_()), {}, {}});
    networks_[parent].routers[outer] = networks_.size() - 1;
    return networks_.size() - 1;
  }
  void rebind(NetworkNumber network) {
    auto& inner = networks_[network];
    networks_[inner.parent].routers.erase(inner.nat->outer());
    inner.nat->rebind(fresh_address(inner.parent));
    networks_[inner.parent].routers[inner.nat->outer()] = network;
  }
  WorldNode& add_node(std::uint32_t id, NetworkNumber network) {
    const auto address = fresh_address(network);
    const Birth birth{id, now_, settings};
    auto& node =
        *nodes_.emplace(id, std::make_unique<WorldNode>(id, network, address, birth)).first->second;
    networks_[network].hosts[address] = id;
    node.engine.set_local_addresses(now_, {address});
    return node;
  }
  void move(std::uint32_t id, NetworkNumber network) {
    WorldNode& node = *nodes_.at(id);
    networks_[node.network].hosts.erase(node.at.address);
    node.network = network;
    node.at.address = fresh_address(network);
    networks_[network].hosts[node.at.address] = id;
    node.engine.set_local_addresses(now_, {node.at.address});
    node.meetings.on_moved(now_);
    node.check.start(now_);
    settle(node);
  }
  // The process starts anew with the keys that it has on disk; its server tells it of everybody.
  void restart(std::uint32_t id) {
    const auto& before = *nodes_.at(id);
    const Birth birth{id + 1000 * ++restarts_, now_, settings};
    auto fresh = std::make_unique<WorldNode>(id, before.network, before.at.address, birth);
    fresh->identity.info.endpoints = before.identity.info.endpoints;
    fresh->arrived = before.arrived;
    WorldNode& node = *(nodes_.at(id) = std::move(fresh));
    node.engine.set_local_addresses(now_, {node.at.address});
    for (auto& [other, peer] : nodes_) {
      if (other == id) continue;
      node.engine.upsert_peer(now_, peer->identity.info);
      node.meetings.upsert_peer(now_, {NodeId(other), peer->identity.info.disco_key, peer->home});
    }
    learn_of_relays(id);
    settle(node);
  }
  std::vector<relay::RelayInfo> relay_infos() const {
    std::vector<relay::RelayInfo> infos;
    for (int n = 1; n <= static_cast<int>(relays_.size()); ++n) {
      infos.push_back({relay::RelayId(static_cast<std::uint32_t>(n)),
                       {relay::relay_public_key(relay_secret(n)), {relay_place(n)}}});
    }
    return infos;
  }
  // The server's word on relays changes.
  void tell(const std::vector<relay::RelayInfo>& infos) {
    for (auto& [id, node] : nodes_) {
      node->meetings.set_relays(now_, infos);
      settle(*node);
    }
  }
  // Everybody learns of everybody and of the relays.
  void start() {
    for (auto& [id, node] : nodes_) {
      learn_of_relays(id);
      publish(id, {node->at});
      settle(*node);
    }
  }
  // Runs for `span`; every pair sends all the time. after_step is called each half second.
  void run(
      Duration span, const std::function<void()>& after_step = [] {}) {
    for (const MonoTime end = now_ + span; now_ < end;) {
      run_events(now_ + milliseconds(500));
      for (auto& [id, table] : relays_) send_all(table, table.table.expire(relay_now()));
      for (auto& [from, a] : nodes_)
        for (auto& [to, b] : nodes_)
          if (from != to) send_data(*a, from, to);
      after_step();
    }
  }

 private:
  struct Network {
    NetworkNumber parent = kInternet;
    std::unique_ptr<SimulatedNat> nat;
    std::map<IpAddress, std::uint32_t> hosts;
    std::map<IpAddress, NetworkNumber> routers;
  };
  struct Relay {
    relay::SessionTable table;
    Endpoint at;
    bool alive;
  };
  struct Delivery {
    MonoTime at;
    std::uint64_t order;
    std::optional<std::uint32_t> node;  // none: the relay at `to`
    Endpoint from, to;
    Bytes bytes;
    bool operator>(const Delivery& o) const {
      return std::tie(at, order) > std::tie(o.at, o.order);
    }
  };

  static X25519SecretKey relay_secret(int n) {
    return secret_filled<32>(static_cast<std::uint32_t>(n), 50);
  }
  std::chrono::sys_time<std::chrono::microseconds> wall() const {
    return std::chrono::sys_time<std::chrono::microseconds>(
        std::chrono::duration_cast<std::chrono::microseconds>(now_.time_since_epoch()));
  }
  relay::Now relay_now() const { return {now_, wall()}; }
  IpAddress fresh_address(NetworkNumber network) {
    const auto n = ++addresses_;
    const auto low = static_cast<std::uint8_t>(n), high = static_cast<std::uint8_t>(n >> 8);
    if (network == kInternet) return IpAddress::from_v4_bytes({203, 0, high, low});
    // Private ranges repeat: two homes may well use the same.
    return IpAddress::from_v4_bytes({192, 168, static_cast<std::uint8_t>(network % 2),
                                     static_cast<std::uint8_t>(10 + n % 200)});
  }

  void learn_of_relays(std::uint32_t id) {
    WorldNode& node = *nodes_.at(id);
    const auto infos = relay_infos();
    std::vector<netcheck::Server> servers;
    for (const auto& info : infos) servers.push_back({info.id, info.address.endpoints});
    const auto ticket =
        relay::sign_ticket({relay::network_id(relay::ticket_public_key(relay::kServer)), NodeId(id),
                            node.identity.info.disco_key,
                            std::chrono::floor<seconds>(wall()) + std::chrono::hours(9), 64},
                           relay::kServer);
    node.meetings.set_ticket(now_, ticket);
    node.meetings.set_relays(now_, infos);
    node.check.set_servers(now_, servers);
  }
  void publish(std::uint32_t id, const std::vector<Endpoint>& endpoints) {
    WorldNode& node = *nodes_.at(id);
    node.identity.info.endpoints = endpoints;
    for (auto& [other, peer] : nodes_) {
      if (other == id) continue;
      peer->engine.upsert_peer(now_, node.identity.info);
      peer->meetings.upsert_peer(now_, {NodeId(id), node.identity.info.disco_key, node.home});
      settle(*peer);
    }
  }

  void settle(WorldNode& node) {
    for (bool again = true; again;) {
      again = false;
      auto commands = node.engine.take_commands();
      if (tap) tap(node, sent_by(node, commands));
      for (auto& command : commands) again = true, obey(node, command);
      for (auto& command : node.meetings.take_commands()) again = true, obey(node, command);
      for (auto& command : node.check.take_commands()) again = true, obey(node, command);
    }
  }
  static std::vector<EngineSent> sent_by(const WorldNode& node, std::span<const Command> commands) {
    std::set<std::pair<NodeId, Way>> used;
    for (const auto& [peer, path] : node.paths)
      if (path.primary) used.insert({peer, *path.primary});
    for (const auto& command : commands)
      if (const auto* path = std::get_if<SetPath>(&command); path && path->primary)
        used.insert({path->peer, *path->primary});
    std::vector<EngineSent> sent;
    for (const auto& command : commands)
      if (const auto* out = std::get_if<SendDatagram>(&command))
        sent.push_back(
            {out->peer, out->to, out->bytes.size(), used.contains({out->peer, out->to})});
    return sent;
  }
  void obey(WorldNode& node, Command& command) {
    if (auto* out = std::get_if<SendDatagram>(&command)) {
      ++node.datagrams_sent;
      send(node, out->to.endpoint, std::move(out->bytes));
    } else if (auto* path = std::get_if<SetPath>(&command)) {
      node.paths[path->peer] = *path;
    } else if (auto* sources = std::get_if<SetSources>(&command)) {
      node.sources[sources->peer] = sources->sources;
    } else if (auto* doubt = std::get_if<DoubtRelay>(&command)) {
      node.meetings.on_doubt(now_, doubt->way);
    }
  }
  void obey(WorldNode& node, relay::MeetingCommand& command) {
    if (auto* ways = std::get_if<relay::SetRelayed>(&command)) {
      node.engine.set_relayed(now_, ways->peer, ways->ways, ways->leaving);
    } else if (auto* out = std::get_if<relay::ToRelay>(&command)) {
      ++node.datagrams_sent;
      send(node, out->relay, std::move(out->bytes));
    } else if (std::holds_alternative<relay::HomeLost>(command)) {
      node.check.start(now_);
    }
  }
  void obey(WorldNode& node, std::variant<netcheck::SendStun, netcheck::NewReport>& command) {
    if (auto* out = std::get_if<netcheck::SendStun>(&command)) {
      ++node.datagrams_sent;
      send(node, out->to, std::move(out->bytes));
      return;
    }
    const auto& report = std::get<netcheck::NewReport>(command).report;
    node.engine.set_offer(
        now_, netcheck::reachable_endpoints(report, std::vector{node.at}, kMostOfferedEndpoints));
    std::vector<Endpoint> reported{node.at};
    if (report.v4) reported.push_back(*report.v4);
    const bool changed = node.home != report.home || node.identity.info.endpoints != reported;
    node.home = report.home;
    node.meetings.set_home(now_, report.home);
    if (!changed) return;
    publish(static_cast<std::uint32_t>(node.identity.info.id.value()), reported);
  }

  // From the node through the NATs to whoever has the address now.
  void send(WorldNode& node, Endpoint to, Bytes bytes) {
    if (!node.udp_blocked) route(node.network, node.at, to, std::move(bytes));
  }
  void route(NetworkNumber at, Endpoint from, Endpoint to, Bytes bytes) {
    for (int hops = 0; hops < 12; ++hops) {
      auto& network = networks_[at];
      if (const auto host = network.hosts.find(to.address); host != network.hosts.end()) {
        if (to.port == kPort) fly(host->second, from, to, std::move(bytes));
        return;
      }
      if (const auto router = network.routers.find(to.address); router != network.routers.end()) {
        const auto inner = networks_[router->second].nat->inbound(now_, from, to.port);
        if (!inner) return;
        at = router->second;
        to = *inner;
        continue;
      }
      if (at == kInternet) {
        if (relays_.contains(to.address)) fly(std::nullopt, from, to, std::move(bytes));
        return;
      }
      const bool hairpin = to.address == network.nat->outer();
      if (hairpin && !network.nat->hairpin()) return;
      from = network.nat->outbound(now_, from, to);
      at = network.parent;
    }
  }
  void fly(std::optional<std::uint32_t> node, const Endpoint& from, const Endpoint& to,
           Bytes bytes) {
    std::uniform_real_distribution<> chance(0, 1);
    if (chance(random_) < loss) return;
    auto delay = milliseconds(5 + (from.address.bytes()[3] * 7 + to.address.bytes()[3] * 7) % 40);
    if (chance(random_) < reordered) delay += milliseconds(random_() % 500);
    in_flight_.push({now_ + delay, ++order_, node, from, to, std::move(bytes)});
  }

  static bool is_data(std::span<const std::uint8_t> bytes) {
    return !bytes.empty() && bytes[0] == 4;
  }
  void send_data(WorldNode& node, std::uint32_t from, std::uint32_t to) {
    const SetPath& path = node.paths[NodeId(to)];
    const Bytes data{4, 0, 0, 0, static_cast<std::uint8_t>(from)};
    const bool both = path.use == Use::kBoth || (path.deadline && *path.deadline < now_);
    for (const auto& way : {path.primary, both ? path.secondary : std::nullopt}) {
      if (!way) continue;
      send(node, way->endpoint, way->is_relayed() ? relay::wrap_data(way->channel, data) : data);
    }
    auto& traffic = node.traffic[NodeId(to)];
    traffic.last_tx = now_;
    node.engine.on_traffic(now_, NodeId(to), traffic);
    node.meetings.on_active(now_, NodeId(to));
    node.check.on_active(now_);
    settle(node);
  }
  // As the programs do: a known source, or for direct data WireGuard's receiver index.
  void take_data(WorldNode& node, const Way& from, NodeId peer) {
    const auto& known = node.sources[peer];
    if (from.is_relayed() && std::find(known.begin(), known.end(), from) == known.end()) return;
    auto& traffic = node.traffic[peer];
    (from.is_relayed() ? traffic.last_rx_relayed : traffic.last_rx) = now_;
    node.arrived[peer] = now_;
  }
  void arrive(WorldNode& node, const Delivery& d) {
    if (node.udp_blocked) return;
    const auto relayed = relay::parse_data(d.bytes);
    const std::span<const std::uint8_t> inner = relayed ? relayed->message : std::span(d.bytes);
    const Way way(d.from, relayed ? relayed->channel : relay::Channel{});
    if (is_data(inner)) {
      take_data(node, way, NodeId(inner[4]));
    } else if (stun::is_stun(d.bytes)) {
      node.check.on_datagram(now_, d.bytes, d.from);
    } else if (relay::is_control(d.bytes)) {
      node.meetings.on_datagram(now_, d.bytes, d.from);
    } else {
      node.engine.on_datagram(now_, d.bytes, d.from, node.at.address);
    }
    settle(node);
  }
  void arrive(Relay& relay, const Delivery& d) {
    if (!relay.alive) return;
    const relay::Origin origin{d.from, d.to.address, relay::StreamId()};
    const auto reply = [&](const Endpoint& to, Bytes bytes) {
      route(kInternet, relay.at, to, std::move(bytes));
    };
    const auto asked = stun::parse(d.bytes);
    if (const auto* message = std::get_if<stun::Message>(&asked)) {
      if (const auto* request = std::get_if<stun::BindingRequest>(message))
        reply(d.from, stun::to_bytes(stun::BindingSuccess{request->tx, d.from}));
    } else if (relay::is_control(d.bytes)) {
      send_all(relay, relay.table.on_control(origin, d.bytes, relay_now()));
    } else if (auto out = relay.table.on_data(origin, d.bytes, relay_now())) {
      reply(out->to.client, std::move(out->bytes));
    }
  }
  void send_all(Relay& relay, relay::Commands commands) {
    if (!relay.alive) return;
    for (auto& out : commands.send) route(kInternet, relay.at, out.to.client, std::move(out.bytes));
  }

  void run_events(MonoTime end) {
    while (true) {
      MonoTime when = end;
      WorldNode* due = nullptr;
      for (auto& [id, node] : nodes_) {
        for (const auto deadline : {node->engine.next_deadline(), node->meetings.next_deadline(),
                                    node->check.next_deadline()}) {
          if (!deadline || *deadline >= when) continue;
          when = std::max(*deadline, now_);
          due = node.get();
        }
      }
      if (!in_flight_.empty() && in_flight_.top().at <= when) {
        const Delivery d = in_flight_.top();
        in_flight_.pop();
        now_ = std::max(now_, d.at);
        if (d.node) {
          arrive(*nodes_.at(*d.node), d);
        } else {
          arrive(relays_.at(d.to.address), d);
        }
        continue;
      }
      if (due == nullptr) break;
      at_once_ = when == now_ ? at_once_ + 1 : 0;
      if (at_once_ > 20'000) std::abort();  // somebody asks for a tick and does nothing
      now_ = when;
      tick(*due);
    }
    now_ = end;
  }
  void tick(WorldNode& node) {
    const auto is_due = [&](const auto& deadline) { return deadline && *deadline <= now_; };
    if (is_due(node.engine.next_deadline())) node.engine.tick(now_);
    if (is_due(node.meetings.next_deadline())) node.meetings.tick(now_);
    if (is_due(node.check.next_deadline())) node.check.tick(now_);
    settle(node);
  }

  std::mt19937 random_;
  MonoTime now_{std::chrono::hours(1)};
  std::vector<Network> networks_;
  std::map<std::uint32_t, std::unique_ptr<WorldNode>> nodes_;
  std::map<IpAddress, Relay> relays_;
  std::priority_queue<Delivery, std::vector<Delivery>, std::greater<>> in_flight_;
  std::uint64_t order_ = 0;
  std::uint32_t addresses_ = 0;
  std::uint32_t restarts_ = 0;
  int at_once_ = 0;
};

}  // namespace kernmesh::path
