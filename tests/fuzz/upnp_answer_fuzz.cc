// SPDX-License-Identifier: Apache-2.0
// What the process says that has spoken with a gateway (core/portmap/upnp_talk.h).
#include <cstdint>
#include <cstdlib>
#include <string>

#include "controller/core/portmap/upnp_talk.h"

using namespace kernmesh::portmap;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto answer = parse_answer({reinterpret_cast<const char*>(data), size});
  if (!answer) return 0;
  // What was believed means the same when it is said again.
  const auto again = parse_answer(to_answer(answer));
  if (!again || again->external != answer->external || again->lifetime != answer->lifetime)
    std::abort();
  return 0;
}
