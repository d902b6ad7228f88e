// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/jws.h"

#include <sodium.h>

#include <array>

#include "controller/base/encoding.h"
#include "controller/core/signin/document.h"

namespace kernmesh::signin {
namespace {

constexpr std::array<std::pair<std::string_view, Algorithm>, 4> kAlgorithms{{
    {"RS256", Algorithm::kRs256},
    {"PS256", Algorithm::kPs256},
    {"ES256", Algorithm::kEs256},
    {"EdDSA", Algorithm::kEdDsa},
}};
constexpr std::size_t kMostHeaderBytes = 4096;
constexpr std::size_t kMostSignatureBytes = 1024;  // RSA of 8,192 bits

Error bad_token(const std::string& why) { return {ErrorCode::kInvalid, "the token " + why}; }

// ID tokens say "JWT" or nothing; an access or logout token has a type of its own and is none
// (RFC 8725 section 3.11).
bool is_type_of_id_token(std::string_view type) {
  return type.empty() || type == "JWT" || type == "jwt";
}

Status read_header(std::string_view text, Jws& jws) {
  MESH_TRY_ASSIGN(const auto bytes, decode_url_text(text, kMostHeaderBytes));
  const std::string_view json(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  MESH_TRY_ASSIGN(const auto header, parse_object({"the token's header", json, kMostHeaderBytes}));
  if (header.contains("crit") || header.contains("b64") || header.contains("zip")) {
    return bad_token("asks for an extension that is not known here");
  }
  MESH_TRY_ASSIGN(const auto type, optional_text(header, "typ", 64));
  if (!is_type_of_id_token(type)) return bad_token("is of another type than an ID token");
  MESH_TRY_ASSIGN(const auto name, required_text(header, "alg", 64));
  MESH_TRY_ASSIGN(jws.algorithm, parse_algorithm(name));
  MESH_TRY_ASSIGN(jws.key_id, optional_text(header, "kid", kMostKeyIdBytes));
  return {};
}

}  // namespace

std::string_view to_string(Algorithm algorithm) {
  for (const auto& [name, value] : kAlgorithms) {
    if (value == algorithm) return name;
  }
  return "unknown";
}

Result<Algorithm> parse_algorithm(std::string_view name) {
  for (const auto& [known, algorithm] : kAlgorithms) {
    if (known == name) return algorithm;
  }
  return Error(ErrorCode::kInvalid,
               "its algorithm is none of RS256, PS256, ES256 and EdDSA, which are taken");
}

Result<Bytes> decode_url_text(std::string_view text, std::size_t most_bytes) {
  if (text.empty()) return Bytes();  // libsodium wants an address also for nothing
  if (text.size() % 4 == 1 || text.size() > most_bytes / 3 * 4 + 4) {
    return Error(ErrorCode::kInvalid, "base64url of a wrong length");
  }
  Bytes bytes(text.size() * 3 / 4);
  if (bytes.size() > most_bytes || !decode_base64(text, Base64::kUrlNoPadding, bytes)) {
    return Error(ErrorCode::kInvalid, "not base64url without padding");
  }
  return bytes;
}

std::string to_url_text(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return "";
  constexpr int kUrlVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_encoded_len(size, kUrlVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes, size, kUrlVariant);
  text.pop_back();  // the terminator
  return text;
}

Result<Jws> parse_compact_jws(std::string_view text) {
  if (text.size() > kMostTokenBytes) {
    return bad_token("has more than " + std::to_string(kMostTokenBytes) + " bytes");
  }
  const auto first = text.find('.');
  const auto second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos) {
    return bad_token("has not three parts");
  }
  Jws jws;
  MESH_TRY(read_header(text.substr(0, first), jws));
  auto payload = decode_url_text(text.substr(first + 1, second - first - 1), kMostTokenBytes);
  if (!payload) return payload.error().with_context("the token's payload");
  auto signature = decode_url_text(text.substr(second + 1), kMostSignatureBytes);
  if (!signature) return signature.error().with_context("the token's signature");
  if (signature->empty()) return bad_token("is not signed");
  jws.payload.assign(payload->begin(), payload->end());
  jws.signature = std::move(*signature);
  jws.signed_text = text.substr(0, second);
  return jws;
}

}  // namespace kernmesh::signin
