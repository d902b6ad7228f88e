// SPDX-License-Identifier: Apache-2.0
// An identity provider in memory: real keys, tokens signed with them, and answers to requests,
// which a test may bend as it likes.
#pragma once

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "controller/core/signin/document.h"
#include "controller/core/signin/jws.h"
#include "controller/oidc/http_client.h"

namespace kernmesh::oidc {

using signin::Algorithm;
using signin::Bytes;
using signin::Json;

inline std::string url_text(std::string_view text) {
  return signin::to_url_text(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

class SigningKey {
 public:
  static SigningKey make(Algorithm algorithm) {
    EVP_PKEY* key = nullptr;
    switch (algorithm) {
      case Algorithm::kRs256:
      case Algorithm::kPs256:
        key = EVP_RSA_gen(2048);
        break;
      case Algorithm::kEs256:
        key = EVP_EC_gen("P-256");
        break;
      case Algorithm::kEdDsa:
        key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
        break;
    }
    if (key == nullptr) std::abort();
    return SigningKey(algorithm, key);
  }

  Algorithm algorithm() const { return algorithm_; }

  // Its public part as a JSON Web Key.
  Json jwk(const std::string& id) const {
    Json key{{"kid", id}, {"use", "sig"}, {"alg", to_string(algorithm_)}};
    if (algorithm_ == Algorithm::kEdDsa) {
      Bytes raw(32);
      std::size_t size = raw.size();
      EVP_PKEY_get_raw_public_key(key_.get(), raw.data(), &size);
      key["kty"] = "OKP";
      key["crv"] = "Ed25519";
      key["x"] = signin::to_url_text(raw.data(), raw.size());
    } else if (algorithm_ == Algorithm::kEs256) {
      key["kty"] = "EC";
      key["crv"] = "P-256";
      key["x"] = number(OSSL_PKEY_PARAM_EC_PUB_X, 32);
      key["y"] = number(OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    } else {
      key["kty"] = "RSA";
      key["n"] = number(OSSL_PKEY_PARAM_RSA_N, 256);
      key["e"] = "AQAB";
    }
    return key;
  }

  std::string sign(const std::string& text) const {
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    EVP_PKEY_CTX* terms = nullptr;
    EVP_DigestSignInit(context, &terms, algorithm_ == Algorithm::kEdDsa ? nullptr : EVP_sha256(),
                       nullptr, key_.get());
    if (algorithm_ == Algorithm::kPs256) {
      EVP_PKEY_CTX_set_rsa_padding(terms, RSA_PKCS1_PSS_PADDING);
      EVP_PKEY_CTX_set_rsa_pss_saltlen(terms, RSA_PSS_SALTLEN_DIGEST);
    }
    const auto* const data = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = 0;
    EVP_DigestSign(context, nullptr, &size, data, text.size());
    Bytes out(size);
    if (EVP_DigestSign(context, out.data(), &size, data, text.size()) != 1) std::abort();
    out.resize(size);
    EVP_MD_CTX_free(context);
    if (algorithm_ == Algorithm::kEs256) out = side_by_side(out);
    return signin::to_url_text(out.data(), out.size());
  }

 private:
  SigningKey(Algorithm algorithm, EVP_PKEY* key)
      : algorithm_(algorithm), key_(key, EVP_PKEY_free) {}

  std::string number(const char* name, int size) const {
    BIGNUM* value = nullptr;
    if (EVP_PKEY_get_bn_param(key_.get(), name, &value) != 1) std::abort();
    Bytes out(static_cast<std::size_t>(size));
    BN_bn2binpad(value, out.data(), size);
    BN_free(value);
    return signin::to_url_text(out.data(), out.size());
  }

  static Bytes side_by_side(const Bytes& der) {
    const unsigned char* at = der.data();
    ECDSA_SIG* const signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    Bytes out(64);
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), out.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), out.data() + 32, 32);
    ECDSA_SIG_free(signature);
    return out;
  }

  Algorithm algorithm_;
  std::shared_ptr<EVP_PKEY> key_;  // shared by copies in a test's tables
};

// header.payload.signature, signed as the key does, whatever the header says.
inline std::string make_token(const SigningKey& key, const Json& header,
                              const std::string& payload) {
  const std::string text = url_text(header.dump()) + "." + url_text(payload);
  return text + "." + key.sign(text);
}

// The same, with HMAC under any bytes.
inline std::string make_hmac_token(std::string_view secret, const Json& header,
                                   const std::string& payload) {
  const std::string text = url_text(header.dump()) + "." + url_text(payload);
  unsigned char mac[32];
  unsigned size = sizeof mac;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
  return text + "." + signin::to_url_text(mac, size);
}

// Answers by URL, and counts. What no answer was set for is not reachable. Thread-safe, but that
// answers are given on the thread that asks.
class ScriptedHttp final : public HttpClient {
 public:
  using Answer = std::function<Result<HttpAnswer>(const HttpRequest&)>;

  void answer(const std::string& url, Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_[url] = std::move(answer);
  }
  void answer(const std::string& url, const std::string& body) {
    answer(url, [body](const HttpRequest&) -> Result<HttpAnswer> { return HttpAnswer{200, body}; });
  }
  int asked(const std::string& url) const {
    const std::lock_guard lock(mutex_);
    const auto it = asked_.find(url);
    return it == asked_.end() ? 0 : it->second;
  }
  std::size_t urls_asked() const {
    const std::lock_guard lock(mutex_);
    return asked_.size();
  }
  std::string last_form() const {
    const std::lock_guard lock(mutex_);
    return last_form_;
  }
  std::string last_authorization() const {
    const std::lock_guard lock(mutex_);
    return last_authorization_;
  }

  Result<HttpAnswer> send(const HttpRequest& request) override {
    const auto given = noted(request);
    if (!given) return Error(ErrorCode::kUnavailable, "nobody is there");
    auto answer = given(request);
    if (answer && answer->body.size() > request.most_bytes) {
      return Error(ErrorCode::kExhausted, "the answer has more bytes");
    }
    return answer;
  }
  void stop() override {}

 private:
  Answer noted(const HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    ++asked_[request.url];
    if (request.form) {
      last_form_ = *request.form;
      last_authorization_ = request.authorization;
    }
    const auto it = answers_.find(request.url);
    return it == answers_.end() ? Answer() : it->second;
  }

  mutable std::mutex mutex_;
  std::map<std::string, Answer> answers_;  // guarded by mutex_, as the next
  std::map<std::string, int> asked_;
  std::string last_form_;
  std::string last_authorization_;
};

}  // namespace kernmesh::oidc
