// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/claims.h"

#include <algorithm>

#include "controller/core/signin/document.h"
#include "controller/core/signin/jws.h"
#include "controller/core/signin/web_url.h"

namespace kernmesh::signin {
namespace {

constexpr std::size_t kMostAudiences = 16;
constexpr std::size_t kMostClientIdBytes = 512;
constexpr std::size_t kMostNonceBytes = 256;
constexpr std::size_t kMostEmailBytes = 254;  // RFC 5321 section 4.5.3.1.3, without the brackets
constexpr std::size_t kMostNameBytes = 256;

Error denied(const std::string& why) { return {ErrorCode::kPermissionDenied, why}; }

Result<WallTime> required_date(const Json& claims, const char* name) {
  MESH_TRY_ASSIGN(const auto date, optional_date(claims, name));
  if (!date) return Error(ErrorCode::kInvalid, "\"" + std::string(name) + "\" is missing");
  return *date;
}

// Only the JSON value true counts: a provider that does not say it has not verified it.
Result<std::string> verified_email(const Json& claims) {
  const auto verified = claims.find("email_verified");
  if (verified == claims.end() || *verified != true) return std::string();
  return optional_text(claims, "email", kMostEmailBytes);
}

Result<std::string> display_name(const Json& claims) {
  for (const char* const member : {"name", "preferred_username"}) {
    MESH_TRY_ASSIGN(auto name, optional_text(claims, member, kMostNameBytes));
    if (!name.empty()) return name;
  }
  return std::string();
}

Result<Identity> identity_of(const Json& claims, std::string_view groups_claim) {
  Identity identity;
  MESH_TRY_ASSIGN(identity.issuer, required_text(claims, "iss", kMostUrlBytes));
  MESH_TRY_ASSIGN(identity.subject, required_text(claims, "sub", kMostSubjectBytes));
  MESH_TRY_ASSIGN(identity.email, verified_email(claims));
  MESH_TRY_ASSIGN(identity.name, display_name(claims));
  if (!groups_claim.empty()) {
    MESH_TRY_ASSIGN(identity.groups, optional_texts(claims, std::string(groups_claim).c_str(),
                                                    {kMostGroups, kMostGroupBytes}));
  }
  return identity;
}

bool is_one_of(const std::vector<std::string>& texts, std::string_view text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

bool equals_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

Status check_audience(const Claims& claims, std::string_view client_id) {
  if (!is_one_of(claims.audience, client_id)) {
    return denied("the token is for another client of the provider (aud)");
  }
  if (claims.audience.size() > 1 && claims.authorized_party.empty()) {
    return denied("the token is for several clients and does not say for which it was made (azp)");
  }
  if (!claims.authorized_party.empty() && claims.authorized_party != client_id) {
    return denied("the token was made for another client of the provider (azp)");
  }
  return {};
}

Status check_times(const Claims& claims, WallTime now) {
  if (claims.expires_at <= now - kClockSlack) {
    return Error(ErrorCode::kExpired,
                 "the token has expired; is this server's clock, or the provider's, fast or slow?");
  }
  const auto latest_begin = now + kClockSlack;
  if (claims.issued_at > latest_begin || claims.not_before.value_or(now) > latest_begin) {
    return Error(ErrorCode::kExpired,
                 "the token is from the future; is this server's clock, or the provider's, wrong?");
  }
  return {};
}

}  // namespace

Result<Claims> parse_claims(std::string_view payload, std::string_view groups_claim) {
  MESH_TRY_ASSIGN(const auto json, parse_object({"the token's payload", payload, kMostTokenBytes}));
  Claims claims;
  MESH_TRY_ASSIGN(claims.identity, identity_of(json, groups_claim));
  MESH_TRY_ASSIGN(claims.audience,
                  optional_texts(json, "aud", {kMostAudiences, kMostClientIdBytes}));
  MESH_TRY_ASSIGN(claims.authorized_party, optional_text(json, "azp", kMostClientIdBytes));
  MESH_TRY_ASSIGN(claims.nonce, optional_text(json, "nonce", kMostNonceBytes));
  MESH_TRY_ASSIGN(claims.expires_at, required_date(json, "exp"));
  MESH_TRY_ASSIGN(claims.issued_at, required_date(json, "iat"));
  MESH_TRY_ASSIGN(claims.not_before, optional_date(json, "nbf"));
  return claims;
}

Status check_claims(const Claims& claims, const Expected& expected) {
  if (claims.identity.issuer != expected.issuer) {
    return denied("the token is of another issuer (iss)");
  }
  MESH_TRY(check_audience(claims, expected.client_id));
  if (expected.nonce && claims.nonce != *expected.nonce) {
    return denied("the token is of another sign-in (nonce)");
  }
  return check_times(claims, expected.now);
}

Status check_entry(const Identity& identity, const EntryTerms& terms) {
  if (!terms.domains.empty()) {
    if (identity.email.empty()) {
      return denied(
          "this network takes people by the domain of their e-mail address, and the provider does "
          "not say that it has verified yours");
    }
    const auto at = identity.email.rfind('@');
    const std::string_view domain =
        at == std::string::npos ? "" : std::string_view(identity.email).substr(at + 1);
    const bool taken =
        std::any_of(terms.domains.begin(), terms.domains.end(),
                    [&](const auto& allowed) { return equals_without_case(allowed, domain); });
    if (!taken) return denied("this network does not take people of your e-mail address's domain");
  }
  if (terms.groups.empty()) return {};
  const bool member = std::any_of(terms.groups.begin(), terms.groups.end(), [&](const auto& group) {
    return is_one_of(identity.groups, group);
  });
  if (!member) return denied("you are in none of the groups that this network takes");
  return {};
}

}  // namespace kernmesh::signin
