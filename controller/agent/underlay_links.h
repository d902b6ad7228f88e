// SPDX-License-Identifier: Apache-2.0
// The links of the virtual underlay (L3): the private namespace, the veth pair into it, and the
// WireGuard interface whose socket is born there.
#pragma once

#include "controller/agent/instance.h"
#include "controller/base/ids.h"
#include "controller/netlink/link.h"
#include "controller/netlink/socket.h"

namespace kernmesh::agent {

// Whether an interface of that kind was made by this program: it carries our mark.
bool is_ours(const netlink::LinkInfo& link, std::string_view kind);

struct UnderlayLinks {
  IfIndex mesh;
  IfIndex meshu;
};

// Makes what is missing; keeps what is ours. kAlreadyExists when an interface of one of the names
// belongs to somebody else. The WireGuard interface is left as it is, down when it is new.
Result<UnderlayLinks> open_underlay_links(const Instance& instance,
                                          const netlink::RouteSocket& host);

}  // namespace kernmesh::agent
