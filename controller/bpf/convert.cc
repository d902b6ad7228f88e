// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/convert.h"

#include <array>
#include <cstring>

#include "bpf/abi/underlay.h"

namespace kernmesh::bpf {

mesh_addr to_abi(const IpAddress& address) {
  mesh_addr out{};
  if (address.is_v4()) {
    out.w[2] = htobe32(0xffff);
    std::memcpy(&out.w[3], address.bytes().data(), 4);
  } else {
    std::memcpy(out.w, address.bytes().data(), sizeof(out.w));
  }
  return out;
}

IpAddress from_abi(const mesh_addr& address) {
  if (address.w[0] == 0 && address.w[1] == 0 && address.w[2] == htobe32(0xffff)) {
    return IpAddress::from_v4_number(be32toh(address.w[3]));
  }
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), address.w, bytes.size());
  return IpAddress::from_v6_bytes(bytes);
}

Result<std::uint32_t> synth_to_be(const IpAddress& synth) {
  if (!synth.is_v4() || (synth.to_v4_number() & MESH_SYNTH_MASK) != MESH_SYNTH_NET) {
    return Error(ErrorCode::kInvalid,
                 "synthetic address " + to_string(synth) + " is not inside 240.0.0.0/8");
  }
  return htobe32(synth.to_v4_number());
}

}  // namespace kernmesh::bpf
