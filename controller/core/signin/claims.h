// SPDX-License-Identifier: Apache-2.0
// What an ID token says, and whether it says it to us, now (L1, pure; OpenID Connect Core section
// 3.1.3.7). The signature is checked elsewhere, before any of this is believed.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace kernmesh::signin {

// A user is the pair (issuer, subject): names and e-mail addresses change and are given to others.
struct Identity {
  std::string issuer;
  std::string subject;
  std::string email;  // empty unless the provider says that it has verified it
  std::string name;   // for people; chosen by the user, proves nothing
  std::vector<std::string> groups;
  bool operator==(const Identity&) const = default;
};

struct Claims {
  Identity identity;
  std::vector<std::string> audience;
  std::string authorized_party;  // "azp"; empty: none
  std::string nonce;             // empty: none
  WallTime expires_at{};
  WallTime issued_at{};
  std::optional<WallTime> not_before;
};

inline constexpr std::size_t kMostSubjectBytes = 255;  // OpenID Connect Core section 2
inline constexpr std::size_t kMostGroups = 1000;
inline constexpr std::size_t kMostGroupBytes = 256;

// `groups_claim` names the member that lists a person's groups; empty: none does. kInvalid with the
// member's name when something is missing, of another type or out of bounds.
Result<Claims> parse_claims(std::string_view payload, std::string_view groups_claim);

// Servers' clocks under NTP agree to milliseconds; a minute forgives one that is badly kept, and
// lengthens the life of a token of minutes by little.
inline constexpr auto kClockSlack = std::chrono::seconds(60);

struct Expected {
  std::string_view issuer;
  std::string_view client_id;
  std::optional<std::string_view> nonce;  // none: none was sent (device authorization)
  WallTime now{};
};
// kPermissionDenied when it is of another issuer, for another client or for another sign-in;
// kExpired when it is too old or not yet good.
Status check_claims(const Claims& claims, const Expected& expected);

// Whom of the provider's people the network takes; an empty list takes all.
struct EntryTerms {
  std::vector<std::string> domains;  // of verified e-mail addresses, whole, without case
  std::vector<std::string> groups;   // one of them is enough
};
// kPermissionDenied in words for the person.
Status check_entry(const Identity& identity, const EntryTerms& terms);

}  // namespace kernmesh::signin
