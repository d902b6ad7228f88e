// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/request.h"

#include <gtest/gtest.h>

namespace kernmesh::signin {
namespace {

TEST(Request, makes_the_challenge_of_rfc_7636) {
  EXPECT_EQ(code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

TEST(Request, encodes_whatever_could_end_a_value) {
  EXPECT_EQ(percent_encode("a-Z_0.~"), "a-Z_0.~");
  EXPECT_EQ(percent_encode("a b&c=d%e/?+\xff"), "a%20b%26c%3Dd%25e%2F%3F%2B%FF");
  EXPECT_EQ(to_form({{"a", "1&b=2"}, {"c", ""}}), "a=1%26b%3D2&c=");
}

TEST(Request, sends_people_to_the_endpoint_with_pkce) {
  const auto endpoint = parse_web_url("https://login.example/auth", Transport::kHttpsOnly).value();
  const AuthorizationRequest request{"kernmesh",     "https://vpn.example/callback",
                                     "openid email", "the-state",
                                     "the-nonce",    "the-verifier"};
  EXPECT_EQ(authorization_url(endpoint, request),
            "https://login.example/auth?response_type=code&client_id=kernmesh&redirect_uri="
            "https%3A%2F%2Fvpn.example%2Fcallback&scope=openid%20email&state=the-state&nonce="
            "the-nonce&code_challenge=" +
                code_challenge("the-verifier") + "&code_challenge_method=S256");
  const auto with_query =
      parse_web_url("https://login.example/auth?tenant=1", Transport::kHttpsOnly).value();
  EXPECT_TRUE(authorization_url(with_query, request)
                  .starts_with("https://login.example/auth?tenant=1&response_type=code&"));
}

}  // namespace
}  // namespace kernmesh::signin
