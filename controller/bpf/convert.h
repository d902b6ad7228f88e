// SPDX-License-Identifier: Apache-2.0
// Between the project's values and the maps' layouts (L2): the one place where byte order changes.
// Pure functions.
#pragma once

#include <endian.h>

#include <cstdint>

#include "bpf/abi/addr.h"
#include "controller/base/ids.h"
#include "controller/base/ip.h"

namespace kernmesh::bpf {

mesh_addr to_abi(const IpAddress& address);
IpAddress from_abi(const mesh_addr& address);

inline std::uint16_t to_abi_be(Port port) { return htobe16(port.value()); }
inline Port port_from_be(std::uint16_t port_be) { return Port(be16toh(port_be)); }

// A synthetic address of the private namespace, as a number in network order; kInvalid when it is
// not inside 240.0.0.0/8.
Result<std::uint32_t> synth_to_be(const IpAddress& synth);
inline IpAddress synth_from_be(std::uint32_t synth_be) {
  return IpAddress::from_v4_number(be32toh(synth_be));
}

}  // namespace kernmesh::bpf
