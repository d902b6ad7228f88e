// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/discovery.h"

#include <algorithm>

#include "controller/core/signin/document.h"

namespace kernmesh::signin {
namespace {

constexpr ListBounds kMethodBounds{64, 128};

Result<WebUrl> endpoint(const Json& document, const char* name, Transport transport) {
  MESH_TRY_ASSIGN(const auto text, required_text(document, name, kMostUrlBytes));
  auto url = parse_web_url(text, transport);
  if (!url) return url.error().with_context("\"" + std::string(name) + "\"");
  return url;
}

// Absent means "client_secret_basic".
Result<ClientProof> client_proof(const Json& document) {
  MESH_TRY_ASSIGN(const auto methods,
                  optional_texts(document, "token_endpoint_auth_methods_supported", kMethodBounds));
  const auto has = [&](std::string_view method) {
    return std::find(methods.begin(), methods.end(), method) != methods.end();
  };
  const bool only_post = has("client_secret_post") && !has("client_secret_basic");
  return only_post ? ClientProof::kPost : ClientProof::kBasic;
}

Result<Discovery> read_document(const Json& document, std::string_view issuer,
                                Transport transport) {
  Discovery found;
  MESH_TRY_ASSIGN(found.issuer, required_text(document, "issuer", kMostUrlBytes));
  if (found.issuer != issuer) {
    return Error(ErrorCode::kInvalid,
                 "it names another issuer than the configured " + std::string(issuer) +
                     "; the two must be the same to the letter, a slash at the end included");
  }
  MESH_TRY_ASSIGN(found.authorization_endpoint,
                  endpoint(document, "authorization_endpoint", transport));
  MESH_TRY_ASSIGN(found.token_endpoint, endpoint(document, "token_endpoint", transport));
  MESH_TRY_ASSIGN(found.key_set, endpoint(document, "jwks_uri", transport));
  if (document.contains("device_authorization_endpoint")) {
    MESH_TRY_ASSIGN(const auto device,
                    endpoint(document, "device_authorization_endpoint", transport));
    found.device_endpoint = device.text;
  }
  MESH_TRY_ASSIGN(found.client_proof, client_proof(document));
  const auto names = document.find("authorization_response_iss_parameter_supported");
  found.names_itself = names != document.end() && *names == true;
  return found;
}

}  // namespace

std::string discovery_url(std::string_view issuer) {
  std::string url(issuer);
  if (url.ends_with('/')) url.pop_back();
  return url + "/.well-known/openid-configuration";
}

Result<Discovery> parse_discovery(std::string_view text, std::string_view issuer,
                                  Transport transport) {
  MESH_TRY_ASSIGN(const auto document,
                  parse_object({"the discovery document", text, kMostDiscoveryBytes}));
  auto found = read_document(document, issuer, transport);
  if (!found) return found.error().with_context("the discovery document");
  return found;
}

}  // namespace kernmesh::signin
