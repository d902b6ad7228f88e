// SPDX-License-Identifier: Apache-2.0
// What a gateway answers and announces, and the addresses that UPnP devices name.
#include <cstdlib>
#include <string_view>

#include "controller/core/portmap/announcement.h"
#include "controller/core/portmap/device_url.h"
#include "controller/core/portmap/pcp.h"

using namespace kernmesh;           // NOLINT
using namespace kernmesh::portmap;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = parse_answer({data, size});
  if (const auto* answer = std::get_if<MapAnswer>(&parsed)) {
    // The fields that both messages have stand in the same places.
    const MapRequest same{answer->lifetime_s, answer->external.address, answer->nonce,
                          answer->internal, answer->external};
    const auto bytes = to_bytes(same);
    for (std::size_t i = 24; i < 36; ++i) {
      if (bytes[i] != data[i]) std::abort();
    }
  }
  if (const auto announcement = parse_announcement({data, size})) {
    if (announcement->is_pcp != (data[0] == 2)) std::abort();
    if (std::holds_alternative<MapAnswer>(parsed)) std::abort();
  }
  const std::string_view url(reinterpret_cast<const char*>(data), size);
  const auto gateway = IpAddress::from_v4_number(0xc0a80101);
  if (leads_to(url, gateway) && !url.starts_with("http://192.168.1.1")) std::abort();
  return 0;
}
