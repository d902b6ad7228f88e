// SPDX-License-Identifier: Apache-2.0
// A signed token taken apart, its signature not yet checked (L1, pure; RFC 7515 section 7.1, RFC
// 8725). The algorithms are an allow-list of asymmetric ones, so that neither "none" nor a secret
// made of a public key can sign. Of the header nothing is believed but algorithm and key id: keys
// that it brings or points to (jwk, jku, x5c, x5u) are not looked at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace kernmesh::signin {

// ES256 is ECDSA on P-256, EdDSA is Ed25519 (RFC 7518 section 3, RFC 8037).
enum class Algorithm : std::uint8_t { kRs256, kPs256, kEs256, kEdDsa };
std::string_view to_string(Algorithm algorithm);
Result<Algorithm> parse_algorithm(std::string_view name);

// A token with kMostGroups groups of a usual length has 20 KiB.
inline constexpr std::size_t kMostTokenBytes = 64 * 1024;
inline constexpr std::size_t kMostKeyIdBytes = 256;

using Bytes = std::vector<std::uint8_t>;

struct Jws {
  Algorithm algorithm = Algorithm::kRs256;
  std::string key_id;       // empty: the header names none
  std::string signed_text;  // what the signature is over: header and payload as they came
  std::string payload;      // decoded
  Bytes signature;
};

// kInvalid, in words without the token's text, when it is anything else than three parts of strict
// base64url, an object as header, an algorithm of the list, and no "crit".
Result<Jws> parse_compact_jws(std::string_view text);

// Strict base64url without padding of at most `most_bytes` bytes; kInvalid otherwise.
Result<Bytes> decode_url_text(std::string_view text, std::size_t most_bytes);
std::string to_url_text(const std::uint8_t* bytes, std::size_t size);

}  // namespace kernmesh::signin
