// SPDX-License-Identifier: Apache-2.0
// What the server asks of a provider (L1, pure): the URL that a person is sent to, and the forms
// for the token and device endpoints (RFC 6749 section 4.1, RFC 7636, RFC 8628 section 3).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/core/signin/web_url.h"

namespace kernmesh::signin {

// base64url of the SHA-256 of the verifier (RFC 7636 section 4.2, S256).
std::string code_challenge(std::string_view verifier);

// What is not "unreserved" of RFC 3986 becomes %XX.
std::string percent_encode(std::string_view text);

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;
// application/x-www-form-urlencoded. `text` appends to a URL's query or is a body.
std::string to_form(const Fields& fields);

struct AuthorizationRequest {
  std::string_view client_id;
  std::string_view redirect_uri;
  std::string_view scope;  // "openid email"
  std::string_view state;
  std::string_view nonce;
  std::string_view verifier;
};
std::string authorization_url(const WebUrl& endpoint, const AuthorizationRequest& request);

}  // namespace kernmesh::signin
