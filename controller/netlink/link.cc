// SPDX-License-Identifier: Apache-2.0
#include "controller/netlink/link.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/veth.h>

namespace kernmesh::netlink {
namespace {

LinkInfo to_info(rtnl_link* link) {
  LinkInfo info;
  info.index = IfIndex(static_cast<std::uint32_t>(rtnl_link_get_ifindex(link)));
  info.name = rtnl_link_get_name(link) ? rtnl_link_get_name(link) : "";
  if (const char* kind = rtnl_link_get_type(link)) info.kind = kind;
  info.mtu = rtnl_link_get_mtu(link);
  info.flags = rtnl_link_get_flags(link);
  info.arp_type = static_cast<std::uint16_t>(rtnl_link_get_arptype(link));
  info.master = IfIndex(static_cast<std::uint32_t>(rtnl_link_get_master(link)));
  if (const char* alias = rtnl_link_get_ifalias(link)) info.alias = alias;
  return info;
}

// rtnl_link_set_addr takes its own reference.
Status set_mac(rtnl_link* link, const MacAddress& mac) {
  nl_addr* addr = nl_addr_build(AF_LLC, mac.data(), mac.size());
  if (!addr) return no_memory();
  rtnl_link_set_addr(link, addr);
  nl_addr_put(addr);
  return {};
}

// Applies `change` to the link of that index. `forgiven`: libnl's number for an answer that is as
// good as success.
Status change_link(const RouteSocket& socket, IfIndex index, rtnl_link* change,
                   std::string_view attempt, int forgiven = 0) {
  Owned<rtnl_link> which(rtnl_link_alloc());
  if (!which) return no_memory();
  rtnl_link_set_ifindex(which.get(), static_cast<int>(index.value()));
  const int e = rtnl_link_change(socket.get(), which.get(), change, 0);
  if (e < 0 && e != forgiven)
    return nl_error(std::string(attempt) + " of interface " + to_string(index), e);
  return {};
}

}  // namespace

bool LinkInfo::up() const { return (flags & IFF_UP) != 0; }

Result<std::vector<LinkInfo>> list_links(const RouteSocket& socket) {
  nl_cache* raw = nullptr;
  if (const int e = rtnl_link_alloc_cache(socket.get(), AF_UNSPEC, &raw); e < 0) {
    return nl_error("cannot list interfaces", e);
  }
  Owned<nl_cache> cache(raw);
  std::vector<LinkInfo> links;
  for (nl_object* o = nl_cache_get_first(cache.get()); o != nullptr; o = nl_cache_get_next(o)) {
    links.push_back(to_info(reinterpret_cast<rtnl_link*>(o)));
  }
  return links;
}

Result<std::optional<LinkInfo>> find_link(const RouteSocket& socket, std::string_view name) {
  rtnl_link* raw = nullptr;
  const int e = rtnl_link_get_kernel(socket.get(), 0, std::string(name).c_str(), &raw);
  if (e == -NLE_NODEV || e == -NLE_OBJ_NOTFOUND) return std::optional<LinkInfo>();
  if (e < 0) return nl_error("cannot look up interface " + std::string(name), e);
  Owned<rtnl_link> link(raw);
  return std::optional<LinkInfo>(to_info(link.get()));
}

Status create_veth(const RouteSocket& socket, const VethPair& pair) {
  Owned<rtnl_link> link(rtnl_link_veth_alloc());
  if (!link) return no_memory();
  rtnl_link_set_name(link.get(), pair.name.c_str());
  rtnl_link_set_mtu(link.get(), pair.mtu);
  MESH_TRY(set_mac(link.get(), pair.mac));
  Owned<rtnl_link> peer(rtnl_link_veth_get_peer(link.get()));
  rtnl_link_set_name(peer.get(), pair.peer_name.c_str());
  rtnl_link_set_mtu(peer.get(), pair.mtu);
  rtnl_link_set_ns_fd(peer.get(), pair.peer_netns_fd);
  MESH_TRY(set_mac(peer.get(), pair.peer_mac));
  const int e = rtnl_link_add(socket.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL);
  const std::string attempt = "cannot create veth pair " + pair.name + "/" + pair.peer_name;
  if (e == -NLE_OPNOTSUPP) {
    return nl_error(attempt + " (needs CONFIG_VETH, which Debian's kernels from 6.1 on have)", e);
  }
  return e < 0 ? Status(nl_error(attempt, e)) : Status();
}

Status set_link_state(const RouteSocket& socket, IfIndex index, LinkState state) {
  Owned<rtnl_link> change(rtnl_link_alloc());
  if (!change) return no_memory();
  if (state == LinkState::kUp) {
    rtnl_link_set_flags(change.get(), IFF_UP);
  } else {
    rtnl_link_unset_flags(change.get(), IFF_UP);
  }
  return change_link(socket, index, change.get(), "cannot set the state");
}

Status set_link_mtu(const RouteSocket& socket, IfIndex index, std::uint32_t mtu) {
  Owned<rtnl_link> change(rtnl_link_alloc());
  if (!change) return no_memory();
  rtnl_link_set_mtu(change.get(), mtu);
  return change_link(socket, index, change.get(), "cannot set the MTU to " + std::to_string(mtu));
}

Status set_link_arp(const RouteSocket& socket, IfIndex index, ArpMode mode) {
  Owned<rtnl_link> change(rtnl_link_alloc());
  if (!change) return no_memory();
  if (mode == ArpMode::kOff) {
    rtnl_link_set_flags(change.get(), IFF_NOARP);
  } else {
    rtnl_link_unset_flags(change.get(), IFF_NOARP);
  }
  return change_link(socket, index, change.get(), "cannot set ARP");
}

Status set_link_alias(const RouteSocket& socket, IfIndex index, std::string_view alias) {
  Owned<rtnl_link> change(rtnl_link_alloc());
  if (!change) return no_memory();
  rtnl_link_set_ifalias(change.get(), std::string(alias).c_str());
  return change_link(socket, index, change.get(), "cannot set the alias");
}

Status move_link(const RouteSocket& socket, IfIndex index, int netns_fd) {
  Owned<rtnl_link> change(rtnl_link_alloc());
  if (!change) return no_memory();
  rtnl_link_set_ns_fd(change.get(), netns_fd);
  return change_link(socket, index, change.get(), "cannot change the namespace");
}

Status disable_ipv6_autoconf(const RouteSocket& socket, IfIndex index) {
  Owned<rtnl_link> change(rtnl_link_alloc());
  if (!change) return no_memory();
  rtnl_link_inet6_set_addr_gen_mode(change.get(), IN6_ADDR_GEN_MODE_NONE);
  return change_link(socket, index, change.get(), "cannot turn off IPv6 autoconfiguration",
                     -NLE_AF_NOSUPPORT);
}

Status delete_link(const RouteSocket& socket, std::string_view name) {
  Owned<rtnl_link> link(rtnl_link_alloc());
  if (!link) return no_memory();
  rtnl_link_set_name(link.get(), std::string(name).c_str());
  const int e = rtnl_link_delete(socket.get(), link.get());
  if (e == -NLE_NODEV || e == -NLE_OBJ_NOTFOUND) return {};
  if (e < 0) return nl_error("cannot delete interface " + std::string(name), e);
  return {};
}

}  // namespace kernmesh::netlink
