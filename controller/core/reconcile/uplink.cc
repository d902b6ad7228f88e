// SPDX-License-Identifier: Apache-2.0
#include "controller/core/reconcile/uplink.h"

#include <algorithm>
#include <array>

namespace kernmesh::reconcile {
namespace {

constexpr std::array<std::string_view, 11> kForeignPrefixes = {
    "cilium_", "cali", "flannel", "docker", "veth", "br-", "meshu", "wg", "cni", "virbr", "lxc"};
constexpr std::array<std::string_view, 4> kTunnelKinds = {"wireguard", "dummy", "vxlan", "geneve"};

bool is_uplink(const Interface& interface, IfIndex mesh, IfIndex underlay) {
  if (!interface.up || interface.loopback || !interface.ethernet || interface.enslaved)
    return false;
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

}  // namespace

Uplinks choose_uplinks(const std::vector<Interface>& all, IfIndex mesh, IfIndex underlay) {
  Uplinks uplinks;
  for (const auto& interface : all) {
    if (!is_uplink(interface, mesh, underlay)) continue;
    Interface chosen = interface;
    std::erase_if(chosen.addresses, [](const IpAddress& a) { return !is_offered(a); });
    if (chosen.addresses.empty()) continue;
    uplinks.addresses.insert(uplinks.addresses.end(), chosen.addresses.begin(),
                             chosen.addresses.end());
    uplinks.mtu = uplinks.mtu == 0 ? chosen.mtu : std::min(uplinks.mtu, chosen.mtu);
    uplinks.interfaces.push_back(std::move(chosen));
  }
  std::sort(uplinks.addresses.begin(), uplinks.addresses.end());
  uplinks.addresses.erase(std::unique(uplinks.addresses.begin(), uplinks.addresses.end()),
                          uplinks.addresses.end());
  return uplinks;
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
