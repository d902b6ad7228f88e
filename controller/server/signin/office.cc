// SPDX-License-Identifier: Apache-2.0
#include "controller/server/signin/office.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "controller/server/signin/pages.h"

namespace kernmesh::server {
namespace {

constexpr std::size_t kMostSecretBytes = 4096;

Error bad_option(const std::string& option, const std::string& why) {
  return {ErrorCode::kInvalid, option + ": " + why};
}

Status check_url(const std::string& option, const std::string& text, signin::Transport transport) {
  const auto url = signin::parse_web_url(text, transport);
  return url ? Status() : Status(bad_option(option, url.error().message()));
}

Result<std::string> read_secret(const std::string& path) {
  if (path.empty()) return std::string();
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) return Error::from_errno("read " + path, errno);
  if ((facts.st_mode & S_IRWXO) != 0) {
    return Error(ErrorCode::kPermissionDenied,
                 path + " is open to everybody on this machine: chmod o= " + path);
  }
  errno = 0;
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  std::string secret = text.str();
  if (secret.empty() && errno != 0) return Error::from_errno("read " + path, errno);
  constexpr std::string_view kBlanks = " \t\r\n";
  secret.erase(0, std::min(secret.find_first_not_of(kBlanks), secret.size()));
  secret.erase(secret.find_last_not_of(kBlanks) + 1);
  if (secret.empty() || secret.size() > kMostSecretBytes) {
    return Error(ErrorCode::kInvalid, path + " holds no client secret");
  }
  return secret;
}

class AssembledOffice final : public SignInOffice {
 public:
  AssembledOffice(const SignInOptions& options, std::string secret, oidc::Clocks clocks,
                  OnSignIn on_sign_in)
      : http_(oidc::make_http_client({options.transport, options.ca_file})),
        provider_(provider_options(options, std::move(secret)), *http_, clocks),
        desk_({options.url}, provider_, clocks, std::move(on_sign_in)) {}
  // Before the threads that ask are waited for.
  ~AssembledOffice() override { http_->stop(); }

  Status start(const SignInOptions& options) {
    if (options.url.empty()) return {};
    MESH_TRY_ASSIGN(const auto listen, Endpoint::parse(options.listen));
    MESH_TRY_ASSIGN(pages_, start_sign_in_pages({listen, options.url, options.issuer,
                                                 options.tls_cert, options.tls_key},
                                                desk_));
    return {};
  }

  SignInDesk& desk() override { return desk_; }
  std::uint16_t port() const override { return pages_ ? pages_->port() : 0; }

 private:
  static oidc::ProviderOptions provider_options(const SignInOptions& options, std::string secret) {
    oidc::ProviderOptions out;
    out.issuer = options.issuer;
    out.client_id = options.client_id;
    out.client_secret = std::move(secret);
    out.redirect_uri = options.url + "/callback";
    for (const auto& scope : options.scopes) out.scope += " " + scope;
    out.groups_claim = options.groups_claim;
    out.terms = {options.allowed_domains, options.allowed_groups};
    out.transport = options.transport;
    return out;
  }

  std::unique_ptr<oidc::HttpClient> http_;
  oidc::Provider provider_;
  SignInDesk desk_;
  std::unique_ptr<SignInPages> pages_;
};

}  // namespace

Status check_sign_in_options(const SignInOptions& options) {
  if (options.issuer.empty()) {
    return options.url.empty() ? Status() : bad_option("--signin-url", "wants --oidc-issuer");
  }
  MESH_TRY(check_url("--oidc-issuer", options.issuer, options.transport));
  if (options.client_id.empty()) return bad_option("--oidc-issuer", "wants --oidc-client-id");
  if (options.url.empty()) return {};
  // Pages behind a proxy on this machine are still https for people.
  MESH_TRY(check_url("--signin-url", options.url, options.transport));
  const auto url = signin::parse_web_url(options.url, options.transport);
  if (!url->path.empty()) {
    return bad_option("--signin-url",
                      "has a path; the pages want a host name of their own, as in "
                      "https://signin.example.org, without a slash at the end");
  }
  const auto listen = Endpoint::parse(options.listen);
  return listen ? Status() : Status(listen.error().with_context("--signin-listen"));
}

Result<std::unique_ptr<SignInOffice>> open_sign_in_office(const SignInOptions& options,
                                                          oidc::Clocks clocks,
                                                          OnSignIn on_sign_in) {
  MESH_TRY(check_sign_in_options(options));
  MESH_TRY_ASSIGN(auto secret, read_secret(options.client_secret_file));
  auto office = std::make_unique<AssembledOffice>(options, std::move(secret), std::move(clocks),
                                                  std::move(on_sign_in));
  MESH_TRY(office->start(options));
  return std::unique_ptr<SignInOffice>(std::move(office));
}

}  // namespace kernmesh::server
