// SPDX-License-Identifier: Apache-2.0
// What a provider's token and device endpoints answer (L1, pure; RFC 6749 section 5, RFC 8628
// sections 3.2 and 3.5). Access and refresh tokens are not kept: nothing here uses them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <variant>

#include "controller/base/result.h"
#include "controller/core/signin/web_url.h"

namespace kernmesh::signin {

inline constexpr std::size_t kMostAnswerBytes = 256 * 1024;

// Why there is no token. The first two are of device authorization: ask again, more slowly.
enum class Refusal { kPending, kSlowDown, kDenied, kExpired, kOther };
struct NoToken {
  Refusal refusal = Refusal::kOther;
  std::string code;  // RFC 6749's word for it, as far as it is plain; for the log
};

struct GrantedToken {
  std::string id_token;
};
using TokenAnswer = std::variant<GrantedToken, NoToken>;

// How long to wait before the next question after this answer (RFC 8628 section 3.5): 5 s more each
// time that the provider wants it, or does not answer at all, up to a minute.
std::chrono::seconds next_interval(std::chrono::seconds interval, Refusal refusal);

// kInvalid when it is neither an answer with an ID token nor one that says why there is none.
Result<TokenAnswer> parse_token_answer(std::string_view text);

struct DeviceGrant {
  std::string device_code;  // secret
  std::string user_code;
  std::string url;           // where the code is typed
  std::string complete_url;  // with the code in it; empty: the provider has none
  std::chrono::seconds lifetime{};
  std::chrono::seconds interval{5};  // at least so long between two questions
};
// kInvalid also when a URL is no web URL: it is shown to people. Lifetime and interval are brought
// into bounds: 1 minute to 1 hour, 1 second to 1 minute.
Result<DeviceGrant> parse_device_answer(std::string_view text, Transport transport);

}  // namespace kernmesh::signin
