// SPDX-License-Identifier: Apache-2.0
// Row C5: tokens, keys and providers that mean harm, each refused with the reason that is its own.
#include "tests/unit/oidc/provider_fixture.h"

namespace kernmesh::oidc {
namespace {

class C5Corpus : public ProviderTest {};

// The tests below change one thing each of what this one shows to be good.
TEST_F(C5Corpus, c5_the_token_that_the_others_spoil_is_good) {
  const auto identity = identify_claims(claims());
  ASSERT_TRUE(identity) << identity.error().message();
  EXPECT_EQ(*identity,
            (signin::Identity{kIssuer, "1234", "ann@example.org", "Ann", {"dev", "ops"}}));
}

TEST_F(C5Corpus, c5_algorithm_none_and_every_spelling_of_it) {
  for (const char* const name : {"none", "None", "NONE", "nOnE", "", " none"}) {
    Json header = this->header();
    header["alg"] = name;
    const std::string text = url_text(header.dump()) + "." + url_text(claims().dump());
    for (const std::string& token :
         {text + ".", text, make_token(rsa_key(), header, claims().dump())}) {
      const auto identity = identify(token);
      ASSERT_FALSE(identity) << name;
      EXPECT_EQ(identity.error().code(), ErrorCode::kInvalid);
    }
  }
}

TEST_F(C5Corpus, c5_a_public_key_used_as_a_secret) {
  const Json key = rsa_key().jwk("key-1");
  for (const char* const name : {"HS256", "HS384", "HS512"}) {
    Json header = this->header();
    header["alg"] = name;
    for (const std::string& secret : {key.dump(), key["n"].get<std::string>(), std::string()}) {
      const auto identity = identify(make_hmac_token(secret, header, claims().dump()));
      ASSERT_FALSE(identity) << name;
      EXPECT_EQ(identity.error().code(), ErrorCode::kInvalid);
    }
  }
}

TEST_F(C5Corpus, c5_a_symmetric_key_in_the_key_set_signs_nothing) {
  publish_keys({{{"kty", "oct"}, {"kid", "key-1"}, {"alg", "HS256"}, {"k", url_text("secret")}}});
  Json header = this->header();
  header["alg"] = "HS256";
  EXPECT_FALSE(identify(make_hmac_token("secret", header, claims().dump())));
  EXPECT_FALSE(identify_claims(claims()));
}

TEST_F(C5Corpus, c5_an_algorithm_that_the_key_is_not_for) {
  for (const char* const name : {"PS256", "ES256", "EdDSA", "RS512", "ES256K", "rs256"}) {
    Json header = this->header();
    header["alg"] = name;
    EXPECT_FALSE(identify(make_token(rsa_key(), header, claims().dump()))) << name;
  }
}

TEST_F(C5Corpus, c5_keys_that_the_token_brings_or_points_to_are_never_used_nor_fetched) {
  const Json evil = other_rsa_key().jwk("key-1");
  const std::pair<const char*, Json> members[] = {{"jwk", evil},
                                                  {"jku", "https://evil.example/keys"},
                                                  {"x5u", "https://evil.example/chain"},
                                                  {"x5c", Json::array({"MIIB"})}};
  http_.answer("https://evil.example/keys", Json{{"keys", {evil}}}.dump());
  for (const auto& [name, value] : members) {
    Json header = this->header();
    header[name] = value;
    const auto forged = identify(make_token(other_rsa_key(), header, claims().dump()));
    ASSERT_FALSE(forged) << name;
    EXPECT_EQ(forged.error().code(), ErrorCode::kUnauthenticated) << name;
    EXPECT_TRUE(identify(make_token(rsa_key(), header, claims().dump()))) << name;
  }
  EXPECT_EQ(http_.urls_asked(), 2U);  // discovery and keys
}

TEST_F(C5Corpus, c5_header_extensions_and_other_kinds_of_token) {
  const std::pair<const char*, Json> members[] = {{"crit", Json::array({"exp"})},
                                                  {"b64", false},
                                                  {"zip", "DEF"},
                                                  {"typ", "at+jwt"},
                                                  {"typ", "logout+jwt"},
                                                  {"kid", 7},
                                                  {"alg", Json::array({"RS256"})}};
  for (const auto& [name, value] : members) {
    Json header = this->header();
    header[name] = value;
    EXPECT_FALSE(identify(make_token(rsa_key(), header, claims().dump()))) << name;
  }
}

TEST_F(C5Corpus, c5_a_signature_that_is_not_this_texts) {
  const std::string good = make_token(rsa_key(), header(), claims().dump());
  const auto dot = good.rfind('.');
  Json changed = claims();
  changed["sub"] = "root";
  const std::string other = make_token(rsa_key(), header(), changed.dump());
  for (const std::string& token :
       {other.substr(0, other.rfind('.')) + good.substr(dot), good.substr(0, dot + 1),
        good.substr(0, dot + 1) + std::string(342, 'A'), good + "A", good + "=", good + ".",
        "." + good, good.substr(0, good.size() - 4), std::string(), std::string(".."),
        make_token(other_rsa_key(), header(), claims().dump())}) {
    EXPECT_FALSE(identify(token)) << token.size();
  }
}

TEST_F(C5Corpus, c5_wrong_issuer) {
  for (const char* const issuer : {"https://login.example/", "https://LOGIN.example",
                                   "https://evil.example", "http://login.example", ""}) {
    Json claims = this->claims();
    claims["iss"] = issuer;
    EXPECT_FALSE(identify_claims(claims)) << issuer;
  }
}

TEST_F(C5Corpus, c5_wrong_audience_or_party) {
  const std::pair<Json, Json> cases[] = {{"other", nullptr},
                                         {Json::array(), nullptr},
                                         {{"other", "another"}, "kernmesh"},
                                         {{"kernmesh", "other"}, nullptr},
                                         {{"kernmesh", "other"}, "other"},
                                         {"kernmesh", "other"},
                                         {"kernmesh2", nullptr},
                                         {Json::array({1}), nullptr},
                                         {nullptr, nullptr}};
  for (const auto& [audience, party] : cases) {
    Json claims = this->claims();
    claims["aud"] = audience;
    if (!party.is_null()) claims["azp"] = party;
    EXPECT_FALSE(identify_claims(claims)) << audience << party;
  }
  Json several = claims();
  several["aud"] = {"other", "kernmesh"};
  several["azp"] = "kernmesh";
  EXPECT_TRUE(identify_claims(several));
}

TEST_F(C5Corpus, c5_another_sign_ins_nonce) {
  for (const Json& nonce : {Json("nonce-2"), Json(""), Json(nullptr), Json(1)}) {
    Json claims = this->claims();
    claims["nonce"] = nonce;
    EXPECT_FALSE(identify_claims(claims)) << nonce;
  }
}

TEST_F(C5Corpus, c5_expired_from_the_future_or_without_a_time) {
  const auto now = wall_.time_since_epoch().count();
  const std::pair<const char*, Json> cases[] = {
      {"exp", now - 60}, {"exp", now - 86400}, {"exp", nullptr},  {"exp", "9999999999"},
      {"exp", -1},       {"exp", 1e300},       {"nbf", now + 61}, {"nbf", now + 86400},
      {"iat", now + 61}, {"iat", nullptr},     {"nbf", "soon"}};
  for (const auto& [name, value] : cases) {
    Json claims = this->claims();
    claims[name] = value;
    EXPECT_FALSE(identify_claims(claims)) << name << " " << value;
  }
}

TEST_F(C5Corpus, c5_clocks_that_are_off_by_less_than_a_minute_are_forgiven_and_more_is_said) {
  const std::string token = make_token(rsa_key(), header(), claims().dump());
  const WallTime right = wall_;
  for (const int off : {-60, 359}) {
    wall_ = right + std::chrono::seconds(off);
    EXPECT_TRUE(identify(token)) << off;
  }
  for (const int off : {-61, 360, -86400, 86400}) {
    wall_ = right + std::chrono::seconds(off);
    const auto identity = identify(token);
    ASSERT_FALSE(identity) << off;
    EXPECT_EQ(identity.error().code(), ErrorCode::kExpired);
    EXPECT_NE(identity.error().message().find("clock"), std::string::npos);
  }
}

TEST_F(C5Corpus, c5_missing_key_id) {
  Json header = this->header();
  header.erase("kid");
  const std::string token = make_token(rsa_key(), header, claims().dump());
  EXPECT_TRUE(identify(token)) << "the only key is meant";
  publish_keys({rsa_key().jwk("key-1"), other_rsa_key().jwk("key-2")});
  const auto ambiguous = identify(token);
  ASSERT_FALSE(ambiguous);
  EXPECT_EQ(ambiguous.error().code(), ErrorCode::kConflict);
}

TEST_F(C5Corpus, c5_duplicate_key_id) {
  publish_keys({rsa_key().jwk("key-1"), other_rsa_key().jwk("key-1")});
  const auto ambiguous = identify_claims(claims());
  ASSERT_FALSE(ambiguous);
  EXPECT_EQ(ambiguous.error().code(), ErrorCode::kConflict);
  // Of another kind it may have the same id (RFC 7517 section 4.5).
  publish_keys({rsa_key().jwk("key-1"), SigningKey::make(Algorithm::kEs256).jwk("key-1")});
  EXPECT_TRUE(identify_claims(claims()));
}

TEST_F(C5Corpus, c5_weak_or_malformed_keys_are_left_out) {
  const Json good = rsa_key().jwk("key-1");
  const auto spoiled = [&](const char* name, const Json& value) {
    Json key = good;
    key[name] = value;
    return key;
  };
  const std::string short_modulus = url_text(std::string(128, '\xff'));
  for (const Json& key :
       {spoiled("n", short_modulus), spoiled("n", ""), spoiled("n", 7), spoiled("e", "AQ"),
        spoiled("e", "AQABAQABAQAB"), spoiled("e", "Ag"), spoiled("use", "enc"),
        spoiled("key_ops", Json::array({"sign"})), spoiled("kty", "oct"), spoiled("alg", "RS1"),
        spoiled("n", url_text(std::string(2048, '\xff'))), Json("key-1"), Json(nullptr)}) {
    publish_keys({key});
    EXPECT_FALSE(identify_claims(claims())) << key;
  }
  Json off_curve = SigningKey::make(Algorithm::kEs256).jwk("key-1");
  off_curve["y"] = url_text(std::string(32, '\x01'));
  publish_keys({off_curve});
  Json header = this->header();
  header["alg"] = "ES256";
  EXPECT_FALSE(identify(make_token(rsa_key(), header, claims().dump())));
}

TEST_F(C5Corpus, c5_oversized_and_deep) {
  Json claims = this->claims();
  claims["padding"] = std::string(signin::kMostTokenBytes, 'a');
  EXPECT_FALSE(identify_claims(claims));
  claims = this->claims();
  claims["groups"] = Json::array();
  for (std::size_t i = 0; i <= signin::kMostGroups; ++i)
    claims["groups"].push_back(std::to_string(i));
  EXPECT_FALSE(identify_claims(claims));
  std::string deep = this->claims().dump();
  deep.pop_back();
  deep += ",\"deep\":" + std::string(20'000, '[') + std::string(20'000, ']') + "}";
  EXPECT_FALSE(identify(make_token(rsa_key(), header(), deep)));
  std::string twice = this->claims().dump();
  twice.pop_back();
  EXPECT_FALSE(identify(make_token(rsa_key(), header(), twice + R"(,"sub":"root"})")));
  Json keys = Json::array();
  for (std::size_t i = 0; i <= signin::kMostKeys; ++i)
    keys.push_back(rsa_key().jwk(std::to_string(i)));
  publish_key_list(keys);
  EXPECT_FALSE(identify_claims(this->claims()));
  http_.answer(kKeysUrl, std::string(signin::kMostKeySetBytes + 1, ' '));
  EXPECT_FALSE(identify_claims(this->claims()));
}

TEST_F(C5Corpus, c5_a_provider_that_is_down_lies_or_redirects) {
  const ScriptedHttp::Answer answers[] = {[](const HttpRequest&) -> Result<HttpAnswer> {
                                            return Error(ErrorCode::kUnavailable,
                                                         "no whole answer within 10000 ms");
                                          },
                                          [](const HttpRequest&) -> Result<HttpAnswer> {
                                            return HttpAnswer{500, "{}"};
                                          },
                                          [](const HttpRequest&) -> Result<HttpAnswer> {
                                            return HttpAnswer{302, ""};
                                          },
                                          [](const HttpRequest&) -> Result<HttpAnswer> {
                                            return HttpAnswer{200, "<html>"};
                                          },
                                          [](const HttpRequest&) -> Result<HttpAnswer> {
                                            return HttpAnswer{200, "[]"};
                                          },
                                          [](const HttpRequest&) -> Result<HttpAnswer> {
                                            return HttpAnswer{200, ""};
                                          },
                                          [](const HttpRequest&) -> Result<HttpAnswer> {
                                            return HttpAnswer{404, "{\"keys\":[]}"};
                                          }};
  for (const auto& answer : answers) {
    for (const std::string& url : {kKeysUrl, kDiscoveryUrl}) {
      publish_discovery(discovery_);
      publish_keys({rsa_key().jwk("key-1")});
      http_.answer(url, answer);
      EXPECT_FALSE(identify_claims(claims())) << url;
    }
  }
}

TEST_F(C5Corpus, c5_an_e_mail_address_counts_only_when_it_is_verified) {
  for (const Json& verified : {Json(false), Json("true"), Json(1), Json(nullptr)}) {
    Json claims = this->claims();
    claims["email_verified"] = verified;
    const auto identity = identify_claims(claims);
    ASSERT_TRUE(identity) << identity.error().message();
    EXPECT_EQ(identity->email, "") << verified;
  }
}

}  // namespace
}  // namespace kernmesh::oidc
