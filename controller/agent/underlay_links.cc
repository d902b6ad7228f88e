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

// bpf/abi/underlay.h: the programs write these into frames.
constexpr netlink::MacAddress kHostMac = MESH_MAC_HOST;
constexpr netlink::MacAddress kPrivateMac = MESH_MAC_PRIVATE;
// The pair must never be what limits a packet: WireGuard's largest message fits.
constexpr std::uint32_t kVethMtu = 65535;
constexpr std::uint32_t kMainTable = 254;
// Marks an interface as ours for people (`ip link`) and for us after a crash.
constexpr std::string_view kAlias = "kernmesh";

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

struct Namespaces {
  const netlink::RouteSocket& host;
  const netlink::RouteSocket& inside;
  int host_fd;
  int private_fd;
};

// From the private namespace, where everything is ours, to the host's, where our mark says so: at
// no moment is one without the mark there, since a process may be killed at any.
Result<IfIndex> bring_out(const std::string& name, const Namespaces& namespaces) {
  const Error vanished(ErrorCode::kNotFound, name + " vanished as soon as it was made");
  MESH_TRY_ASSIGN(const auto made, netlink::find_link(namespaces.inside, name));
  if (!made) return vanished;
  MESH_TRY(netlink::set_link_alias(namespaces.inside, made->index, kAlias));
  MESH_TRY(netlink::move_link(namespaces.inside, made->index, namespaces.host_fd));
  MESH_TRY_ASSIGN(const auto link, netlink::find_link(namespaces.host, name));
  if (!link) return vanished;
  return link->index;
}

Result<IfIndex> make_veth(const std::string& name, const Namespaces& namespaces) {
  MESH_TRY(netlink::delete_link(namespaces.inside, kPrivateName));
  MESH_TRY(netlink::create_veth(namespaces.inside, {name, kHostMac, kPrivateName, kPrivateMac,
                                                    namespaces.private_fd, kVethMtu}));
  return bring_out(name, namespaces);
}

// The pair, made anew when either end is missing.
Result<IfIndex> open_veth(const std::string& name, const Namespaces& namespaces) {
  MESH_TRY_ASSIGN(auto link, netlink::find_link(namespaces.host, name));
  if (link && !is_ours(*link, "veth")) return not_ours(name);
  MESH_TRY_ASSIGN(const auto other_end, netlink::find_link(namespaces.inside, kPrivateName));
  if (link && !other_end) {
    MESH_TRY(netlink::delete_link(namespaces.host, name));
    link.reset();
  }
  IfIndex index = link ? link->index : IfIndex(0);
  if (!link) {
    MESH_TRY_ASSIGN(index, make_veth(name, namespaces));
  }
  MESH_TRY(netlink::disable_ipv6_autoconf(namespaces.host, index));
  MESH_TRY(netlink::set_link_state(namespaces.host, index, netlink::LinkState::kUp));
  return index;
}

Result<IfIndex> open_wireguard(const std::string& name, const Namespaces& namespaces) {
  MESH_TRY_ASSIGN(const auto link, netlink::find_link(namespaces.host, name));
  if (link && !is_ours(*link, "wireguard")) return not_ours(name);
  if (link) return link->index;
  MESH_TRY(netlink::delete_link(namespaces.inside, name));
  MESH_TRY(netlink::create_wireguard(namespaces.inside, name, namespaces.private_fd));
  return bring_out(name, namespaces);
}

// Without the private namespace: the socket of an interface that is there died with it. Before
// there is a new one, or whoever comes after a kill would take the interface for its own.
Status remove_orphan(const std::string& name, const netlink::RouteSocket& host) {
  MESH_TRY_ASSIGN(const auto link, netlink::find_link(host, name));
  if (!link) return {};
  return is_ours(*link, "wireguard") ? netlink::delete_link(host, name) : Status(not_ours(name));
}

}  // namespace

bool is_ours(const netlink::LinkInfo& link, std::string_view kind) {
  return link.kind == kind && link.alias.starts_with(kAlias);
}

Result<UnderlayLinks> open_underlay_links(const Instance& instance,
                                          const netlink::RouteSocket& host) {
  const auto before = netlink::open_netns(instance.private_netns());
  if (!before && before.error().code() != ErrorCode::kNotFound) return before.error();
  if (!before) MESH_TRY(remove_orphan(instance.mesh_name, host));
  MESH_TRY_ASSIGN(const auto private_fd, netlink::open_or_create_netns(instance.private_netns()));
  MESH_TRY_ASSIGN(const auto host_fd, netlink::open_current_netns());
  std::optional<netlink::RouteSocket> inside;
  MESH_TRY(netlink::run_in_netns(private_fd.get(), [&]() -> Status {
    MESH_TRY_ASSIGN(auto socket, netlink::RouteSocket::open());
    inside.emplace(std::move(socket));
    return {};
  }));
  const Namespaces namespaces{host, *inside, host_fd.get(), private_fd.get()};
  UnderlayLinks links;
  MESH_TRY_ASSIGN(links.meshu, open_veth(instance.underlay_name, namespaces));
  MESH_TRY(set_up_private_side(*inside));
  MESH_TRY_ASSIGN(links.mesh, open_wireguard(instance.mesh_name, namespaces));
  return links;
}

}  // namespace kernmesh::agent
