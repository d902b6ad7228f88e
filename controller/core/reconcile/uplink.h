// SPDX-License-Identifier: Apache-2.0
// Which interfaces carry the mesh's packets and which local addresses are offered to peers (L1,
// pure).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/ids.h"
#include "controller/base/ip.h"

namespace kernmesh::reconcile {

// An interface as the kernel shows it, with its usable addresses.
struct Interface {
  IfIndex index;
  std::string name;
  std::string kind;
  std::uint32_t mtu = 0;
  bool up = false;
  bool loopback = false;
  bool ethernet = false;
  bool enslaved = false;  // a port of a bond or bridge: its master owns the addresses
  std::vector<IpAddress> addresses;
  std::vector<IpAddress> deprecated;  // those that nothing new shall use (RFC 4862 5.5.4)
  bool operator==(const Interface&) const = default;
};

struct Uplinks {
  std::vector<Interface> interfaces;  // where the inbound program is attached
  // Theirs and those on the loopback interface: what peers are told, and where packets leave from.
  std::vector<IpAddress> addresses;
  // Not told any more. A peer that goes there still arrives, so its packets are taken as before.
  std::vector<IpAddress> deprecated;
  std::uint32_t mtu = 0;  // the smallest of the uplinks; 0 without uplinks
  // The others on which a neighbour may send in the clear to an address inside the mesh: the
  // inbound program is attached to them as well, to drop that.
  std::vector<IfIndex> guarded;
  bool operator==(const Uplinks&) const = default;
};

// Interfaces of container runtimes and other tunnels are left out by name, and ours by kind: an
// address on them is not where a peer can reach this host. An interface without a usable address is
// one only when the loopback interface has some (BGP to the host, RFC 5549): it leads to those.
// Otherwise, and while it is down, it is guarded.
Uplinks choose_uplinks(const std::vector<Interface>& all, IfIndex mesh, IfIndex underlay);

// Where WireGuard packets for us may arrive, the addresses in use first.
std::vector<IpAddress> arrival_addresses(const Uplinks& uplinks);

// The endpoints that this node reports: each uplink address at the public port, at most `most`.
std::vector<Endpoint> offered_endpoints(const Uplinks& uplinks, Port public_port, std::size_t most);

}  // namespace kernmesh::reconcile
