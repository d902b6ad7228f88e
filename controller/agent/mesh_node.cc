// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/mesh_node.h"

#include <spdlog/spdlog.h>
#include <time.h>

#include <algorithm>
#include <iterator>

#include "controller/agent/host_view.h"
#include "controller/agent/range_conflict.h"
#include "controller/core/reconcile/recheck.h"
#include "controller/host/kernel_random.h"

namespace kernmesh::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kRereadRetryInterval = seconds(1);
constexpr auto kGuardInterval = milliseconds(400);

// What this thread has cost, system calls included.
Duration thread_cpu_time() {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

path::LocalIdentity path_identity(const Identity& identity) {
  path::LocalIdentity local;
  local.disco_secret = identity.disco;
  local.node_key = node_public_key(identity.node);
  local.attestation = path::attest(identity.machine, disco_public_key(identity.disco),
                                   local.node_key, host::wall_now());
  return local;
}

path::PeerInfo to_peer_info(const netmap::Peer& peer) {
  return {peer.id, peer.machine_key, peer.node_key, peer.disco_key, peer.endpoints};
}

std::string path_topic(NodeId id) { return "writing the path to node " + to_string(id); }

const std::string kRangeTopic = "the mesh's range";

}  // namespace

MeshNode::MeshNode(host::EventLoop& loop, MeshDevice device, host::PublicSocket socket,
                   netlink::Monitor monitor, Rings rings, const Identity& identity, Events events)
    : loop_(loop),
      device_(std::move(device)),
      socket_(std::move(socket)),
      monitor_(std::move(monitor)),
      rings_(std::move(rings)),
      node_secret_(identity.node),
      events_(std::move(events)),
      engine_(path_identity(identity), host::kernel_random()),
      relays_(identity.disco, relay_events()),
      paths_(device_.underlay(), device_.routes(),
             [this](const path::Way& way) { return tls_.has(way.endpoint); }),
      tls_(loop, device_.underlay_index(), {paths_, device_.underlay()}, tls_events()),
      traffic_(device_.underlay(), {engine_, relays_, tls_}),
      handshakes_(HandshakeKeeper::surroundings(
                      {std::move(rings_.handshakes), device_.underlay(), paths_, tls_}),
                  handshake_events()) {}

Result<std::unique_ptr<MeshNode>> MeshNode::start(host::EventLoop& loop, const Instance& instance,
                                                  const Identity& identity, Port port,
                                                  Events events) {
  MESH_TRY_ASSIGN(auto socket, host::PublicSocket::open(port));
  MESH_TRY_ASSIGN(auto monitor, netlink::Monitor::open());
  MESH_TRY_ASSIGN(auto device, MeshDevice::open(instance, socket.port()));
  MESH_TRY_ASSIGN(auto strangers, device.underlay().events());
  MESH_TRY_ASSIGN(auto handshakes, device.underlay().handshakes());
  MESH_TRY_ASSIGN(auto packets, device.access().programs().events());
  std::unique_ptr<MeshNode> node(
      new MeshNode(loop, std::move(device), std::move(socket), std::move(monitor),
                   {std::move(strangers), std::move(handshakes), std::move(packets)}, identity,
                   std::move(events)));
  MESH_TRY(node->watch_descriptors());
  node->refresh_host(host::mono_now());
  return node;
}

MeshNode::~MeshNode() {
  for (const int fd : {monitor_.fd(), rings_.strangers.fd(), handshakes_.fd(), rings_.packets.fd(),
                       socket_.fds()[0], socket_.fds()[1]}) {
    if (fd >= 0) loop_.unwatch(fd);
  }
}

Status MeshNode::watch_descriptors() {
  MESH_TRY(loop_.watch(monitor_.fd(), [this] { on_kernel_changes(); }));
  MESH_TRY(loop_.watch(rings_.strangers.fd(), [this] { on_strangers(); }));
  MESH_TRY(loop_.watch(handshakes_.fd(), [this] { run_commands(); }));
  MESH_TRY(loop_.watch(rings_.packets.fd(), [this] { on_packets(); }));
  for (const int fd : socket_.fds()) {
    if (fd < 0) continue;
    MESH_TRY(loop_.watch(fd, [this, fd] {
      socket_.receive(fd, [this](std::span<const std::uint8_t> bytes, const Endpoint& source,
                                 const IpAddress& local) { on_datagram(bytes, source, local); });
    }));
  }
  return {};
}

void MeshNode::on_kernel_changes() {
  if (monitor_.drain().any()) host_changed_ = true;
}

void MeshNode::on_strangers() {
  const auto received = rings_.strangers.read();
  if (!received) return;
  for (const auto& event : *received) engine_.on_unknown_initiation(host::mono_now(), event.source);
}

void MeshNode::on_packets() {
  const auto received = rings_.packets.read();
  if (received && !received->empty()) events_.on_packets(*received);
}

void MeshNode::refresh_host(MonoTime now) {
  host_changed_ = false;
  if (!device_.is_whole()) {
    events_.on_lost();
    return;
  }
  const Status read = follow_host(now);
  problems_.note("following the host's network", read);
  if (!read) host_changed_ = true;
  const MonoTime done = host::mono_now();
  const Duration pause = reconcile::pause_after_refresh(done - now);
  next_refresh_ = done + (read ? pause : std::max<Duration>(pause, kRereadRetryInterval));
}

Status MeshNode::follow_host(MonoTime now) {
  MESH_TRY_ASSIGN(const auto interfaces, read_interfaces(device_.routes()));
  std::map<IfIndex, std::uint32_t> mtus;
  for (const auto& interface : interfaces) mtus[interface.index] = interface.mtu;
  paths_.set_interface_mtus(std::move(mtus));
  auto uplinks =
      reconcile::choose_uplinks(interfaces, device_.mesh_index(), device_.underlay_index());
  // What fails in one place, on an interface say, keeps nothing else from being followed.
  Status first = device_.set_uplinks(uplinks);
  const auto attempt = [&](const Status& status) {
    if (!status && first) first = status;
  };
  guard_attachments(now);
  const bool moved = !uplinks_ || uplinks.addresses != uplinks_->addresses;
  uplinks_ = std::move(uplinks);
  if (moved) {
    engine_.set_local_addresses(now, uplinks_->addresses);
    tls_.on_moved();
    relays_.on_moved(now);
    offer();
  }
  // Our own addresses, routes and rules may be what changed.
  if (netmap_) attempt(reconcile_kernel(*netmap_));
  events_.on_gateway(read_gateway(device_.routes(), *uplinks_), socket_.port());
  attempt(paths_.resolve_all());
  return first;
}

Status MeshNode::apply(NetmapPtr map, const std::optional<NetmapStep>& step) {
  const WallTime now = host::wall_now();
  const bool follows = step && netmap_ && step->from == netmap_;
  if (follows && device_.can_step() && horizon_ && horizon_->covers(now))
    return apply_step(std::move(map), step->touched, now);
  return apply_whole(std::move(map));
}

// Before WireGuard hears of a peer, so that nobody is let in whom the new policy keeps out.
Status MeshNode::set_policy(const netmap::Netmap& map, const netmap::Touched* touched,
                            WallTime now) {
  Status set;
  if (touched != nullptr && is_policy_in_force_ && !touched->rules) {
    std::vector<NodeId> nodes;
    std::set_union(touched->peers.begin(), touched->peers.end(), touched->members.begin(),
                   touched->members.end(), std::back_inserter(nodes));
    set = device_.access().apply_step(*netmap_, map, nodes, now);
  } else {
    set = device_.access().apply(map, now);
  }
  is_policy_in_force_ = static_cast<bool>(set);
  if (!set) policy_failed_at_ = now;
  problems_.note("the policy", set);
  return set;
}

Status MeshNode::apply_step(NetmapPtr map, const netmap::Touched& touched, WallTime now) {
  const Status policy = set_policy(*map, &touched, now);
  const auto wanted = reconcile::desired_step(*netmap_, *map, touched.peers, now);
  MESH_TRY(device_.apply(wanted, node_secret_));
  horizon_->advance(*map, touched.peers, now);
  const NetmapPtr before = std::exchange(netmap_, std::move(map));
  greet(*before, touched.peers);
  for (const NodeId id : touched.peers) {
    if (netmap_->peers.contains(id) || !before->peers.contains(id)) continue;
    forget_peer(id);
    engine_.remove_peer(id);
  }
  for (const NodeId id : touched.peers) {
    const auto peer = netmap_->peers.find(id);
    if (peer == netmap_->peers.end()) continue;
    if (!before->peers.contains(id))
      problems_.note("tracking peer " + to_string(id), paths_.track(id));
    engine_.upsert_peer(host::mono_now(), to_peer_info(peer->second));
  }
  relays_.apply_step(host::mono_now(), *netmap_, touched.peers);
  run_commands();
  return policy;
}

Status MeshNode::apply_whole(NetmapPtr map) {
  // Whoever takes one of our ranges while we run must not keep removed peers in this node.
  const Status alone = check_conflicts(device_.routes(), *map, device_.mesh_index());
  if (!alone && !netmap_ && !is_routed(device_.routes(), device_.mesh_index())) return alone;
  problems_.note(kRangeTopic, alone);
  std::vector<NodeId> ids;
  std::vector<path::PeerInfo> peers;
  for (const auto& [id, peer] : map->peers) {
    ids.push_back(id);
    peers.push_back(to_peer_info(peer));
  }
  if (!adopted_) MESH_TRY(paths_.adopt(ids));
  adopted_ = true;
  const Status policy = set_policy(*map, nullptr, host::wall_now());
  MESH_TRY(reconcile_kernel(*map));
  const NetmapPtr before = std::exchange(netmap_, std::move(map));
  if (before) greet(*before, ids);
  for (const NodeId id : ids) {
    if (before && before->peers.contains(id)) continue;
    problems_.note("tracking peer " + to_string(id), paths_.track(id));
  }
  if (before) {
    for (const auto& [id, peer] : before->peers) {
      if (!netmap_->peers.contains(id)) forget_peer(id);
    }
  }
  engine_.set_peers(host::mono_now(), std::move(peers));
  relays_.apply(host::mono_now(), *netmap_);
  run_commands();
  return policy;
}

void MeshNode::forget_peer(NodeId id) {
  traffic_.forget(id);
  if (message_limits_.erase(id) != 0) limits_changed_ = true;
  problems_.note("forgetting peer " + to_string(id), paths_.forget(id));
  problems_.forget(path_topic(id));
  tls_.forget(id);
  handshakes_.forget(id);
  pings_.finish_of(id);
}

Status MeshNode::reconcile_kernel(const netmap::Netmap& map) {
  const WallTime now = host::wall_now();
  const auto conditions = current_conditions(now);
  const auto desired = reconcile::desired_state(map, conditions);
  MESH_TRY(device_.apply(desired, node_secret_));
  // A way through a mesh, be it another agent's of this host, is a tunnel in a tunnel: it is lost
  // when that one goes down, and two could lead through each other.
  MESH_TRY_ASSIGN(auto ranges, read_mesh_ranges(device_.routes()));
  ranges.insert(ranges.end(), map.self.overlay_prefixes.begin(), map.self.overlay_prefixes.end());
  engine_.set_overlay_prefixes(std::move(ranges));
  mtu_ = desired.mtu;
  engine_.set_largest_message(host::mono_now(), reconcile::message_of_mtu(mtu_));
  horizon_.emplace(map, now);
  return {};
}

// What root or another program took away is back within a second, checks on a slow machine
// included.
void MeshNode::guard_attachments(MonoTime now) {
  next_guard_ = now + kGuardInterval;
  problems_.note("keeping the programs attached", device_.keep_attached());
}

void MeshNode::once_a_second(MonoTime now) {
  next_second_ = now + seconds(1);
  pings_.finish_overdue(now);
  problems_.note("relays", relays_.admission());
  tls_.expire(now);
  problems_.note("relays over TLS", tls_.health());
  if (!netmap_) return;
  problems_.note("reading peers' traffic", traffic_.follow(now, *netmap_));
  if (horizon_ && !horizon_->covers(host::wall_now())) {
    (void)set_policy(*netmap_, nullptr, host::wall_now());  // noted there
    problems_.note("applying the netmap", reconcile_kernel(*netmap_));
  }
}

// What somebody changed with `wg set`.
void MeshNode::recheck_wireguard(MonoTime now) {
  const Duration before = thread_cpu_time();
  const auto is_same = device_.recheck_wireguard();
  if (problems_.has(kRangeTopic)) {
    problems_.note(kRangeTopic, check_conflicts(device_.routes(), *netmap_, device_.mesh_index()));
  }
  next_recheck_ = now + reconcile::pause_after_recheck(thread_cpu_time() - before);
  if (is_same && !*is_same) {
    spdlog::warn("WireGuard's peers are not as this agent made them; putting them right");
    problems_.note("applying the netmap", reconcile_kernel(*netmap_));
  }
}

std::optional<MonoTime> MeshNode::settle(MonoTime now) {
  if (host_changed_ && now >= next_refresh_) refresh_host(now);
  if (limits_changed_ && now >= next_limits_) apply_limits(now);
  if (now >= next_guard_) guard_attachments(now);
  if (now >= next_second_) once_a_second(now);
  if (const auto due = traffic_.next_look(); due && *due <= now)
    problems_.note("looking at peers' traffic", traffic_.look_closer(now));
  if (netmap_ && now >= next_recheck_) recheck_wireguard(now);
  if (const auto due = engine_.next_deadline(); due && *due <= now) engine_.tick(now);
  run_commands();
  MonoTime next = std::min(next_second_, next_guard_);
  if (host_changed_) next = std::min(next, next_refresh_);
  if (limits_changed_) next = std::min(next, next_limits_);
  if (const auto due = traffic_.next_look()) next = std::min(next, *due);
  if (const auto due = engine_.next_deadline()) next = std::min(next, *due);
  if (const auto due = handshakes_.next_deadline()) next = std::min(next, *due);
  if (const auto due = relays_.next_deadline()) next = std::min(next, *due);
  return next;
}

void MeshNode::run_commands() {
  handshakes_.take(host::mono_now());
  relays_.settle(host::mono_now());
  // Sending may fail at once and give the engine something to say.
  for (auto commands = engine_.take_commands(); !commands.empty();
       commands = engine_.take_commands()) {
    for (const auto& command : commands) {
      std::visit([this](const auto& c) { run(c); }, command);
    }
    relays_.settle(host::mono_now());
  }
  handshakes_.settle(host::mono_now());
  problems_.note("bridging to relays over TLS", tls_.settle());
}

void MeshNode::run(const path::SendDatagram& command) {
  if (tls_.has(command.to.endpoint)) return tls_.send(command.to.endpoint, command.bytes);
  if (!socket_.send(command.to.endpoint, command.from, command.bytes) && !command.is_padded) {
    engine_.on_send_failed(host::mono_now(), command.peer, command.to);
  }
}

void MeshNode::run(const path::SetPath& command) {
  const auto before = paths_.ways_of(command.peer);
  problems_.note(path_topic(command.peer), paths_.set_path(command));
  const auto ways = paths_.ways_of(command.peer);
  if (ways == before) return;  // most commands move a deadline alone
  spdlog::info("path to {}: {}", to_string(command.peer),
               command.primary ? path::to_string(*command.primary) : "none");
  if (!ways.empty()) handshakes_.on_path(host::mono_now(), command.peer);
}

void MeshNode::run(const path::SetSources& command) {
  problems_.note("writing sources", paths_.set_sources(command));
}

Status MeshNode::ping(NodeId peer, PingDone done) {
  const MonoTime now = host::mono_now();
  MESH_TRY_ASSIGN(const auto request, engine_.ping_now(now, peer));
  pings_.add(request, peer, now, std::move(done));
  relays_.on_active(now, peer);
  run_commands();
  return {};
}

}  // namespace kernmesh::agent
