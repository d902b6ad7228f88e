// SPDX-License-Identifier: Apache-2.0
// The kernel objects that the agent owns, as values (L1, pure): what is desired, what was observed,
// and the changes that lead from one to the other. Nothing is patched from memory: a change is
// always the difference between two of these.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/base/key.h"

namespace kernmesh::reconcile {

// One WireGuard peer. `endpoint` is its synthetic endpoint, written once and never changed by
// paths.
struct WireguardPeer {
  Endpoint endpoint;
  std::vector<Prefix> allowed_ips;         // sorted
  std::uint16_t keepalive_interval_s = 0;  // 0: off
  bool has_preshared_key = false;          // never of ours: somebody gave it one
  bool operator==(const WireguardPeer&) const = default;
};

struct WireguardDevice {
  NodePublicKey public_key;  // zero: no private key set
  Port listen_port;          // 0: none chosen yet
  std::map<NodePublicKey, WireguardPeer> peers;
  bool operator==(const WireguardDevice&) const = default;
};

// What to send to the driver. In one message removals come first, so that an address that moves to
// another is never refused or lost.
struct WireguardChange {
  bool set_private_key = false;
  std::optional<Port> listen_port;
  std::vector<NodePublicKey> removed;
  std::vector<std::pair<NodePublicKey, WireguardPeer>> upserted;  // replaces allowed-ips of each
  bool empty() const {
    return !set_private_key && !listen_port && removed.empty() && upserted.empty();
  }
};

WireguardChange diff(const WireguardDevice& desired, const WireguardDevice& observed);

// In two messages: what is added and changed, then peers that go. Removing one waits for a grace
// period (wg_peer_remove() in drivers/net/wireguard/peer.c), during which an address that moves to
// a peer's next key would belong to nobody; added first, it moves at once.
struct ChangeInTurn {
  WireguardChange first;
  WireguardChange later;
};
ChangeInTurn split(const WireguardChange& change);

// kUnreachable: what takes it is told that there is no way.
enum class RouteKind : std::uint8_t { kDevice, kUnreachable };

// A route of ours, in a table of our own.
struct Route {
  Prefix destination;
  IfIndex device;  // kUnreachable: 0
  std::uint32_t table = 0;
  RouteKind kind = RouteKind::kDevice;
  std::uint32_t metric = 0;  // the lower one wins; 0 for kDevice, whatever the kernel makes of it
  std::uint32_t mtu = 0;     // of packets that take it, bytes; 0: the interface's
  auto operator<=>(const Route&) const = default;
};

// "from all lookup TABLE" at a priority.
struct Rule {
  IpFamily family = IpFamily::kV4;
  std::uint32_t priority = 0;
  std::uint32_t table = 0;
  auto operator<=>(const Rule&) const = default;
};

// Sorted sets of addresses, routes and rules: what to add and what to take away.
template <typename T>
struct SetChange {
  std::vector<T> added;
  std::vector<T> removed;
  bool empty() const { return added.empty() && removed.empty(); }
};

// desired minus observed, and the other way round; inputs in any order, duplicates count once.
template <typename T>
SetChange<T> diff_sets(std::vector<T> desired, std::vector<T> observed);

extern template SetChange<Prefix> diff_sets(std::vector<Prefix>, std::vector<Prefix>);
extern template SetChange<Route> diff_sets(std::vector<Route>, std::vector<Route>);
extern template SetChange<Rule> diff_sets(std::vector<Rule>, std::vector<Rule>);

}  // namespace kernmesh::reconcile
