// SPDX-License-Identifier: Apache-2.0
// The decoder of rtnetlink's filters, on any bytes.
#include <linux/netlink.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "controller/bpf/cls_bpf_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < sizeof(nlmsghdr)) return 0;
  // Aligned as a receive buffer is.
  std::vector<std::uint32_t> buffer((size + 3) / 4);
  std::memcpy(buffer.data(), data, size);
  auto* header = reinterpret_cast<nlmsghdr*>(buffer.data());
  // As libmnl has seen to before it hands a message over.
  header->nlmsg_len = std::clamp(header->nlmsg_len, static_cast<std::uint32_t>(sizeof(nlmsghdr)),
                                 static_cast<std::uint32_t>(size));
  const auto filter = kernmesh::bpf::cls_bpf::decode_filter(*header);
  if (filter && filter->handle == 0) __builtin_trap();
  return 0;
}
