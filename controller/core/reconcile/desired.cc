// SPDX-License-Identifier: Apache-2.0
#include "controller/core/reconcile/desired.h"

#include <algorithm>
#include <cassert>

namespace kernmesh::reconcile {
namespace {

constexpr std::uint32_t kSyntheticNet = 0xf0000000;  // 240.0.0.0/8, bpf/abi/underlay.h
constexpr std::uint32_t kSyntheticHostMask = 0x00ffffff;
constexpr std::uint32_t kMessageOverhead = 32;  // WireGuard's header 16, tag 16
constexpr std::uint64_t kLastSyntheticId =
    kSyntheticHostMask - 2;  // .254 is this node, .255 broadcast

bool expired(WallTime expires_at, WallTime now) {
  return expires_at != WallTime{} && expires_at <= now;
}

// IPv6 needs 1280 bytes; below that the kernel takes IPv6 away from the interface.
bool carries(const IpAddress& address, const Conditions& conditions) {
  if (address.is_v4()) return true;
  return conditions.ipv6 == Ipv6::kOn && mesh_mtu(conditions.underlay_mtu) >= kMinIpv6Mtu;
}

// Whether the kernel takes routes and rules of the address's family.
bool is_routed(const IpAddress& address, const Conditions& conditions) {
  return address.is_v4() || conditions.ipv6 != Ipv6::kAbsent;
}

// The kernel then tells local and forwarded senders what fits, and TCP says so in its MSS.
void add_narrow_routes(const netmap::Peer& peer, std::uint32_t mtu, std::uint32_t mesh_mtu,
                       const Conditions& conditions, std::vector<Route>& routes) {
  for (const auto& address : peer.addresses) {
    if (!carries(address, conditions)) continue;
    Route route{Prefix::host(address), conditions.mesh_device, kRouteTable};
    route.mtu = address.is_v4() ? mtu : std::max(mtu, kMinIpv6Mtu);
    if (route.mtu < mesh_mtu) routes.push_back(route);
  }
}

}  // namespace

IpAddress synthetic_address(NodeId id) {
  assert(id.value() >= 1 && id.value() <= kLastSyntheticId);
  return IpAddress::from_v4_number(kSyntheticNet + static_cast<std::uint32_t>(id.value()));
}

NodeId node_of_synthetic(const IpAddress& address) {
  if (!address.is_v4() || (address.to_v4_number() & ~kSyntheticHostMask) != kSyntheticNet)
    return NodeId(0);
  const std::uint32_t id = address.to_v4_number() & kSyntheticHostMask;
  return NodeId(id <= kLastSyntheticId ? id : 0);
}

std::uint32_t mesh_mtu(std::uint32_t underlay_mtu) {
  constexpr std::uint32_t kOverhead = 40 + 8 + 32 + 8;
  constexpr std::uint32_t kSmallest = 576;  // every IPv4 host takes that (RFC 791)
  return std::max(underlay_mtu > kOverhead ? (underlay_mtu - kOverhead) & ~15u : 0u, kSmallest);
}

std::uint32_t message_of_mtu(std::uint32_t mtu) { return ((mtu + 15) & ~15u) + kMessageOverhead; }

std::uint32_t mtu_of_message(std::uint32_t message) {
  return message > kMessageOverhead ? (message - kMessageOverhead) & ~15u : 0;
}

std::uint32_t backstop_metric(std::string_view instance) {
  constexpr std::uint32_t kFirst = 0x4b4d0000;
  std::uint32_t hash = 2166136261;  // FNV-1a, 32 bits
  for (const char c : instance) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  return kFirst | ((hash >> 16) ^ (hash & 0xffff));
}

WireguardPeer to_wireguard(const netmap::Peer& peer) {
  WireguardPeer result;
  result.endpoint = Endpoint{synthetic_address(peer.id), kSyntheticPort};
  for (const auto& address : peer.addresses) result.allowed_ips.push_back(Prefix::host(address));
  std::sort(result.allowed_ips.begin(), result.allowed_ips.end());
  return result;
}

bool is_in_force(const netmap::Self& self, const netmap::Peer& peer, WallTime now) {
  return !expired(self.key_expires_at, now) && !expired(peer.key_expires_at, now);
}

std::vector<Route> desired_routes(const netmap::Netmap& map, const Conditions& conditions) {
  const std::uint32_t mtu = mesh_mtu(conditions.underlay_mtu);
  std::vector<Route> routes;
  for (const auto& prefix : map.self.overlay_prefixes) {
    if (!is_routed(prefix.address(), conditions)) continue;
    routes.push_back(
        {prefix, IfIndex(0), kRouteTable, RouteKind::kUnreachable, conditions.backstop_metric});
    if (carries(prefix.address(), conditions)) {
      routes.push_back({prefix, conditions.mesh_device, kRouteTable});
    }
  }
  for (const auto& [id, message] : conditions.message_limits) {
    const auto peer = map.peers.find(id);
    if (peer != map.peers.end() && is_in_force(map.self, peer->second, conditions.now))
      add_narrow_routes(peer->second, mtu_of_message(message), mtu, conditions, routes);
  }
  return routes;
}

Desired desired_state(const netmap::Netmap& map, const Conditions& conditions) {
  Desired desired;
  desired.mtu = mesh_mtu(conditions.underlay_mtu);
  desired.device.public_key = conditions.node_key;
  desired.device.listen_port = kSyntheticPort;
  for (const auto& address : map.self.addresses) {
    if (carries(address, conditions)) desired.addresses.push_back(Prefix::host(address));
  }
  desired.routes = desired_routes(map, conditions);
  desired.rules = {{IpFamily::kV4, kRulePriority, kRouteTable}};
  if (conditions.ipv6 != Ipv6::kAbsent)
    desired.rules.push_back({IpFamily::kV6, kRulePriority, kRouteTable});
  // A node whose own key has expired takes part in nothing.
  if (expired(map.self.key_expires_at, conditions.now)) return desired;
  for (const auto& [id, peer] : map.peers) {
    if (!is_in_force(map.self, peer, conditions.now)) continue;
    desired.device.peers.emplace(peer.node_key, to_wireguard(peer));
  }
  return desired;
}

std::optional<WallTime> next_expiry(const netmap::Netmap& map, WallTime now) {
  std::optional<WallTime> next;
  const auto consider = [&](WallTime at) {
    if (at > now && at != WallTime{} && (!next || at < *next)) next = at;
  };
  consider(map.self.key_expires_at);
  for (const auto& [id, peer] : map.peers) consider(peer.key_expires_at);
  return next;
}

}  // namespace kernmesh::reconcile
