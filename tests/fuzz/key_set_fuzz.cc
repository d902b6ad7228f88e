// SPDX-License-Identifier: Apache-2.0
// A provider's keys, down to what OpenSSL makes of them.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "controller/core/signin/key_set.h"
#include "controller/oidc/signature.h"

using namespace kernmesh::signin;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto set = parse_key_set(text);
  if (!set) return 0;
  if (set->keys.size() + set->ignored > kMostKeys) std::abort();
  for (const auto& key : set->keys) {
    for (const auto algorithm :
         {Algorithm::kRs256, Algorithm::kPs256, Algorithm::kEs256, Algorithm::kEdDsa}) {
      Jws token{algorithm, key.id, "a.b", "b", Bytes(64, 1)};
      if (kernmesh::oidc::verify_signature(token, key)) std::abort();
    }
  }
  return 0;
}
