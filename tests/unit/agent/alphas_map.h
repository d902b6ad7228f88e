// SPDX-License-Identifier: Apache-2.0
// A netmap of the node alpha alone, to which tests add what they are about.
#pragma once

#include "controller/core/netmap/netmap.h"

namespace kernmesh::agent {

inline netmap::Netmap alphas_map(MapVersion version) {
  netmap::Netmap map;
  map.version = version;
  map.self.id = NodeId(1);
  map.self.name = "alpha";
  map.self.user_id = UserId(1);
  map.self.user_name = "ada";
  map.self.addresses = {*IpAddress::parse("100.64.0.1")};
  map.self.overlay_prefixes = {*Prefix::parse("100.64.0.0/10")};
  return map;
}

}  // namespace kernmesh::agent
