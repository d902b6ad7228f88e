// SPDX-License-Identifier: Apache-2.0
// Join keys and fingerprints as somebody typed them.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "controller/core/topology/registration.h"

using namespace kernmesh::topology;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // What was accepted is printed as it was read.
  if (const auto ticket = parse_ticket(text); ticket && to_string(*ticket) != text) std::abort();
  static_cast<void>(parse_fingerprint(text));
  return 0;
}
