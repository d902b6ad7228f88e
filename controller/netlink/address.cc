// SPDX-License-Identifier: Apache-2.0
#include "controller/netlink/address.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/route/addr.h>

#include "controller/netlink/libnl_values.h"

namespace kernmesh::netlink {
namespace {

Result<Owned<rtnl_addr>> make(IfIndex device, const IpAddress& address, int prefix_length) {
  Owned<rtnl_addr> addr(rtnl_addr_alloc());
  if (!addr) return Error(ErrorCode::kExhausted, "out of memory for a netlink object");
  rtnl_addr_set_ifindex(addr.get(), static_cast<int>(device.value()));
  nl_addr* local = to_nl_addr(address, prefix_length);
  if (local == nullptr) return Error(ErrorCode::kExhausted, "out of memory for a netlink object");
  const int e = rtnl_addr_set_local(addr.get(), local);
  nl_addr_put(local);
  if (e < 0) return nl_error("cannot encode address " + to_string(address), e);
  return addr;
}

std::string describe(const IpAddress& address, int prefix_length, IfIndex device) {
  return to_string(address) + "/" + std::to_string(prefix_length) + " on interface " +
         to_string(device);
}

}  // namespace

Result<std::vector<AddressInfo>> list_addresses(const RouteSocket& socket) {
  nl_cache* raw = nullptr;
  if (const int e = rtnl_addr_alloc_cache(socket.get(), &raw); e < 0) {
    return nl_error("cannot list addresses", e);
  }
  Owned<nl_cache> cache(raw);
  std::vector<AddressInfo> result;
  for (nl_object* o = nl_cache_get_first(cache.get()); o != nullptr; o = nl_cache_get_next(o)) {
    auto* addr = reinterpret_cast<rtnl_addr*>(o);
    const auto address = from_nl_addr(rtnl_addr_get_local(addr));
    if (!address) continue;  // another family
    AddressInfo info;
    info.device = IfIndex(static_cast<std::uint32_t>(rtnl_addr_get_ifindex(addr)));
    info.address = *address;
    info.prefix_length = rtnl_addr_get_prefixlen(addr);
    const unsigned flags = rtnl_addr_get_flags(addr);
    info.usable = (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) == 0;
    info.deprecated = (flags & IFA_F_DEPRECATED) != 0;
    info.global = rtnl_addr_get_scope(addr) == RT_SCOPE_UNIVERSE;
    result.push_back(info);
  }
  return result;
}

Status add_address(const RouteSocket& socket, IfIndex device, const IpAddress& address,
                   int prefix_length) {
  MESH_TRY_ASSIGN(auto addr, make(device, address, prefix_length));
  unsigned flags = IFA_F_NOPREFIXROUTE;
  if (!address.is_v4()) flags |= IFA_F_NODAD;
  rtnl_addr_set_flags(addr.get(), flags);
  const int e = rtnl_addr_add(socket.get(), addr.get(), 0);
  if (e == -NLE_EXIST) return {};
  if (e < 0) return nl_error("cannot add address " + describe(address, prefix_length, device), e);
  return {};
}

Status remove_address(const RouteSocket& socket, IfIndex device, const IpAddress& address,
                      int prefix_length) {
  MESH_TRY_ASSIGN(auto addr, make(device, address, prefix_length));
  const int e = rtnl_addr_delete(socket.get(), addr.get(), 0);
  if (e == -NLE_NOADDR || e == -NLE_OBJ_NOTFOUND || e == -NLE_NODEV) return {};
  if (e < 0)
    return nl_error("cannot remove address " + describe(address, prefix_length, device), e);
  return {};
}

}  // namespace kernmesh::netlink
