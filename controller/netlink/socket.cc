// SPDX-License-Identifier: Apache-2.0
#include "controller/netlink/socket.h"

#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>

namespace kernmesh::netlink {

void ObjectDeleter::operator()(nl_sock* p) const { nl_socket_free(p); }
void ObjectDeleter::operator()(rtnl_link* p) const { rtnl_link_put(p); }
void ObjectDeleter::operator()(rtnl_addr* p) const { rtnl_addr_put(p); }
void ObjectDeleter::operator()(rtnl_route* p) const { rtnl_route_put(p); }
void ObjectDeleter::operator()(rtnl_rule* p) const { rtnl_rule_put(p); }
void ObjectDeleter::operator()(nl_cache* p) const { nl_cache_free(p); }
void ObjectDeleter::operator()(nl_msg* p) const { nlmsg_free(p); }

Error nl_error(std::string_view attempt, int libnl_error) {
  ErrorCode code = ErrorCode::kSystem;
  switch (-libnl_error) {
    case NLE_OBJ_NOTFOUND:
    case NLE_NODEV:
      code = ErrorCode::kNotFound;
      break;
    case NLE_EXIST:
      code = ErrorCode::kAlreadyExists;
      break;
    case NLE_PERM:
    case NLE_NOACCESS:
      code = ErrorCode::kPermissionDenied;
      break;
    case NLE_NOMEM:
      code = ErrorCode::kExhausted;
      break;
    case NLE_OPNOTSUPP:
      code = ErrorCode::kUnsupported;
      break;
    default:
      break;
  }
  return {code, std::string(attempt) + ": " + nl_geterror(libnl_error)};
}

Error no_memory() { return {ErrorCode::kExhausted, "out of memory for a netlink object"}; }

Result<RouteSocket> RouteSocket::open() {
  Owned<nl_sock> socket(nl_socket_alloc());
  if (!socket) return Error(ErrorCode::kExhausted, "cannot allocate a netlink socket");
  if (const int e = nl_connect(socket.get(), NETLINK_ROUTE); e < 0) {
    return nl_error("cannot open a rtnetlink socket", e);
  }
  nl_socket_set_buffer_size(socket.get(), 1 << 18, 1 << 16);
  return RouteSocket(std::move(socket));
}

}  // namespace kernmesh::netlink
