// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/request.h"

#include <sodium.h>

#include <array>

#include "controller/core/signin/jws.h"

namespace kernmesh::signin {

std::string code_challenge(std::string_view verifier) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(verifier.data()),
                     verifier.size());
  return to_url_text(hash.data(), hash.size());
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool is_unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                               (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                               c == '~';
    if (is_unreserved) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

std::string to_form(const Fields& fields) {
  std::string form;
  for (const auto& [name, value] : fields) {
    if (!form.empty()) form.push_back('&');
    form += percent_encode(name) + "=" + percent_encode(value);
  }
  return form;
}

std::string authorization_url(const WebUrl& endpoint, const AuthorizationRequest& request) {
  const std::string challenge = code_challenge(request.verifier);
  const bool has_query = endpoint.path.find('?') != std::string::npos;
  return endpoint.text + (has_query ? "&" : "?") +
         to_form({{"response_type", "code"},
                  {"client_id", request.client_id},
                  {"redirect_uri", request.redirect_uri},
                  {"scope", request.scope},
                  {"state", request.state},
                  {"nonce", request.nonce},
                  {"code_challenge", challenge},
                  {"code_challenge_method", "S256"}});
}

}  // namespace kernmesh::signin
