// SPDX-License-Identifier: Apache-2.0
#include "controller/oidc/signature.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <memory>

namespace kernmesh::oidc {
namespace {

using signin::Algorithm;
using signin::Bytes;

template <auto function>
struct FreeBy {
  template <typename T>
  void operator()(T* object) const {
    function(object);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using KeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, FreeBy<EVP_PKEY_CTX_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, FreeBy<EVP_MD_CTX_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, FreeBy<OSSL_PARAM_free>>;
using ParamBuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, FreeBy<OSSL_PARAM_BLD_free>>;
using BignumPtr = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;
using EcdsaPtr = std::unique_ptr<ECDSA_SIG, FreeBy<ECDSA_SIG_free>>;

constexpr std::size_t kCoordinateBytes = 32;

BignumPtr number_of(const std::uint8_t* bytes, std::size_t size) {
  return BignumPtr(BN_bin2bn(bytes, static_cast<int>(size), nullptr));
}

KeyPtr key_from(const char* kind, OSSL_PARAM_BLD* builder) {
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) <= 0 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) <= 0) {
    return nullptr;
  }
  return KeyPtr(key);
}

struct ToOpenSsl {
  KeyPtr operator()(const signin::RsaKey& key) const {
    const ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
    const BignumPtr n = number_of(key.modulus.data(), key.modulus.size());
    const BignumPtr e = number_of(key.exponent.data(), key.exponent.size());
    if (!builder || !n || !e ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
      return nullptr;
    }
    return key_from("RSA", builder.get());
  }

  KeyPtr operator()(const signin::P256Key& key) const {
    Bytes point{POINT_CONVERSION_UNCOMPRESSED};
    point.insert(point.end(), key.x.begin(), key.x.end());
    point.insert(point.end(), key.y.begin(), key.y.end());
    const ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
    if (!builder ||
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1",
                                        0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                         point.size()) != 1) {
      return nullptr;
    }
    return key_from("EC", builder.get());
  }

  KeyPtr operator()(const signin::Ed25519Key& key) const {
    return KeyPtr(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.x.data(), key.x.size()));
  }
};

// JOSE writes r and s side by side, OpenSSL wants them in DER. Empty when they are not.
Bytes to_der(const Bytes& raw) {
  if (raw.size() != 2 * kCoordinateBytes) return {};
  const EcdsaPtr signature(ECDSA_SIG_new());
  BignumPtr r = number_of(raw.data(), kCoordinateBytes);
  BignumPtr s = number_of(raw.data() + kCoordinateBytes, kCoordinateBytes);
  if (!signature || !r || !s) return {};
  ECDSA_SIG_set0(signature.get(), r.release(), s.release());
  unsigned char* out = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &out);
  if (size <= 0) return {};
  Bytes der(out, out + size);
  OPENSSL_free(out);
  return der;
}

bool is_of_kind(EVP_PKEY* key, Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kRs256:
    case Algorithm::kPs256:
      return EVP_PKEY_is_a(key, "RSA") == 1;
    case Algorithm::kEs256:
      return EVP_PKEY_is_a(key, "EC") == 1;
    case Algorithm::kEdDsa:
      return EVP_PKEY_is_a(key, "ED25519") == 1;
  }
  return false;
}

bool verifies(EVP_PKEY* key, const signin::Jws& token) {
  const DigestContextPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* terms = nullptr;  // the context's
  const EVP_MD* const digest = token.algorithm == Algorithm::kEdDsa ? nullptr : EVP_sha256();
  if (!context || EVP_DigestVerifyInit(context.get(), &terms, digest, nullptr, key) != 1) {
    return false;
  }
  if (token.algorithm == Algorithm::kPs256 &&
      (EVP_PKEY_CTX_set_rsa_padding(terms, RSA_PKCS1_PSS_PADDING) != 1 ||
       EVP_PKEY_CTX_set_rsa_pss_saltlen(terms, RSA_PSS_SALTLEN_DIGEST) != 1)) {
    return false;
  }
  const Bytes signature =
      token.algorithm == Algorithm::kEs256 ? to_der(token.signature) : token.signature;
  return !signature.empty() &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                          reinterpret_cast<const unsigned char*>(token.signed_text.data()),
                          token.signed_text.size()) == 1;
}

}  // namespace

Status verify_signature(const signin::Jws& token, const signin::VerificationKey& key) {
  const KeyPtr openssl_key = std::visit(ToOpenSsl{}, key.material);
  const bool is_usable = openssl_key && is_of_kind(openssl_key.get(), token.algorithm);
  const bool is_good = is_usable && verifies(openssl_key.get(), token);
  // What OpenSSL has put on this thread's list of errors concerns nobody after this.
  ERR_clear_error();
  if (!is_usable) {
    return Error(ErrorCode::kInvalid, "the provider's key is not usable for the token");
  }
  if (!is_good) {
    return Error(ErrorCode::kUnauthenticated, "the token's signature does not verify");
  }
  return {};
}

}  // namespace kernmesh::oidc
