// SPDX-License-Identifier: Apache-2.0
#include "controller/oidc/provider.h"

#include <sodium.h>

#include <algorithm>

#include "controller/core/signin/request.h"
#include "controller/oidc/signature.h"

namespace kernmesh::oidc {
namespace {

constexpr std::string_view kDeviceGrantType = "urn:ietf:params:oauth:grant-type:device_code";
constexpr long kOk = 200;
constexpr long kBadRequest = 400;
constexpr long kUnauthorized = 401;

std::string to_base64(const std::string& text) {
  constexpr int kPadded = sodium_base64_VARIANT_ORIGINAL;
  std::string out(sodium_base64_encoded_len(text.size(), kPadded), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(text.data()),
                    text.size(), kPadded);
  out.pop_back();  // the terminator
  return out;
}

Error bad_status(long status) {
  const std::string said = "the provider answered with HTTP " + std::to_string(status);
  if (status >= 300 && status < 400) {
    return {ErrorCode::kInvalid, said + ", a redirect, which is not followed"};
  }
  return {status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kInvalid, said};
}

}  // namespace

Provider::Provider(ProviderOptions options, HttpClient& http, Clocks clocks)
    : options_(std::move(options)), http_(http), clocks_(std::move(clocks)) {}

Result<HttpAnswer> Provider::ask(const HttpRequest& request, const Expected& expected) {
  auto answer = http_.send(request);
  const auto& statuses = expected.statuses;
  const bool is_good =
      answer && std::find(statuses.begin(), statuses.end(), answer->status) != statuses.end();
  if (is_good) return answer;
  ++failures_;
  if (!answer) return answer;
  const Error error = bad_status(answer->status);
  return expected.place == nullptr ? error : error.with_context(expected.place);
}

Result<std::string> Provider::fetch(const std::string& url, std::size_t most_bytes) {
  MESH_TRY_ASSIGN(auto answer, ask({url, std::nullopt, "", most_bytes}, {{kOk}}));
  return std::move(answer.body);
}

Result<Provider::DiscoveryPtr> Provider::discovery() {
  auto found =
      discovery_.get(Freshness::kNotStale, clocks_.mono(), [this]() -> Result<signin::Discovery> {
        MESH_TRY_ASSIGN(const auto text,
                        fetch(signin::discovery_url(options_.issuer), signin::kMostDiscoveryBytes));
        return signin::parse_discovery(text, options_.issuer, options_.transport);
      });
  if (!found) return found.error().with_context("discovery of " + options_.issuer);
  return found;
}

Result<Provider::KeySetPtr> Provider::keys(Freshness freshness) {
  MESH_TRY_ASSIGN(const auto found, discovery());
  auto keys = keys_.get(freshness, clocks_.mono(), [&]() -> Result<signin::KeySet> {
    MESH_TRY_ASSIGN(const auto text, fetch(found->key_set.text, signin::kMostKeySetBytes));
    auto parsed = signin::parse_key_set(text);
    if (parsed) ++key_fetches_;
    return parsed;
  });
  if (!keys) return keys.error().with_context("keys of " + options_.issuer);
  return keys;
}

Result<signin::VerificationKey> Provider::key_for(const signin::Jws& token) {
  MESH_TRY_ASSIGN(const auto known, keys(Freshness::kNotStale));
  auto key = signin::choose_key(*known, token);
  if (key || key.error().code() != ErrorCode::kNotFound) return key;
  MESH_TRY_ASSIGN(const auto newest, keys(Freshness::kNewest));
  return signin::choose_key(*newest, token);
}

Result<signin::Identity> Provider::identify(const std::string& id_token,
                                            std::optional<std::string_view> nonce) {
  MESH_TRY_ASSIGN(const auto token, signin::parse_compact_jws(id_token));
  MESH_TRY_ASSIGN(const auto key, key_for(token));
  MESH_TRY(verify_signature(token, key));
  MESH_TRY_ASSIGN(auto claims, signin::parse_claims(token.payload, options_.groups_claim));
  MESH_TRY(
      signin::check_claims(claims, {options_.issuer, options_.client_id, nonce, clocks_.wall()}));
  MESH_TRY(signin::check_entry(claims.identity, options_.terms));
  return std::move(claims.identity);
}

Result<std::string> Provider::authorization_url(const Secrets& secrets) {
  MESH_TRY_ASSIGN(const auto found, discovery());
  return signin::authorization_url(found->authorization_endpoint,
                                   {options_.client_id, options_.redirect_uri, options_.scope,
                                    secrets.state, secrets.nonce, secrets.verifier});
}

HttpRequest Provider::signed_form(const std::string& url, std::string form,
                                  const signin::Discovery& found) const {
  HttpRequest request{url, std::move(form), "", signin::kMostAnswerBytes};
  const bool is_basic =
      !options_.client_secret.empty() && found.client_proof == signin::ClientProof::kBasic;
  if (is_basic) {
    // Both are form-encoded first (RFC 6749 section 2.3.1).
    request.authorization = "Basic " + to_base64(signin::percent_encode(options_.client_id) + ":" +
                                                 signin::percent_encode(options_.client_secret));
    return request;
  }
  *request.form += "&" + signin::to_form({{"client_id", options_.client_id}});
  if (!options_.client_secret.empty()) {
    *request.form += "&" + signin::to_form({{"client_secret", options_.client_secret}});
  }
  return request;
}

Result<signin::TokenAnswer> Provider::ask_token(const std::string& form) {
  MESH_TRY_ASSIGN(const auto found, discovery());
  MESH_TRY_ASSIGN(const auto answer,
                  ask(signed_form(found->token_endpoint.text, form, *found),
                      {{kOk, kBadRequest, kUnauthorized}, "the token endpoint"}));
  return signin::parse_token_answer(answer.body);
}

Result<signin::Identity> Provider::redeem(const Callback& callback, const Secrets& secrets) {
  MESH_TRY_ASSIGN(const auto found, discovery());
  // Against answers of one provider that are brought as another's (RFC 9207 section 2.4).
  const bool is_missing = callback.issuer.empty() && found->names_itself;
  if (is_missing || (!callback.issuer.empty() && callback.issuer != options_.issuer)) {
    return Error(ErrorCode::kPermissionDenied, "the answer is not of the configured provider");
  }
  MESH_TRY_ASSIGN(const auto answer,
                  ask_token(signin::to_form({{"grant_type", "authorization_code"},
                                             {"code", callback.code},
                                             {"redirect_uri", options_.redirect_uri},
                                             {"code_verifier", secrets.verifier}})));
  if (const auto* const none = std::get_if<signin::NoToken>(&answer)) {
    return Error(ErrorCode::kUnauthenticated,
                 "the provider gives no token for the answer: " + none->code);
  }
  return identify(std::get<signin::GrantedToken>(answer).id_token, secrets.nonce);
}

Result<signin::DeviceGrant> Provider::start_device() {
  MESH_TRY_ASSIGN(const auto found, discovery());
  if (found->device_endpoint.empty()) {
    return Error(ErrorCode::kUnsupported, "the provider has no device authorization");
  }
  MESH_TRY_ASSIGN(
      const auto answer,
      ask(signed_form(found->device_endpoint, signin::to_form({{"scope", options_.scope}}), *found),
          {{kOk}, "the device endpoint"}));
  return signin::parse_device_answer(answer.body, options_.transport);
}

Result<Provider::DeviceAnswer> Provider::poll_device(const std::string& device_code) {
  MESH_TRY_ASSIGN(
      auto answer,
      ask_token(signin::to_form({{"grant_type", kDeviceGrantType}, {"device_code", device_code}})));
  if (auto* const none = std::get_if<signin::NoToken>(&answer)) {
    return DeviceAnswer(std::move(*none));
  }
  MESH_TRY_ASSIGN(auto identity,
                  identify(std::get<signin::GrantedToken>(answer).id_token, std::nullopt));
  return DeviceAnswer(std::move(identity));
}

}  // namespace kernmesh::oidc
