// SPDX-License-Identifier: Apache-2.0
// Sign-in as an administrator sets it up, put together (L3): the client of the provider, the desk,
// and the pages.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/server/signin/desk.h"

namespace kernmesh::server {

struct SignInOptions {
  std::string issuer;     // --oidc-issuer; empty: nobody is signed in
  std::string client_id;  // --oidc-client-id
  // --oidc-client-secret-file; empty: a public client. Blanks and line ends around it do not count.
  std::string client_secret_file;
  std::string ca_file;                       // --oidc-ca-file; empty: the system's roots
  std::vector<std::string> scopes;           // --oidc-scope, each, besides those always asked for
  std::string groups_claim = "groups";       // --oidc-groups-claim
  std::vector<std::string> allowed_domains;  // --oidc-allowed-domain, each
  std::vector<std::string> allowed_groups;   // --oidc-allowed-group, each
  // --signin-url: where browsers reach the pages. Empty: people go to the provider's own page,
  // which it must have (device authorization), and nothing is listened on.
  std::string url;
  std::string listen = "127.0.0.1:8444";  // --signin-listen
  std::string tls_cert;                   // --signin-tls-cert and -key: neither behind a proxy
  std::string tls_key;
  // Tests alone have a provider that speaks no TLS.
  signin::Transport transport = signin::Transport::kHttpsOnly;
};

// kInvalid in words for whoever has set it up.
Status check_sign_in_options(const SignInOptions& options);

class SignInOffice {
 public:
  virtual ~SignInOffice() = default;  // ends what is asked of the provider, then the pages
  virtual SignInDesk& desk() = 0;
  virtual std::uint16_t port() const = 0;  // of the pages; 0: there are none
};

// The provider is first asked when somebody signs in: it may be down when the server starts.
Result<std::unique_ptr<SignInOffice>> open_sign_in_office(const SignInOptions& options,
                                                          oidc::Clocks clocks, OnSignIn on_sign_in);

}  // namespace kernmesh::server
