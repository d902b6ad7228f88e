// SPDX-License-Identifier: Apache-2.0
// A node that takes part in the mesh (L3): device, public socket and path engine, driven on the
// agent's loop. It wires core's decisions to the kernel and decides nothing itself. Destroying it
// leaves the data plane as it is. Single-threaded.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/agent/handshake_keeper.h"
#include "controller/agent/identity.h"
#include "controller/agent/mesh_device.h"
#include "controller/agent/netmap_receiver.h"
#include "controller/agent/path_writer.h"
#include "controller/agent/peer_traffic.h"
#include "controller/agent/pending_pings.h"
#include "controller/agent/problem_list.h"
#include "controller/agent/relay_use.h"
#include "controller/agent/tls_path.h"
#include "controller/core/path/engine.h"
#include "controller/core/portmap/gateway.h"
#include "controller/host/event_loop.h"
#include "controller/host/public_socket.h"
#include "controller/netlink/monitor.h"

namespace kernmesh::agent {

class MeshNode {
 public:
  struct Events {
    std::function<void(std::vector<Endpoint>)> on_endpoints;  // where this node can be reached now
    std::function<void(std::optional<RelayId>)> on_home;      // at which relay it is found
    // Which gateway may map a port to this node's, and to which.
    std::function<void(const std::optional<portmap::Gateway>&, Port)> on_gateway;
    std::function<void()> on_lost;  // an interface of ours vanished: start anew
    // Packets that were dropped or, while they are followed, began a flow.
    std::function<void(const std::vector<mesh_acl_event>&)> on_packets;
  };

  // Opens or takes over the device. `loop` watches the returned node and must outlive it.
  static Result<std::unique_ptr<MeshNode>> start(host::EventLoop& loop, const Instance& instance,
                                                 const Identity& identity, Port port,
                                                 Events events);
  ~MeshNode();
  MeshNode(const MeshNode&) = delete;
  MeshNode& operator=(const MeshNode&) = delete;

  // Makes the kernel as the map says. An error leaves what was in force, and is shown by
  // problems(); when only the policy could not be put into the kernel the rest is done. With a step
  // that starts from the map in force the work is in proportion to the step.
  Status apply(NetmapPtr map, const std::optional<NetmapStep>& step);

  // Does what is due; returns when it wants to be called again.
  std::optional<MonoTime> settle(MonoTime now);

  // `done` is called once, on the loop.
  Status ping(NodeId peer, PingDone done);
  // Asks the relays what network this node is in; `done` likewise. kNotFound without relays.
  Status check_network(RelayUse::CheckDone done);
  // Where a gateway forwards the public port from; nullopt: nowhere.
  void set_mapped(const std::optional<Endpoint>& external);
  Status set_access(const bpf::AclSettings& settings) {
    return device_.access().programs().set(settings);
  }
  Status set_node_key(const Identity& identity);  // WireGuard's; sessions begin anew
  Port public_port() const { return socket_.port(); }
  const NetmapPtr& netmap() const { return netmap_; }  // the one in force; null before the first
  bool is_policy_in_force() const { return is_policy_in_force_; }  // of that map
  WallTime policy_failed_at() const { return policy_failed_at_; }  // the last time; 1970: never
  const MeshDevice& device() const { return device_; }
  const path::Engine& engine() const { return engine_; }
  const RelayUse& relays() const { return relays_; }
  const TlsPath& tls() const { return tls_; }
  // What the host offers; empty before it was read.
  reconcile::Uplinks uplinks() const { return uplinks_.value_or(reconcile::Uplinks()); }
  std::uint32_t mtu() const { return mtu_; }
  // What is wrong and what to do about it, in words.
  std::vector<std::string> problems() const;

 private:
  struct Rings {
    bpf::EventStream strangers;
    bpf::HandshakeStream handshakes;
    bpf::Ring<mesh_acl_event> packets;
  };
  MeshNode(host::EventLoop& loop, MeshDevice device, host::PublicSocket socket,
           netlink::Monitor monitor, Rings rings, const Identity& identity, Events events);
  Status watch_descriptors();
  TlsPath::Events tls_events();
  RelayUse::Events relay_events();
  void on_datagram(std::span<const std::uint8_t> bytes, const Endpoint& source,
                   const IpAddress& local);
  HandshakeKeeper::Events handshake_events();
  // Tells server and peers where this node can be reached.
  void offer();
  void on_kernel_changes();
  void on_strangers();
  void on_packets();
  void refresh_host(MonoTime now);
  Status follow_host(MonoTime now);
  Status reconcile_kernel(const netmap::Netmap& map);
  reconcile::Conditions current_conditions(WallTime now) const;
  void apply_limits(MonoTime now);
  Status apply_whole(NetmapPtr map);
  Status apply_step(NetmapPtr map, const netmap::Touched& touched, WallTime now);
  Status set_policy(const netmap::Netmap& map, const netmap::Touched* touched, WallTime now);
  void greet(const netmap::Netmap& before, std::span<const NodeId> peers);
  void forget_peer(NodeId id);
  void guard_attachments(MonoTime now);
  void once_a_second(MonoTime now);
  void recheck_wireguard(MonoTime now);
  void run_commands();
  void run(const path::SendDatagram& command);
  void run(const path::SetPath& command);
  void run(const path::SetSources& command);
  void run(const path::DoubtRelay& command) { relays_.on_doubt(host::mono_now(), command.way); }
  void run(const path::SetMessageLimit& command);
  void run(const path::PingResult& command) { pings_.finish(command); }

  host::EventLoop& loop_;
  MeshDevice device_;
  host::PublicSocket socket_;
  netlink::Monitor monitor_;
  Rings rings_;
  X25519SecretKey node_secret_;
  const Events events_;
  path::Engine engine_;
  RelayUse relays_;
  PathWriter paths_;
  TlsPath tls_;
  PeerTraffic traffic_;
  HandshakeKeeper handshakes_;
  NetmapPtr netmap_;
  std::optional<reconcile::Uplinks> uplinks_;
  std::optional<Endpoint> mapped_;
  std::uint32_t mtu_ = 0;
  reconcile::MessageLimits message_limits_;  // of peers that do not get what mesh0's MTU allows
  bool adopted_ = false, host_changed_ = true, limits_changed_ = false, is_policy_in_force_ = false;
  WallTime policy_failed_at_{};
  MonoTime next_refresh_{}, next_limits_{}, next_second_{}, next_guard_{}, next_recheck_{};
  std::optional<reconcile::ExpiryHorizon> horizon_;  // of what was applied; set with netmap_
  PendingPings pings_;
  ProblemList problems_;
};

}  // namespace kernmesh::agent
