// SPDX-License-Identifier: Apache-2.0
#include "controller/netlink/monitor.h"

#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace kernmesh::netlink {
namespace {

void note(std::uint16_t type, Changes& changes) {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      changes.links = true;
      break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
      changes.addresses = true;
      break;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      changes.routes = true;
      break;
    case RTM_NEWRULE:
    case RTM_DELRULE:
      changes.rules = true;
      break;
    default:
      break;
  }
}

}  // namespace

Result<Monitor> Monitor::open() {
  Owned<nl_sock> socket(nl_socket_alloc());
  if (!socket) return Error(ErrorCode::kExhausted, "cannot allocate a netlink socket");
  nl_socket_disable_seq_check(socket.get());
  if (const int e = nl_connect(socket.get(), NETLINK_ROUTE); e < 0) {
    return nl_error("cannot open a rtnetlink socket", e);
  }
  for (const int group :
       {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
        RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE}) {
    if (const int e = nl_socket_add_membership(socket.get(), group); e < 0) {
      return nl_error("cannot subscribe to kernel notifications, group " + std::to_string(group),
                      e);
    }
  }
  nl_socket_set_nonblocking(socket.get());
  nl_socket_set_buffer_size(socket.get(), 1 << 20, 0);
  return Monitor(std::move(socket));
}

int Monitor::fd() const { return nl_socket_get_fd(socket_.get()); }

Changes Monitor::drain() {
  Changes changes;
  std::array<char, 1 << 16> buffer;
  while (true) {
    const ssize_t received = recv(fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) {
      if (errno == ENOBUFS) {
        changes.lost = true;
        continue;
      }
      return changes;
    }
    auto* header = reinterpret_cast<nlmsghdr*>(buffer.data());
    for (auto left = static_cast<unsigned>(received); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      note(header->nlmsg_type, changes);
    }
  }
}

}  // namespace kernmesh::netlink
