// SPDX-License-Identifier: Apache-2.0
// What of a packet a policy looks at (L1, pure).
#pragma once

#include <cstdint>

#include "controller/base/ip.h"
#include "controller/core/policy/service.h"

namespace kernmesh::policy {

struct Packet {
  IpAddress source;
  IpAddress destination;
  std::uint8_t protocol = kProtocolTcp;
  std::uint16_t port = 0;  // of the destination; 0 where the protocol has none
};

}  // namespace kernmesh::policy
