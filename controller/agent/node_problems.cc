// SPDX-License-Identifier: Apache-2.0
// What of a node `meshadm status` shows as wrong (L3).
#include <algorithm>

#include "controller/agent/ipv6_switch.h"
#include "controller/agent/mesh_node.h"
#include "controller/core/netmap/key_expiry.h"

namespace kernmesh::agent {
namespace {

// Why the network's IPv6 is not up on the interface, if an administrator wants it so.
std::optional<std::string> ipv6_off_notice(const std::string& mesh_name, const netmap::Self& self) {
  const bool is_given = std::any_of(self.addresses.begin(), self.addresses.end(),
                                    [](const IpAddress& address) { return !address.is_v4(); });
  if (!is_given) return std::nullopt;
  switch (read_ipv6(mesh_name)) {
    case reconcile::Ipv6::kOn:
      return std::nullopt;
    case reconcile::Ipv6::kOff:
      return "IPv6 is switched off on " + mesh_name +
             ", so only IPv4 addresses are up; `sysctl net.ipv6.conf." + mesh_name +
             ".disable_ipv6=0` brings the others";
    case reconcile::Ipv6::kAbsent:
      return "this kernel has no IPv6 (`ipv6.disable=1`?), so only IPv4 addresses are up";
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> MeshNode::problems() const {
  std::vector<std::string> result = problems_.lines();
  if (netmap_ && device_.access().programs().live().empty()) {
    result.emplace_back(
        "there is no policy in force on this node, so nothing passes through the mesh; it comes "
        "from the server with the netmap");
  }
  if (netmap_) {
    const auto notice = netmap::key_expiry_notice(netmap_->self, host::wall_now());
    if (notice) result.push_back(*notice);
  }
  if (!uplinks_ || uplinks_->interfaces.empty()) {
    result.emplace_back(
        "no network: no interface has an address that peers could reach; see `ip address`");
  }
  const std::size_t addresses = reconcile::arrival_addresses(uplinks()).size(),
                    most = device_.underlay().most_locals();
  if (addresses > most) {
    result.push_back("this host has " + std::to_string(addresses) +
                     " addresses and the programs "
                     "room for " +
                     std::to_string(most) + "; WireGuard's packets to the others are not taken in");
  }
  if (mtu_ != 0 && mtu_ < reconcile::kMinIpv6Mtu) {
    result.push_back("the underlay's MTU leaves " + std::to_string(mtu_) +
                     " bytes inside the mesh; IPv6 needs 1280, so only IPv4 addresses are up");
  }
  if (netmap_) {
    const auto notice = ipv6_off_notice(device_.mesh_name(), netmap_->self);
    if (notice) result.push_back(*notice);
  }
  for (const auto& rule : device_.detours()) {
    result.push_back("routing rule " + reconcile::to_string(rule) +
                     " is asked before the mesh's: packets that it matches may go around the mesh, "
                     "in the clear; see `ip rule`");
  }
  for (const auto& name : device_.foreign_programs()) {
    result.push_back("BPF program \"" + name +
                     "\" runs before ours on an uplink and may keep packets from the mesh; "
                     "see `bpftool net`");
  }
  return result;
}

}  // namespace kernmesh::agent
