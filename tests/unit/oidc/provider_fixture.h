// SPDX-License-Identifier: Apache-2.0
// A Provider under test with clocks that stand still until a test moves them.
#pragma once

#include <gtest/gtest.h>

#include "controller/oidc/provider.h"
#include "tests/unit/oidc/signing_provider.h"

namespace kernmesh::oidc {

inline const std::string kIssuer = "https://login.example";
inline const std::string kKeysUrl = kIssuer + "/keys";
inline const std::string kTokenUrl = kIssuer + "/token";
inline const std::string kDeviceUrl = kIssuer + "/device";
inline const std::string kDiscoveryUrl = kIssuer + "/.well-known/openid-configuration";

// Made once: an RSA key takes a tenth of a second.
inline const SigningKey& rsa_key() {
  static const SigningKey key = SigningKey::make(Algorithm::kRs256);
  return key;
}
inline const SigningKey& other_rsa_key() {
  static const SigningKey key = SigningKey::make(Algorithm::kRs256);
  return key;
}

class ProviderTest : public testing::Test {
 protected:
  ProviderTest() {
    publish_discovery(discovery_);
    publish_keys({rsa_key().jwk("key-1")});
  }

  void publish_discovery(const Json& document) { http_.answer(kDiscoveryUrl, document.dump()); }
  void publish_keys(std::initializer_list<Json> keys) {
    publish_key_list(Json(std::vector<Json>(keys)));
  }
  void publish_key_list(const Json& keys) { http_.answer(kKeysUrl, Json{{"keys", keys}}.dump()); }

  Provider make_provider() { return make_provider(options_); }
  Provider make_provider(ProviderOptions options) {
    return Provider(std::move(options), http_,
                    {[this] { return wall_; }, [this] { return mono_; }});
  }

  Json claims() const {
    const auto now = wall_.time_since_epoch().count();
    return {{"iss", kIssuer},
            {"sub", "1234"},
            {"aud", "kernmesh"},
            {"exp", now + 300},
            {"iat", now},
            {"nonce", "nonce-1"},
            {"name", "Ann"},
            {"email", "ann@example.org"},
            {"email_verified", true},
            {"groups", {"dev", "ops"}}};
  }
  static Json header() { return {{"alg", "RS256"}, {"kid", "key-1"}, {"typ", "JWT"}}; }

  // What becomes of a token at a provider that was never asked before.
  Result<signin::Identity> identify(const std::string& token) {
    auto provider = make_provider();
    return provider.identify(token, "nonce-1");
  }
  Result<signin::Identity> identify_claims(const Json& claims) {
    return identify(make_token(rsa_key(), header(), claims.dump()));
  }

  ScriptedHttp http_;
  WallTime wall_ = WallTime(std::chrono::seconds(1'790'000'000));
  MonoTime mono_ = MonoTime(std::chrono::hours(1));
  ProviderOptions options_{kIssuer, "kernmesh", "", "https://vpn.example/callback"};
  Json discovery_{{"issuer", kIssuer},
                  {"authorization_endpoint", kIssuer + "/auth"},
                  {"token_endpoint", kTokenUrl},
                  {"jwks_uri", kKeysUrl},
                  {"device_authorization_endpoint", kDeviceUrl}};
};

}  // namespace kernmesh::oidc
