// SPDX-License-Identifier: Apache-2.0
#include "controller/oidc/provider.h"

#include "controller/core/signin/request.h"
#include "tests/unit/oidc/provider_fixture.h"

namespace kernmesh::oidc {
namespace {

const Provider::Secrets kSecrets{"state-1", "nonce-1", "verifier-1"};

TEST_F(ProviderTest, checks_every_algorithm_that_it_takes) {
  for (const auto algorithm :
       {Algorithm::kRs256, Algorithm::kPs256, Algorithm::kEs256, Algorithm::kEdDsa}) {
    const auto key = SigningKey::make(algorithm);
    publish_keys({key.jwk("key-1")});
    Json header = this->header();
    header["alg"] = to_string(algorithm);
    const std::string token = make_token(key, header, claims().dump());
    const auto identity = identify(token);
    EXPECT_TRUE(identity) << to_string(algorithm) << ": " << identity.error().message();
    const auto other = SigningKey::make(algorithm);
    const auto forged = identify(make_token(other, header, claims().dump()));
    ASSERT_FALSE(forged) << to_string(algorithm);
    EXPECT_EQ(forged.error().code(), ErrorCode::kUnauthenticated);
  }
}

TEST_F(ProviderTest, follows_a_rotation_by_asking_once) {
  auto provider = make_provider();
  const std::string old_token = make_token(rsa_key(), header(), claims().dump());
  ASSERT_TRUE(provider.identify(old_token, "nonce-1"));
  Json header = this->header();
  header["kid"] = "key-2";
  const std::string new_token = make_token(other_rsa_key(), header, claims().dump());
  publish_keys({other_rsa_key().jwk("key-2")});
  mono_ += signin::kAskInterval;
  EXPECT_TRUE(provider.identify(new_token, "nonce-1"));
  EXPECT_EQ(http_.asked(kKeysUrl), 2);
  EXPECT_FALSE(provider.identify(old_token, "nonce-1")) << "its key was withdrawn";
}

TEST_F(ProviderTest, unknown_keys_make_it_ask_once_an_interval_however_many_there_are) {
  auto provider = make_provider();
  Json header = this->header();
  header["kid"] = "unknown";
  const std::string token = make_token(rsa_key(), header, claims().dump());
  mono_ += signin::kAskInterval;
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(provider.identify(token, "nonce-1"));
  EXPECT_EQ(http_.asked(kKeysUrl), 1);
  mono_ += signin::kAskInterval;
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(provider.identify(token, "nonce-1"));
  EXPECT_EQ(http_.asked(kKeysUrl), 2);
}

TEST_F(ProviderTest, a_provider_that_is_down_is_asked_once_an_interval_and_found_again) {
  auto provider = make_provider();
  http_.answer(kDiscoveryUrl, [](const HttpRequest&) -> Result<HttpAnswer> {
    return HttpAnswer{503, ""};
  });
  for (int i = 0; i < 100; ++i) {
    const auto url = provider.authorization_url(kSecrets);
    ASSERT_FALSE(url);
    EXPECT_EQ(url.error().code(), ErrorCode::kUnavailable);
  }
  EXPECT_EQ(http_.asked(kDiscoveryUrl), 1);
  publish_discovery(discovery_);
  mono_ += signin::kAskInterval;
  EXPECT_TRUE(provider.authorization_url(kSecrets));
}

TEST_F(ProviderTest, keys_are_believed_for_an_hour_and_not_longer) {
  auto provider = make_provider();
  const std::string token = make_token(rsa_key(), header(), claims().dump());
  ASSERT_TRUE(provider.identify(token, "nonce-1"));
  http_.answer(kKeysUrl, [](const HttpRequest&) -> Result<HttpAnswer> {
    return Error(ErrorCode::kUnavailable, "down");
  });
  mono_ += signin::kDocumentLifetime - std::chrono::seconds(1);
  EXPECT_TRUE(provider.identify(token, "nonce-1"));
  mono_ += std::chrono::seconds(1);
  const auto stale = provider.identify(token, "nonce-1");
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code(), ErrorCode::kUnavailable);
}

TEST_F(ProviderTest, exchanges_a_code_with_the_verifier) {
  auto provider = make_provider();
  http_.answer(kTokenUrl,
               Json{{"id_token", make_token(rsa_key(), header(), claims().dump())}}.dump());
  const auto identity = provider.redeem({"the code", ""}, kSecrets);
  ASSERT_TRUE(identity) << identity.error().message();
  EXPECT_EQ(identity->subject, "1234");
  EXPECT_EQ(http_.last_form(),
            "grant_type=authorization_code&code=the%20code&redirect_uri=https%3A%2F%2Fvpn.example"
            "%2Fcallback&code_verifier=verifier-1&client_id=kernmesh");
  EXPECT_EQ(http_.last_authorization(), "");
}

TEST_F(ProviderTest, shows_its_secret_as_the_provider_wants_it) {
  options_.client_secret = "a:b%";
  const Json no_token{{"error", "invalid_grant"}};
  http_.answer(kTokenUrl, no_token.dump());
  auto provider = make_provider();
  EXPECT_FALSE(provider.redeem({"code", ""}, kSecrets));
  EXPECT_EQ(http_.last_authorization(), "Basic a2Vybm1lc2g6YSUzQWIlMjU=");  // kernmesh:a%3Ab%25
  EXPECT_EQ(http_.last_form().find("client_secret"), std::string::npos);
  discovery_["token_endpoint_auth_methods_supported"] = {"client_secret_post"};
  publish_discovery(discovery_);
  auto other = make_provider();
  EXPECT_FALSE(other.redeem({"code", ""}, kSecrets));
  EXPECT_EQ(http_.last_authorization(), "");
  EXPECT_NE(http_.last_form().find("client_secret=a%3Ab%25"), std::string::npos);
}

TEST_F(ProviderTest, refuses_the_answer_of_another_provider) {
  discovery_["authorization_response_iss_parameter_supported"] = true;
  publish_discovery(discovery_);
  http_.answer(kTokenUrl,
               Json{{"id_token", make_token(rsa_key(), header(), claims().dump())}}.dump());
  auto provider = make_provider();
  EXPECT_FALSE(provider.redeem({"code", "https://evil.example"}, kSecrets));
  EXPECT_FALSE(provider.redeem({"code", ""}, kSecrets));
  EXPECT_EQ(http_.asked(kTokenUrl), 0) << "the code must not be spent";
  EXPECT_TRUE(provider.redeem({"code", kIssuer}, kSecrets));
}

TEST_F(ProviderTest, no_error_names_a_secret) {
  options_.client_secret = "top-secret";
  auto provider = make_provider();
  for (const auto& [status, body] :
       std::initializer_list<std::pair<long, std::string>>{{400, "{\"error\":\"top-secret code\"}"},
                                                           {200, "{\"id_token\":\"top-secret\"}"},
                                                           {200, "top-secret"},
                                                           {302, "top-secret"}}) {
    http_.answer(kTokenUrl,
                 [status = status, body = body](const HttpRequest&) -> Result<HttpAnswer> {
                   return HttpAnswer{status, body};
                 });
    const auto identity = provider.redeem({"code-secret", ""}, kSecrets);
    ASSERT_FALSE(identity);
    EXPECT_EQ(identity.error().message().find("secret"), std::string::npos)
        << identity.error().message();
  }
}

TEST_F(ProviderTest, takes_people_by_domain_and_group) {
  const auto outcome = [&](signin::EntryTerms terms, const Json& claims) {
    options_.terms = std::move(terms);
    return identify_claims(claims).has_value();
  };
  EXPECT_TRUE(outcome({{"EXAMPLE.org"}, {}}, claims()));
  EXPECT_FALSE(outcome({{"example.com"}, {}}, claims()));
  EXPECT_FALSE(outcome({{"ample.org"}, {}}, claims()));
  EXPECT_TRUE(outcome({{}, {"qa", "ops"}}, claims()));
  EXPECT_FALSE(outcome({{}, {"qa"}}, claims()));
  EXPECT_FALSE(outcome({{"example.org"}, {"qa"}}, claims()));
  Json unverified = claims();
  unverified["email_verified"] = false;
  EXPECT_FALSE(outcome({{"example.org"}, {}}, unverified));
  Json two_signs = claims();
  two_signs["email"] = "ann@example.org@evil.example";
  EXPECT_FALSE(outcome({{"example.org"}, {}}, two_signs));
}

TEST_F(ProviderTest, reads_groups_from_the_claim_that_it_is_told) {
  options_.groups_claim = "https://example.org/roles";
  Json claims = this->claims();
  claims["https://example.org/roles"] = "admin";
  EXPECT_EQ(identify_claims(claims).value().groups, std::vector<std::string>{"admin"});
}

TEST_F(ProviderTest, authorizes_devices) {
  auto provider = make_provider();
  http_.answer(kDeviceUrl, Json{{"device_code", "device"},
                                {"user_code", "ABCD"},
                                {"verification_uri", kIssuer + "/enter"},
                                {"expires_in", 600}}
                               .dump());
  const auto grant = provider.start_device();
  ASSERT_TRUE(grant) << grant.error().message();
  EXPECT_EQ(http_.last_form(), "scope=openid%20email%20profile&client_id=kernmesh");
  http_.answer(kTokenUrl, [](const HttpRequest&) -> Result<HttpAnswer> {
    return HttpAnswer{400, R"({"error":"slow_down"})"};
  });
  const auto waiting = provider.poll_device(grant->device_code);
  ASSERT_TRUE(waiting);
  EXPECT_EQ(std::get<signin::NoToken>(*waiting).refusal, signin::Refusal::kSlowDown);
  Json claims = this->claims();
  claims.erase("nonce");
  http_.answer(kTokenUrl,
               Json{{"id_token", make_token(rsa_key(), header(), claims.dump())}}.dump());
  const auto done = provider.poll_device(grant->device_code);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(std::get<signin::Identity>(*done).subject, "1234");
  discovery_.erase("device_authorization_endpoint");
  publish_discovery(discovery_);
  EXPECT_EQ(make_provider().start_device().error().code(), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace kernmesh::oidc
