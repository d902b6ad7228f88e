// SPDX-License-Identifier: Apache-2.0
// Port classes (L1, pure): protocols and ports that the same services open.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "bpf/abi/acl.h"
#include "controller/core/maplayout/open_rules.h"
#include "controller/core/maplayout/work_budget.h"

namespace kernmesh::maplayout {

// TCP, UDP, SCTP: in the order of mesh_acl_header::ports.
inline constexpr std::array<std::uint8_t, 3> kPortProtocols = {
    policy::kProtocolTcp, policy::kProtocolUdp, policy::kProtocolSctp};

struct PortClasses {
  std::uint32_t count = 0;  // with class 0, MESH_ACL_NO_PORT_CLASS
  std::array<std::uint16_t, 256> protocols{};
  // 65,536 classes, or empty: all ports of the protocol have the class in `protocols`.
  std::array<std::vector<std::uint16_t>, 3> ports;
  std::vector<Stretch> service_classes;  // by service: in `classes`
  std::vector<std::uint32_t> classes;    // ascending within a service
};

// Of the services of targets that hold an address here (`is_used` by service). kExhausted for more
// than 65,535 classes, or when ranges overlap in more ways than WorkBudget allows.
Result<PortClasses> port_classes(const OpenRules& rules, const std::vector<bool>& is_used,
                                 WorkBudget& budget);

}  // namespace kernmesh::maplayout
