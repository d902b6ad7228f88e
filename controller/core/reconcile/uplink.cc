// SPDX-License-Identifier: Apache-2.0
#include "controller/core/reconcile/uplink.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace kernmesh::reconcile {
namespace {

constexpr std::array<std::string_view, 11> kForeignPrefixes = {
    "cilium_", "cali", "flannel", "docker", "veth", "br-", "meshu", "wg", "cni", "virbr", "lxc"};
constexpr std::array<std::string_view, 4> kTunnelKinds = {"wireguard", "dummy", "vxlan", "geneve"};

// Whether it leads to a network of the host's own, if it is up.
bool is_outward(const Interface& interface, IfIndex mesh, IfIndex underlay) {
  if (interface.loopback || !interface.ethernet || interface.enslaved) return false;
  if (interface.index == mesh || interface.index == underlay) return false;
  if (std::find(kTunnelKinds.begin(), kTunnelKinds.end(), interface.kind) != kTunnelKinds.end())
    return false;
  return std::none_of(kForeignPrefixes.begin(), kForeignPrefixes.end(),
                      [&](std::string_view prefix) { return interface.name.starts_with(prefix); });
}

bool is_offered(const IpAddress& address) {
  return !address.is_unspecified() && !address.is_loopback() && !address.is_link_local() &&
         !address.is_multicast() && !address.is_v4_mapped();
}

using Addresses = std::vector<IpAddress> Interface::*;

// What a host that speaks BGP has on its loopback interface: addresses of the host as a whole,
// which routers reach through whichever interface works.
std::vector<IpAddress> host_addresses(const std::vector<Interface>& all, Addresses which) {
  std::vector<IpAddress> addresses;
  for (const auto& interface : all) {
    if (!interface.up || !interface.loopback) continue;
    std::copy_if((interface.*which).begin(), (interface.*which).end(),
                 std::back_inserter(addresses), is_offered);
  }
  return addresses;
}

// All of one kind that the uplinks and the host as a whole have.
std::vector<IpAddress> gather(const std::vector<Interface>& uplinks,
                              const std::vector<IpAddress>& of_host, Addresses which) {
  std::vector<IpAddress> all;
  for (const auto& interface : uplinks) {
    all.insert(all.end(), (interface.*which).begin(), (interface.*which).end());
  }
  // Without an interface there is nowhere for a packet to them to arrive.
  if (!uplinks.empty()) all.insert(all.end(), of_host.begin(), of_host.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace

Uplinks choose_uplinks(const std::vector<Interface>& all, IfIndex mesh, IfIndex underlay) {
  const auto of_host = host_addresses(all, &Interface::addresses);
  const auto deprecated_of_host = host_addresses(all, &Interface::deprecated);
  Uplinks uplinks;
  for (const auto& interface : all) {
    if (!is_outward(interface, mesh, underlay)) continue;
    Interface chosen = interface;
    for (const Addresses which : {&Interface::addresses, &Interface::deprecated}) {
      std::erase_if(chosen.*which, [](const IpAddress& a) { return !is_offered(a); });
    }
    const bool has_address = !chosen.addresses.empty() || !chosen.deprecated.empty() ||
                             !of_host.empty() || !deprecated_of_host.empty();
    if (!interface.up || !has_address) {
      uplinks.guarded.push_back(interface.index);
      continue;
    }
    uplinks.mtu = uplinks.mtu == 0 ? chosen.mtu : std::min(uplinks.mtu, chosen.mtu);
    uplinks.interfaces.push_back(std::move(chosen));
  }
  uplinks.addresses = gather(uplinks.interfaces, of_host, &Interface::addresses);
  uplinks.deprecated = gather(uplinks.interfaces, deprecated_of_host, &Interface::deprecated);
  return uplinks;
}

std::vector<IpAddress> arrival_addresses(const Uplinks& uplinks) {
  std::vector<IpAddress> addresses = uplinks.addresses;
  addresses.insert(addresses.end(), uplinks.deprecated.begin(), uplinks.deprecated.end());
  return addresses;
}

std::vector<Endpoint> offered_endpoints(const Uplinks& uplinks, Port public_port,
                                        std::size_t most) {
  std::vector<Endpoint> endpoints;
  for (const auto& address : uplinks.addresses) {
    if (endpoints.size() == most) break;
    endpoints.push_back({address, public_port});
  }
  return endpoints;
}

}  // namespace kernmesh::reconcile
