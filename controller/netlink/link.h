// SPDX-License-Identifier: Apache-2.0
// Network interfaces through rtnetlink (L2).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/ids.h"
#include "controller/netlink/socket.h"

namespace kernmesh::netlink {

struct LinkInfo {
  IfIndex index;
  std::string name;
  std::string kind;  // "wireguard", "veth", "vlan"...; empty for a physical device
  std::uint32_t mtu = 0;
  std::uint32_t flags = 0;     // IFF_*
  std::uint16_t arp_type = 0;  // ARPHRD_*
  IfIndex master;              // 0: none
  std::string alias;           // free text for people
  bool up() const;
};

using MacAddress = std::array<std::uint8_t, 6>;

Result<std::vector<LinkInfo>> list_links(const RouteSocket& socket);
// nullopt when there is none of that name.
Result<std::optional<LinkInfo>> find_link(const RouteSocket& socket, std::string_view name);

// A veth pair: `name` here, `peer_name` in the namespace of peer_netns_fd. Neither gets an
// automatic IPv6 address. MTU applies to both.
struct VethPair {
  std::string name;
  MacAddress mac{};
  std::string peer_name;
  MacAddress peer_mac{};
  int peer_netns_fd = -1;
  std::uint32_t mtu = 1500;
};
Status create_veth(const RouteSocket& socket, const VethPair& pair);

enum class LinkState { kDown, kUp };
enum class ArpMode { kOn, kOff };
Status set_link_state(const RouteSocket& socket, IfIndex index, LinkState state);
Status set_link_mtu(const RouteSocket& socket, IfIndex index, std::uint32_t mtu);
Status set_link_arp(const RouteSocket& socket, IfIndex index, ArpMode mode);
// Free text that `ip link` shows.
Status set_link_alias(const RouteSocket& socket, IfIndex index, std::string_view alias);
// Into the namespace of netns_fd, down and with its name, mark and MTU; its index may be another
// there.
Status move_link(const RouteSocket& socket, IfIndex index, int netns_fd);
// No automatic link-local address (IFLA_INET6_ADDR_GEN_MODE none). Success where the kernel has no
// IPv6, or the interface none.
Status disable_ipv6_autoconf(const RouteSocket& socket, IfIndex index);
// Success when it is gone already.
Status delete_link(const RouteSocket& socket, std::string_view name);

}  // namespace kernmesh::netlink
