// SPDX-License-Identifier: Apache-2.0
// Feeds bytes to the STUN parser. What parses must mean the same when it is written and read again.
#include <cstdlib>
#include <span>

#include "controller/core/stun/message.h"

using namespace kernmesh;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = stun::parse(std::span(data, size));
  const auto* message = std::get_if<stun::Message>(&parsed);
  if (message == nullptr) return 0;
  for (const auto fingerprint : {stun::Fingerprint::kNone, stun::Fingerprint::kAppend}) {
    const auto again = stun::parse(stun::to_bytes(*message, fingerprint));
    const auto* same = std::get_if<stun::Message>(&again);
    if (same == nullptr || !(*same == *message)) std::abort();
  }
  return 0;
}
