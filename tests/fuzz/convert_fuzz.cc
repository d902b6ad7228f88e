// SPDX-License-Identifier: Apache-2.0
// Netmap updates as a hostile server could send them.
#include <cstdint>
#include <cstdlib>

#include "controller/rpc/convert.h"

using namespace kernmesh;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mesh::v1::NetmapUpdate message;
  if (!message.ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto update = rpc::from_proto(message);
  if (!update) return 0;
  // What was accepted survives a round trip.
  const auto again = std::visit([](const auto& value) { return rpc::to_proto(value); }, *update);
  const auto back = rpc::from_proto(again);
  if (!back || !(*back == *update)) std::abort();
  return 0;
}
