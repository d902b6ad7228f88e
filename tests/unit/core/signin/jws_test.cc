// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/jws.h"

#include <gtest/gtest.h>

namespace kernmesh::signin {
namespace {

// {"alg":"EdDSA","kid":"a"} and {}.
constexpr std::string_view kHeader = "eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ";
constexpr std::string_view kPayload = "e30";

std::string token(std::string_view header, std::string_view payload, std::string_view signature) {
  return std::string(header) + "." + std::string(payload) + "." + std::string(signature);
}

TEST(Jws, is_taken_apart) {
  const auto jws = parse_compact_jws(token(kHeader, kPayload, "AQID"));
  ASSERT_TRUE(jws) << jws.error().message();
  EXPECT_EQ(jws->algorithm, Algorithm::kEdDsa);
  EXPECT_EQ(jws->key_id, "a");
  EXPECT_EQ(jws->payload, "{}");
  EXPECT_EQ(jws->signed_text, std::string(kHeader) + ".e30");
  EXPECT_EQ(jws->signature, (Bytes{1, 2, 3}));
}

TEST(Jws, without_a_signature_is_refused) {
  const auto jws = parse_compact_jws(token(kHeader, kPayload, ""));
  ASSERT_FALSE(jws);
  EXPECT_EQ(jws.error().message(), "the token is not signed");
  EXPECT_FALSE(parse_compact_jws(token("", kPayload, "AQID")));
}

TEST(Jws, has_one_spelling) {
  for (const char* const signature :
       {"AQI", "AQIDA", "AQID=", "AQID\n", "AQ+D", "AQ/D", "AR", "\xff\xff"}) {
    const bool is_canonical = std::string_view(signature) == "AQI";
    EXPECT_EQ(parse_compact_jws(token(kHeader, kPayload, signature)).has_value(), is_canonical)
        << signature;
  }
}

TEST(UrlText, of_nothing_is_nothing) {
  EXPECT_EQ(to_url_text(nullptr, 0), "");
  EXPECT_EQ(decode_url_text("", 16).value(), Bytes{});
  EXPECT_FALSE(decode_url_text("AAAA", 2));
}

}  // namespace
}  // namespace kernmesh::signin
