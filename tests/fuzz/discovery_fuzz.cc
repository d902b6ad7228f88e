// SPDX-License-Identifier: Apache-2.0
// A provider's discovery document, and the URLs in it.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "controller/core/signin/discovery.h"
#include "controller/core/signin/ledger.h"

using namespace kernmesh::signin;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto found = parse_discovery(text, "https://a", Transport::kHttpsOnly)) {
    if (found->issuer != "https://a" || !found->token_endpoint.is_https) std::abort();
  }
  if (const auto url = parse_web_url(text, Transport::kHttpsOrLoopback)) {
    // Its origin is read again as it is, and has nothing more than the host in it.
    const auto origin = parse_web_url(url->origin, Transport::kHttpsOrLoopback);
    if (!origin || origin->host != url->host || !origin->path.empty()) std::abort();
  }
  const std::string code = normalise_user_code(text);
  if (!code.empty() && normalise_user_code(code) != code) std::abort();
  return 0;
}
