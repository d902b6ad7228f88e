// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/underlay_links.h"

#include <optional>

#include "bpf/abi/underlay.h"
#include "controller/bpf/underlay.h"
#include "controller/netlink/address.h"
#include "controller/netlink/link.h"
#include "controller/netlink/netns.h"
#include "controller/netlink/route.h"
#include "controller/netlink/wireguard.h"

namespace kernmesh::agent {
namespace {

// The end of the veth pair inside the private namespace.
constexpr const char* kPrivateName = "underlay0";
// bpf/abi/underlay.h: the programs write these into frames.
constexpr netlink::MacAddress kHostMac = MESH_MAC_HOST;
constexpr netlink::MacAddress kPrivateMac = MESH_MAC_PRIVATE;
// The pair must never be what limits a packet: WireGuard's largest message fits.
constexpr std::uint32_t kVethMtu = 65535;
constexpr std::uint32_t kMainTable = 254;
// Marks an interface as ours for people (`ip link`) and for us after a crash.
constexpr std::string_view kAlias = "kernmesh";

// Whether the private namespace was there before this call.
enum class Born { kBefore, kNow };

Status set_up_private_side(const netlink::RouteSocket& inside) {
  MESH_TRY_ASSIGN(const auto loopback, netlink::find_link(inside, "lo"));
  if (loopback) MESH_TRY(netlink::set_link_state(inside, loopback->index, netlink::LinkState::kUp));
  MESH_TRY_ASSIGN(const auto link, netlink::find_link(inside, kPrivateName));
  if (!link)
    return Error(ErrorCode::kNotFound,
                 std::string("no ") + kPrivateName + " in the private namespace");
  MESH_TRY(netlink::disable_ipv6_autoconf(inside, link->index));
  MESH_TRY(netlink::set_link_arp(inside, link->index, netlink::ArpMode::kOff));
  MESH_TRY(netlink::set_link_state(inside, link->index, netlink::LinkState::kUp));
  MESH_TRY(netlink::add_address(inside, link->index, bpf::synthetic_self(), 32));
  MESH_TRY_ASSIGN(const auto world, Prefix::make(IpAddress::from_v4_number(MESH_SYNTH_NET), 8));
  return netlink::add_route(inside, {world, link->index, kMainTable});
}

Error not_ours(const std::string& name) {
  return {ErrorCode::kAlreadyExists, "an interface " + name +
                                         " is there and was not made by this program; remove it "
                                         "or choose another name with --interface or --underlay"};
}

// The pair, made anew when either end is missing.
Result<IfIndex> open_veth(const Instance& instance, const netlink::RouteSocket& host,
                          const netlink::RouteSocket& inside, int private_fd) {
  MESH_TRY_ASSIGN(auto link, netlink::find_link(host, instance.underlay_name));
  if (link && !is_ours(*link, "veth")) return not_ours(instance.underlay_name);
  MESH_TRY_ASSIGN(const auto other_end, netlink::find_link(inside, kPrivateName));
  if (link && !other_end) {
    MESH_TRY(netlink::delete_link(host, instance.underlay_name));
    link.reset();
  }
  if (!link) {
    MESH_TRY(netlink::delete_link(inside, kPrivateName));
    MESH_TRY(netlink::create_veth(
        host, {instance.underlay_name, kHostMac, kPrivateName, kPrivateMac, private_fd, kVethMtu}));
    MESH_TRY_ASSIGN(link, netlink::find_link(host, instance.underlay_name));
    if (!link)
      return Error(ErrorCode::kNotFound,
                   instance.underlay_name + " vanished as soon as it was made");
    MESH_TRY(netlink::set_link_alias(host, link->index, kAlias));
  }
  MESH_TRY(netlink::disable_ipv6_autoconf(host, link->index));
  MESH_TRY(netlink::set_link_state(host, link->index, netlink::LinkState::kUp));
  return link->index;
}

Result<IfIndex> open_wireguard(const Instance& instance, const netlink::RouteSocket& host,
                               const netlink::RouteSocket& inside, int host_fd, Born born) {
  MESH_TRY_ASSIGN(auto link, netlink::find_link(host, instance.mesh_name));
  if (link && !is_ours(*link, "wireguard")) return not_ours(instance.mesh_name);
  if (link && born == Born::kNow) {
    // Its socket died with the namespace that held it.
    MESH_TRY(netlink::delete_link(host, instance.mesh_name));
    link.reset();
  }
  if (!link) {
    MESH_TRY(netlink::create_wireguard(inside, instance.mesh_name, host_fd));
    MESH_TRY_ASSIGN(link, netlink::find_link(host, instance.mesh_name));
    if (!link)
      return Error(ErrorCode::kNotFound, instance.mesh_name + " vanished as soon as it was made");
    MESH_TRY(netlink::set_link_alias(host, link->index, kAlias));
  }
  return link->index;
}

}  // namespace

bool is_ours(const netlink::LinkInfo& link, std::string_view kind) {
  return link.kind == kind && link.alias.starts_with(kAlias);
}

Result<UnderlayLinks> open_underlay_links(const Instance& instance,
                                          const netlink::RouteSocket& host) {
  const auto before = netlink::open_netns(instance.private_netns());
  if (!before && before.error().code() != ErrorCode::kNotFound) return before.error();
  const Born born = before ? Born::kBefore : Born::kNow;
  MESH_TRY_ASSIGN(const auto private_fd, netlink::open_or_create_netns(instance.private_netns()));
  MESH_TRY_ASSIGN(const auto host_fd, netlink::open_current_netns());
  std::optional<netlink::RouteSocket> inside;
  MESH_TRY(netlink::run_in_netns(private_fd.get(), [&]() -> Status {
    MESH_TRY_ASSIGN(auto socket, netlink::RouteSocket::open());
    inside.emplace(std::move(socket));
    return {};
  }));
  UnderlayLinks links;
  MESH_TRY_ASSIGN(links.meshu, open_veth(instance, host, *inside, private_fd.get()));
  MESH_TRY(set_up_private_side(*inside));
  MESH_TRY_ASSIGN(links.mesh, open_wireguard(instance, host, *inside, host_fd.get(), born));
  return links;
}

}  // namespace kernmesh::agent
