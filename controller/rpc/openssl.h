// SPDX-License-Identifier: Apache-2.0
// Owners of OpenSSL's objects, and its error queue in words (L2, private to this folder).
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "controller/base/error.h"

namespace kernmesh::rpc {

template <auto Free>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
inline void free_certificates(STACK_OF(X509) * stack) { sk_X509_pop_free(stack, X509_free); }

using UniqueBio = std::unique_ptr<BIO, OpensslFree<BIO_free_all>>;
using UniqueKey = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using UniqueX509 = std::unique_ptr<X509, OpensslFree<X509_free>>;
using UniqueX509Stack = std::unique_ptr<STACK_OF(X509), OpensslFree<free_certificates>>;
using UniqueX509Store = std::unique_ptr<X509_STORE, OpensslFree<X509_STORE_free>>;
using UniqueX509StoreCtx = std::unique_ptr<X509_STORE_CTX, OpensslFree<X509_STORE_CTX_free>>;
using UniqueExtension = std::unique_ptr<X509_EXTENSION, OpensslFree<X509_EXTENSION_free>>;
using UniqueSslCtx = std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>>;
using UniqueSsl = std::unique_ptr<SSL, OpensslFree<SSL_free>>;

// "ATTEMPT: what OpenSSL's queue says", and empties the queue of this thread.
inline Error openssl_error(std::string_view attempt) {
  std::string text(attempt);
  text += ": ";
  char reason[256];
  const unsigned long first = ERR_get_error();
  if (first == 0) {
    text += "no reason given";
  } else {
    ERR_error_string_n(first, reason, sizeof reason);
    text += reason;
  }
  ERR_clear_error();
  return {ErrorCode::kSystem, std::move(text)};
}

}  // namespace kernmesh::rpc
