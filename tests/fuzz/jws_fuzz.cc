// SPDX-License-Identifier: Apache-2.0
// ID tokens as an identity provider, or somebody in its place, sends them.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "controller/core/signin/jws.h"

using namespace kernmesh::signin;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto token = parse_compact_jws(text)) {
    // One spelling for one value: what was accepted is written as it was read.
    const auto* const payload = reinterpret_cast<const std::uint8_t*>(token->payload.data());
    const std::string again = token->signed_text.substr(0, token->signed_text.find('.')) + "." +
                              to_url_text(payload, token->payload.size()) + "." +
                              to_url_text(token->signature.data(), token->signature.size());
    if (again != text) std::abort();
    if (to_string(token->algorithm) == "unknown") std::abort();
  }
  return 0;
}
