// SPDX-License-Identifier: Apache-2.0
// A desk and its pages over a provider in memory, with a clock that a test may put ahead.
#pragma once

#include <gtest/gtest.h>

#include <atomic>

#include "controller/server/signin/pages.h"
#include "tests/unit/oidc/signing_provider.h"
#include "tests/unit/server/signin/waiting_visitor.h"

namespace kernmesh::server {

class SignInTest : public testing::Test {
 protected:
  explicit SignInTest(const std::string& desk_url = "http://127.0.0.1:1")
      : key_(oidc::SigningKey::make(signin::Algorithm::kEs256)),
        provider_(provider_options(), http_, clocks()),
        desk_({desk_url}, provider_, clocks(),
              [this](const signin::Newcomer&, const signin::Identity& identity) -> Status {
                if (identity.subject != banned_) return {};
                return Error(ErrorCode::kPermissionDenied, "your account is locked");
              }) {
    http_.answer(kIssuer + "/.well-known/openid-configuration",
                 signin::Json{{"issuer", kIssuer},
                              {"authorization_endpoint", kIssuer + "/auth"},
                              {"token_endpoint", kIssuer + "/token"},
                              {"jwks_uri", kIssuer + "/keys"},
                              {"device_authorization_endpoint", kIssuer + "/device"}}
                     .dump());
    const std::vector<signin::Json> keys{key_.jwk("key-1")};
    http_.answer(kIssuer + "/keys", signin::Json{{"keys", keys}}.dump());
  }

  static signin::Newcomer newcomer(std::uint8_t number) {
    std::array<std::uint8_t, 32> bytes{};
    bytes.fill(number);
    return {MachinePublicKey(bytes), NodePublicKey(bytes), "web-<1>", "192.0.2.7"};
  }

  Result<Invitation> open(const signin::Newcomer& newcomer) { return open_at(desk_, newcomer); }

  // The token endpoint gives a token for `subject` with this nonce; empty: without one.
  void grant(const std::string& subject, const std::string& nonce) {
    signin::Json claims{{"iss", kIssuer},    {"sub", subject}, {"aud", "kernmesh"},
                        {"exp", kNow + 300}, {"iat", kNow},    {"name", "Ann & <Co>"}};
    if (!nonce.empty()) claims["nonce"] = nonce;
    const signin::Json header{{"alg", "ES256"}, {"kid", "key-1"}};
    http_.answer(kIssuer + "/token",
                 signin::Json{{"id_token", oidc::make_token(key_, header, claims.dump())}}.dump());
  }

  static std::string parameter(const std::string& url, const std::string& name) {
    const auto at = url.find(name + "=");
    return at == std::string::npos
               ? ""
               : url.substr(at + name.size() + 1, url.find('&', at) - at - name.size() - 1);
  }

  oidc::Clocks clocks() {
    return {[] { return WallTime(std::chrono::seconds(kNow)); },
            [this] {
              return MonoTime(std::chrono::steady_clock::now().time_since_epoch() +
                              Duration(ahead_ns_.load()));
            }};
  }
  void advance(Duration by) { ahead_ns_ += by.count(); }

  static oidc::ProviderOptions provider_options() {
    return {kIssuer, "kernmesh", "", "http://127.0.0.1:1/callback"};
  }

  inline static const std::string kIssuer = "https://login.example";
  static constexpr std::int64_t kNow = 1'790'000'000;
  static constexpr const char* kBrowser = "browser-1";

  std::atomic<Duration::rep> ahead_ns_ = 0;
  std::string banned_ = "banned";
  oidc::SigningKey key_;
  oidc::ScriptedHttp http_;
  oidc::Provider provider_;
  SignInDesk desk_;
};

}  // namespace kernmesh::server
