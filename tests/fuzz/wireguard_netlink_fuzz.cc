// SPDX-License-Identifier: Apache-2.0
// The decoder of the WireGuard driver's netlink messages, on any bytes.
#include <libmnl/libmnl.h>

#include <cstring>
#include <vector>

#include "controller/netlink/wireguard_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < sizeof(nlmsghdr)) return 0;
  // Aligned as a receive buffer is.
  std::vector<std::uint64_t> buffer((size + 7) / 8);
  std::memcpy(buffer.data(), data, size);
  auto* header = reinterpret_cast<nlmsghdr*>(buffer.data());
  kernmesh::reconcile::WireguardDevice device;
  (void)!kernmesh::netlink::decode_device(header, size, device);
  header->nlmsg_len = static_cast<std::uint32_t>(size);
  (void)!kernmesh::netlink::decode_device(header, size, device);
  return 0;
}
