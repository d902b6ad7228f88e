// SPDX-License-Identifier: Apache-2.0
// Netmap updates as a hostile server could send them.
#include <cstdint>
#include <cstdlib>

#include "controller/rpc/convert.h"
#include "controller/rpc/element_count.h"

using namespace kernmesh;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto& type = *mesh::v1::NetmapUpdate::descriptor();
  (void)rpc::check_elements(bytes, type);
  mesh::v1::NetmapUpdate message;
  if (!message.ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto update = rpc::from_proto(message);
  if (!update) return 0;
  // What was accepted survives a round trip.
  const auto again = std::visit([](const auto& value) { return rpc::to_proto(value); }, *update);
  if (!rpc::check_elements(again.SerializeAsString(), type)) std::abort();
  const auto back = rpc::from_proto(again);
  if (!back || !(*back == *update)) std::abort();
  return 0;
}
