// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/token_answer.h"

#include <algorithm>
#include <array>

#include "controller/core/signin/document.h"
#include "controller/core/signin/jws.h"

namespace kernmesh::signin {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMostCodeBytes = 4096;
constexpr std::size_t kMostUserCodeBytes = 64;
constexpr seconds kSlowerBy(5);
constexpr seconds kSlowest(60);

NoToken refusal_of(std::string code) {
  constexpr std::array<std::pair<std::string_view, Refusal>, 4> kKnown{{
      {"authorization_pending", Refusal::kPending},
      {"slow_down", Refusal::kSlowDown},
      {"access_denied", Refusal::kDenied},
      {"expired_token", Refusal::kExpired},
  }};
  for (const auto& [name, refusal] : kKnown) {
    if (name == code) return {refusal, std::move(code)};
  }
  const bool is_word = code.size() <= 64 && std::all_of(code.begin(), code.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || c == '_';
                       });
  return {Refusal::kOther, is_word ? std::move(code) : "an unknown error"};
}

Result<seconds> bounded_seconds(const Json& answer, const char* name, seconds otherwise,
                                std::pair<seconds, seconds> bounds) {
  const auto found = answer.find(name);
  if (found == answer.end()) return otherwise;
  if (!found->is_number()) {
    return Error(ErrorCode::kInvalid, "\"" + std::string(name) + "\" is no number of seconds");
  }
  const double given = found->get<double>();
  const double held = std::clamp(given, static_cast<double>(bounds.first.count()),
                                 static_cast<double>(bounds.second.count()));
  return seconds(static_cast<std::int64_t>(held));
}

Result<std::string> web_url_text(const Json& answer, const char* name, Transport transport) {
  MESH_TRY_ASSIGN(const auto text, required_text(answer, name, kMostUrlBytes));
  const auto url = parse_web_url(text, transport);
  if (!url) return url.error().with_context("\"" + std::string(name) + "\"");
  return url->text;
}

}  // namespace

std::chrono::seconds next_interval(std::chrono::seconds interval, Refusal refusal) {
  return refusal == Refusal::kPending ? interval : std::min(interval + kSlowerBy, kSlowest);
}

Result<TokenAnswer> parse_token_answer(std::string_view text) {
  MESH_TRY_ASSIGN(const auto answer,
                  parse_object({"the token endpoint's answer", text, kMostAnswerBytes}));
  if (answer.contains("error")) {
    MESH_TRY_ASSIGN(auto code, required_text(answer, "error", kMostCodeBytes));
    return TokenAnswer(refusal_of(std::move(code)));
  }
  GrantedToken granted;
  MESH_TRY_ASSIGN(granted.id_token, required_text(answer, "id_token", kMostTokenBytes));
  return TokenAnswer(std::move(granted));
}

Result<DeviceGrant> parse_device_answer(std::string_view text, Transport transport) {
  MESH_TRY_ASSIGN(const auto answer,
                  parse_object({"the device endpoint's answer", text, kMostAnswerBytes}));
  DeviceGrant grant;
  MESH_TRY_ASSIGN(grant.device_code, required_text(answer, "device_code", kMostCodeBytes));
  MESH_TRY_ASSIGN(grant.user_code, required_text(answer, "user_code", kMostUserCodeBytes));
  MESH_TRY_ASSIGN(grant.url, web_url_text(answer, "verification_uri", transport));
  if (answer.contains("verification_uri_complete")) {
    MESH_TRY_ASSIGN(grant.complete_url,
                    web_url_text(answer, "verification_uri_complete", transport));
  }
  MESH_TRY_ASSIGN(grant.lifetime, bounded_seconds(answer, "expires_in", seconds(600),
                                                  {seconds(60), seconds(3600)}));
  MESH_TRY_ASSIGN(grant.interval,
                  bounded_seconds(answer, "interval", seconds(5), {seconds(1), seconds(60)}));
  return grant;
}

}  // namespace kernmesh::signin
