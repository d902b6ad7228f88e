// SPDX-License-Identifier: Apache-2.0
// Where a provider's endpoints are (L1, pure; OpenID Connect Discovery section 3, RFC 8414, RFC
// 8628 section 4).
#pragma once

#include <string>
#include <string_view>

#include "controller/base/result.h"
#include "controller/core/signin/web_url.h"

namespace kernmesh::signin {

inline constexpr std::size_t kMostDiscoveryBytes = 64 * 1024;

// How the client shows its secret to the token endpoint (OpenID Connect Core section 9).
enum class ClientProof { kBasic, kPost };

struct Discovery {
  std::string issuer;
  WebUrl authorization_endpoint;
  WebUrl token_endpoint;
  WebUrl key_set;
  std::string device_endpoint;  // empty: the provider has none
  ClientProof client_proof = ClientProof::kBasic;
  bool names_itself = false;  // answers carry "iss" (RFC 9207 section 3)
};

// Where the document of an issuer stands.
std::string discovery_url(std::string_view issuer);

// `issuer` is the configured one, which the document must name to the letter: a document that is
// somebody else's could name his keys. kInvalid in words otherwise.
Result<Discovery> parse_discovery(std::string_view text, std::string_view issuer,
                                  Transport transport);

}  // namespace kernmesh::signin
