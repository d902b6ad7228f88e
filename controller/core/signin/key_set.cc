// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/key_set.h"

#include <algorithm>

#include "controller/core/signin/document.h"

namespace kernmesh::signin {
namespace {

constexpr std::size_t kLeastModulusBytes = 256;
constexpr std::size_t kMostModulusBytes = 1024;
constexpr std::size_t kMostExponentBytes = 4;
constexpr std::size_t kMostNumberText = 2048;  // base64url of the largest modulus has 1,366

std::optional<Bytes> number(const Json& key, const char* name, std::size_t most_bytes) {
  const auto text = required_text(key, name, kMostNumberText);
  if (!text) return std::nullopt;
  auto bytes = decode_url_text(*text, most_bytes);
  if (!bytes) return std::nullopt;
  return std::move(*bytes);
}

std::optional<std::array<std::uint8_t, 32>> coordinate(const Json& key, const char* name) {
  const auto bytes = number(key, name, 32);
  if (!bytes || bytes->size() != 32) return std::nullopt;
  std::array<std::uint8_t, 32> out{};
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return out;
}

std::optional<RsaKey> rsa_key(const Json& key) {
  auto modulus = number(key, "n", kMostModulusBytes + 1);
  auto exponent = number(key, "e", kMostExponentBytes);
  if (!modulus || !exponent || exponent->empty()) return std::nullopt;
  // Some write a leading zero, as for a signed number.
  if (!modulus->empty() && modulus->front() == 0) modulus->erase(modulus->begin());
  if (modulus->size() < kLeastModulusBytes || modulus->size() > kMostModulusBytes ||
      (modulus->size() == kLeastModulusBytes && (modulus->front() & 0x80) == 0)) {
    return std::nullopt;
  }
  const bool is_one = exponent->back() == 1 && std::all_of(exponent->begin(), exponent->end() - 1,
                                                           [](std::uint8_t b) { return b == 0; });
  if (is_one || exponent->back() % 2 == 0 || modulus->back() % 2 == 0) return std::nullopt;
  return RsaKey{std::move(*modulus), std::move(*exponent)};
}

std::string text_or_empty(const Json& key, const char* name) {
  const auto text = optional_text(key, name, kMostKeyIdBytes);
  return text ? *text : "";
}

// Keys for encryption and those of which the set says that they do not verify.
bool is_for_signatures(const Json& key) {
  const auto use = key.find("use");
  if (use != key.end() && *use != "sig") return false;
  const auto operations = key.find("key_ops");
  if (operations == key.end()) return true;
  return operations->is_array() &&
         std::find(operations->begin(), operations->end(), "verify") != operations->end();
}

std::optional<VerificationKey> key_of(const Json& key) {
  if (!key.is_object() || !is_for_signatures(key)) return std::nullopt;
  VerificationKey out;
  const std::string kind = text_or_empty(key, "kty");
  const std::string curve = text_or_empty(key, "crv");
  if (kind == "RSA") {
    auto rsa = rsa_key(key);
    if (!rsa) return std::nullopt;
    out.material = std::move(*rsa);
  } else if (kind == "EC" && curve == "P-256") {
    const auto x = coordinate(key, "x");
    const auto y = coordinate(key, "y");
    if (!x || !y) return std::nullopt;
    out.material = P256Key{*x, *y};
  } else if (kind == "OKP" && curve == "Ed25519") {
    const auto x = coordinate(key, "x");
    if (!x) return std::nullopt;
    out.material = Ed25519Key{*x};
  } else {
    return std::nullopt;
  }
  const auto id = optional_text(key, "kid", kMostKeyIdBytes);
  const auto pinned = optional_text(key, "alg", kMostKeyIdBytes);
  if (!id || !pinned) return std::nullopt;
  out.id = *id;
  if (!pinned->empty()) {
    const auto algorithm = parse_algorithm(*pinned);
    if (!algorithm) return std::nullopt;
    out.algorithm = *algorithm;
  }
  return out;
}

bool suits(const VerificationKey& key, Algorithm algorithm) {
  if (key.algorithm && *key.algorithm != algorithm) return false;
  switch (algorithm) {
    case Algorithm::kRs256:
    case Algorithm::kPs256:
      return std::holds_alternative<RsaKey>(key.material);
    case Algorithm::kEs256:
      return std::holds_alternative<P256Key>(key.material);
    case Algorithm::kEdDsa:
      return std::holds_alternative<Ed25519Key>(key.material);
  }
  return false;
}

}  // namespace

Result<KeySet> parse_key_set(std::string_view text) {
  MESH_TRY_ASSIGN(const auto document, parse_object({"the key set", text, kMostKeySetBytes}));
  const auto keys = document.find("keys");
  if (keys == document.end() || !keys->is_array()) {
    return Error(ErrorCode::kInvalid, "the key set has no list \"keys\"");
  }
  if (keys->size() > kMostKeys) {
    return Error(ErrorCode::kInvalid, "the key set has " + std::to_string(keys->size()) +
                                          " keys, at most " + std::to_string(kMostKeys) +
                                          " are taken");
  }
  KeySet set;
  for (const Json& key : *keys) {
    if (auto taken = key_of(key)) {
      set.keys.push_back(std::move(*taken));
    } else {
      ++set.ignored;
    }
  }
  return set;
}

Result<VerificationKey> choose_key(const KeySet& set, const Jws& token) {
  const VerificationKey* chosen = nullptr;
  for (const auto& key : set.keys) {
    if (!suits(key, token.algorithm)) continue;
    if (!token.key_id.empty() && key.id != token.key_id) continue;
    if (chosen != nullptr) {
      return Error(ErrorCode::kConflict,
                   token.key_id.empty()
                       ? "the token names no key, and the provider has several that it may mean"
                       : "the provider has two keys of the id that the token names");
    }
    chosen = &key;
  }
  if (chosen == nullptr) {
    return Error(ErrorCode::kNotFound, "the provider has no key for the token (" +
                                           std::string(to_string(token.algorithm)) + ")");
  }
  return *chosen;
}

}  // namespace kernmesh::signin
