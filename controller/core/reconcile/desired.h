// SPDX-License-Identifier: Apache-2.0
// From a netmap to the kernel objects that it asks for (L1, pure). Applied whole each time; what
// differs from the observed state is what gets done.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "controller/core/netmap/netmap.h"
#include "controller/core/reconcile/device.h"

namespace kernmesh::reconcile {

// Every peer's synthetic endpoint has this port, and WireGuard listens on it inside the private
// namespace, where nothing else lives. Not 51820, which other programs take for theirs (design of
// paths in docs/architecture.md).
inline constexpr Port kSyntheticPort{24240};

// The overlay's routes stand in a table of their own, looked up before the main table. Numbers that
// iproute2, systemd and the meshes we know of do not use.
inline constexpr std::uint32_t kRouteTable = 27515;
inline constexpr std::uint32_t kRulePriority = 5185;

// The metric of an instance's backstops: routes that make the overlay's ranges unreachable while
// its interface is gone, so that nothing meant for the mesh leaves by the host's other routes. Far
// behind a device route's (IPv6: 1024), and telling whose they are among the agents that share the
// table.
std::uint32_t backstop_metric(std::string_view instance);

// The smallest MTU on which the kernel keeps IPv6 (RFC 8200 section 5).
inline constexpr std::uint32_t kMinIpv6Mtu = 1280;

// 240.0.0.0 + node id: permanent, no state to lose. Asserts that the id is in 1..16,777,213, which
// netmap validation guarantees.
IpAddress synthetic_address(NodeId id);
// The node behind a synthetic address, or id 0.
NodeId node_of_synthetic(const IpAddress& address);

// What mesh0 can carry over an underlay of that MTU, in bytes: IPv6 (40), UDP (8), WireGuard (32)
// and the relay header (8) fit, rounded down to 16 because WireGuard pads to that. 1500 -> 1408.
std::uint32_t mesh_mtu(std::uint32_t underlay_mtu);

// The largest WireGuard message of an interface with that MTU, and the other way round. WireGuard
// adds 32 bytes and pads to 16.
std::uint32_t message_of_mtu(std::uint32_t mtu);
std::uint32_t mtu_of_message(std::uint32_t message);

// The largest WireGuard messages that get through to peers, bytes, where something smaller than
// the interface's do.
using MessageLimits = std::map<NodeId, std::uint32_t>;

// What IPv6 the mesh's interface can have.
enum class Ipv6 {
  kOn,
  kOff,     // switched off on the interface; the host may have it elsewhere
  kAbsent,  // the kernel has none at all
};

struct Conditions {
  IfIndex mesh_device;
  std::uint32_t backstop_metric = 0;
  std::uint32_t underlay_mtu = 1500;
  Ipv6 ipv6 = Ipv6::kOn;
  NodePublicKey node_key;
  WallTime now{};  // peers whose key has expired are left out
  MessageLimits message_limits;
};

struct Desired {
  std::uint32_t mtu = 0;
  WireguardDevice device;
  std::vector<Prefix> addresses;  // full length
  std::vector<Route> routes;
  std::vector<Rule> rules;
  bool operator==(const Desired&) const = default;
};

// What each peer asks for by itself: what its entry in WireGuard is, and whether it has one, given
// that a node whose own key has expired takes part in nothing.
WireguardPeer to_wireguard(const netmap::Peer& peer);
bool is_in_force(const netmap::Self& self, const netmap::Peer& peer, WallTime now);

Desired desired_state(const netmap::Netmap& map, const Conditions& conditions);
// Its routes alone.
std::vector<Route> desired_routes(const netmap::Netmap& map, const Conditions& conditions);

// When the next peer's key expires, so that the agent applies the map again then; nullopt: never.
std::optional<WallTime> next_expiry(const netmap::Netmap& map, WallTime now);

}  // namespace kernmesh::reconcile
