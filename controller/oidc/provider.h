// SPDX-License-Identifier: Apache-2.0
// One identity provider as this server uses it (L2, thread-safe, blocking): where it is, its keys,
// and who it says that somebody is. What it publishes is kept for an hour and asked for again at a
// bounded pace (core/signin/fetch_pace.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <variant>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/core/signin/claims.h"
#include "controller/core/signin/discovery.h"
#include "controller/core/signin/key_set.h"
#include "controller/core/signin/token_answer.h"
#include "controller/oidc/document_cache.h"
#include "controller/oidc/http_client.h"

namespace kernmesh::oidc {

struct ProviderOptions {
  std::string issuer;
  std::string client_id;
  std::string client_secret;  // empty: a public client, which PKCE alone protects
  std::string redirect_uri;
  std::string scope = "openid email profile";
  std::string groups_claim = "groups";
  signin::EntryTerms terms;
  signin::Transport transport = signin::Transport::kHttpsOnly;
};

struct Clocks {
  std::function<WallTime()> wall;
  std::function<MonoTime()> mono;
};

class Provider {
 public:
  // `http` outlives it.
  Provider(ProviderOptions options, HttpClient& http, Clocks clocks);

  const ProviderOptions& options() const { return options_; }

  // Random texts, a fresh set for each attempt.
  struct Secrets {
    std::string state;
    std::string nonce;
    std::string verifier;
  };
  // Where to send a person. kUnavailable while the provider cannot be reached.
  Result<std::string> authorization_url(const Secrets& secrets);

  // What the person's browser has brought back.
  struct Callback {
    std::string code;
    std::string issuer;  // "iss"; empty: the answer has none
  };
  // Who it is. kPermissionDenied and kExpired in words for the person; kUnauthenticated, kInvalid
  // and kNotFound when the provider's answer does not hold; kUnavailable when there is none.
  Result<signin::Identity> redeem(const Callback& callback, const Secrets& secrets);

  // Device authorization (RFC 8628). kUnsupported when the provider has none.
  Result<signin::DeviceGrant> start_device();
  using DeviceAnswer = std::variant<signin::Identity, signin::NoToken>;
  Result<DeviceAnswer> poll_device(const std::string& device_code);

  // Since the start.
  struct Counts {
    std::uint64_t failures = 0;     // questions without an answer, or with one of a wrong status
    std::uint64_t key_fetches = 0;  // key sets that were read
  };
  Counts counts() const { return {failures_, key_fetches_}; }

  // Who an ID token names; `nonce` is none when none was sent.
  Result<signin::Identity> identify(const std::string& id_token,
                                    std::optional<std::string_view> nonce);

 private:
  using DiscoveryPtr = std::shared_ptr<const signin::Discovery>;
  using KeySetPtr = std::shared_ptr<const signin::KeySet>;

  Result<DiscoveryPtr> discovery();
  Result<KeySetPtr> keys(Freshness freshness);
  Result<signin::VerificationKey> key_for(const signin::Jws& token);
  // An answer with one of the statuses. `place` is for the error: "the token endpoint".
  struct Expected {
    std::initializer_list<long> statuses;
    const char* place = nullptr;
  };
  Result<HttpAnswer> ask(const HttpRequest& request, const Expected& expected);
  Result<std::string> fetch(const std::string& url, std::size_t most_bytes);
  // A form with the client's name and proof.
  HttpRequest signed_form(const std::string& url, std::string form,
                          const signin::Discovery& found) const;
  Result<signin::TokenAnswer> ask_token(const std::string& form);

  const ProviderOptions options_;
  HttpClient& http_;
  const Clocks clocks_;
  DocumentCache<signin::Discovery> discovery_;
  DocumentCache<signin::KeySet> keys_;
  std::atomic<std::uint64_t> failures_ = 0;
  std::atomic<std::uint64_t> key_fetches_ = 0;
};

}  // namespace kernmesh::oidc
