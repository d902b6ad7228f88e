// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/discovery.h"

#include <gtest/gtest.h>

#include "controller/core/signin/document.h"
#include "controller/core/signin/token_answer.h"

namespace kernmesh::signin {
namespace {

constexpr std::string_view kIssuer = "https://login.example";

Json whole_document() {
  return {{"issuer", kIssuer},
          {"authorization_endpoint", "https://login.example/auth"},
          {"token_endpoint", "https://token.example/token"},
          {"jwks_uri", "https://login.example/keys"},
          {"device_authorization_endpoint", "https://login.example/device"},
          {"authorization_response_iss_parameter_supported", true}};
}

Result<Discovery> read_discovery(const Json& document) {
  return parse_discovery(document.dump(), kIssuer, Transport::kHttpsOnly);
}

TEST(Discovery, stands_where_the_specification_says) {
  EXPECT_EQ(discovery_url("https://login.example"),
            "https://login.example/.well-known/openid-configuration");
  EXPECT_EQ(discovery_url("https://login.example/tenant/"),
            "https://login.example/tenant/.well-known/openid-configuration");
}

TEST(Discovery, is_read) {
  const auto found = read_discovery(whole_document());
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->token_endpoint.text, "https://token.example/token");
  EXPECT_EQ(found->device_endpoint, "https://login.example/device");
  EXPECT_TRUE(found->names_itself);
  EXPECT_EQ(found->client_proof, ClientProof::kBasic);
}

TEST(Discovery, of_another_issuer_is_refused_to_the_letter) {
  for (const char* const issuer : {"https://login.example/", "https://LOGIN.example",
                                   "https://login.example.evil", "http://login.example", ""}) {
    Json document = whole_document();
    document["issuer"] = issuer;
    EXPECT_FALSE(read_discovery(document)) << issuer;
  }
}

TEST(Discovery, whose_endpoints_are_not_https_is_refused) {
  for (const char* const name :
       {"authorization_endpoint", "token_endpoint", "jwks_uri", "device_authorization_endpoint"}) {
    for (const char* const url : {"http://login.example/x", "file:///etc/passwd", "", "/keys"}) {
      Json document = whole_document();
      document[name] = url;
      EXPECT_FALSE(read_discovery(document)) << name << " " << url;
    }
  }
  Json without_keys = whole_document();
  without_keys.erase("jwks_uri");
  EXPECT_FALSE(read_discovery(without_keys));
}

TEST(Discovery, chooses_how_the_secret_is_shown) {
  Json document = whole_document();
  document["token_endpoint_auth_methods_supported"] = {"client_secret_post", "private_key_jwt"};
  EXPECT_EQ(read_discovery(document).value().client_proof, ClientProof::kPost);
  document["token_endpoint_auth_methods_supported"] = {"client_secret_post", "client_secret_basic"};
  EXPECT_EQ(read_discovery(document).value().client_proof, ClientProof::kBasic);
}

TEST(TokenAnswer, tells_why_there_is_no_token) {
  const std::pair<const char*, Refusal> cases[] = {{"authorization_pending", Refusal::kPending},
                                                   {"slow_down", Refusal::kSlowDown},
                                                   {"access_denied", Refusal::kDenied},
                                                   {"expired_token", Refusal::kExpired},
                                                   {"invalid_grant", Refusal::kOther}};
  for (const auto& [code, refusal] : cases) {
    const auto answer = parse_token_answer(Json{{"error", code}}.dump());
    ASSERT_TRUE(answer);
    EXPECT_EQ(std::get<NoToken>(*answer).refusal, refusal);
    EXPECT_EQ(std::get<NoToken>(*answer).code, code);
  }
  const auto lying = parse_token_answer(Json{{"error", "see <a href=x>"}}.dump());
  ASSERT_TRUE(lying);
  EXPECT_EQ(std::get<NoToken>(*lying).code, "an unknown error");
}

TEST(TokenAnswer, without_an_id_token_is_refused) {
  EXPECT_FALSE(parse_token_answer(R"({"access_token":"a"})"));
  EXPECT_FALSE(parse_token_answer("<html>"));
  const auto answer = parse_token_answer(R"({"access_token":"a","id_token":"b"})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(std::get<GrantedToken>(*answer).id_token, "b");
}

TEST(DeviceAnswer, is_asked_for_more_slowly_when_the_provider_wants_it) {
  using std::chrono::seconds;
  EXPECT_EQ(next_interval(seconds(5), Refusal::kPending), seconds(5));
  EXPECT_EQ(next_interval(seconds(5), Refusal::kSlowDown), seconds(10));
  EXPECT_EQ(next_interval(seconds(58), Refusal::kSlowDown), seconds(60));
}

TEST(DeviceAnswer, is_brought_into_bounds) {
  Json answer{{"device_code", "secret"},
              {"user_code", "ABCD-EFGH"},
              {"verification_uri", "https://login.example/device"},
              {"expires_in", 1e12},
              {"interval", 0}};
  const auto grant = parse_device_answer(answer.dump(), Transport::kHttpsOnly);
  ASSERT_TRUE(grant) << grant.error().message();
  EXPECT_EQ(grant->lifetime, std::chrono::hours(1));
  EXPECT_EQ(grant->interval, std::chrono::seconds(1));
  answer.erase("interval");
  EXPECT_EQ(parse_device_answer(answer.dump(), Transport::kHttpsOnly).value().interval,
            std::chrono::seconds(5));
  answer["verification_uri"] = "javascript:alert(1)";
  EXPECT_FALSE(parse_device_answer(answer.dump(), Transport::kHttpsOnly));
}

}  // namespace
}  // namespace kernmesh::signin
