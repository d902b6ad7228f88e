// SPDX-License-Identifier: Apache-2.0
// What an ID token says, and what a token or device endpoint answers.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "controller/core/signin/claims.h"
#include "controller/core/signin/token_answer.h"
#include "controller/core/signin/user_name.h"
#include "controller/core/topology/name.h"

using namespace kernmesh;          // NOLINT
using namespace kernmesh::signin;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto claims = parse_claims(text, "groups")) {
    const auto& identity = claims->identity;
    if (identity.subject.empty() || identity.issuer.empty()) std::abort();
    if (identity.groups.size() > kMostGroups) std::abort();
    const Expected expected{"https://a", "b", "c", WallTime(std::chrono::seconds(1'790'000'000))};
    if (check_claims(*claims, expected) &&
        (identity.issuer != "https://a" || claims->nonce != "c")) {
      std::abort();
    }
    const std::string name = user_name(identity);
    if (!topology::check_user_name(name)) std::abort();
    if (known_address(identity).empty() && name.find('@') != name.npos) std::abort();
    const EntryTerms terms{{"example.org"}, {}};
    if (check_entry(identity, terms) && identity.email.empty()) std::abort();
  }
  static_cast<void>(parse_token_answer(text));
  if (const auto grant = parse_device_answer(text, Transport::kHttpsOnly)) {
    if (!grant->url.starts_with("https://") || grant->interval.count() < 1) std::abort();
  }
  return 0;
}
