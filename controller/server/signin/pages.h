// SPDX-License-Identifier: Apache-2.0
// The pages that people sign in at (L3; threads of its own). Serves one origin and sends nobody
// anywhere but to the configured provider: no address of a page or a redirect comes from a request.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "controller/base/ip.h"
#include "controller/base/result.h"
#include "controller/server/signin/desk.h"

namespace kernmesh::server {

struct SignInPagesOptions {
  Endpoint listen;       // port 0 takes a free one
  std::string url;       // as people reach it; says whether cookies are for https alone
  std::string issuer;    // named to people
  std::string tls_cert;  // PEM files, both or neither; neither: a proxy in front speaks TLS
  std::string tls_key;
};

class SignInPages {
 public:
  virtual ~SignInPages() = default;  // stops the threads
  virtual std::uint16_t port() const = 0;
};

// kUnavailable when the address cannot be bound, kInvalid for a certificate that cannot be used.
// `desk` outlives it.
Result<std::unique_ptr<SignInPages>> start_sign_in_pages(const SignInPagesOptions& options,
                                                         SignInDesk& desk);

}  // namespace kernmesh::server
