// SPDX-License-Identifier: Apache-2.0
// Asks an identity provider over HTTPS (L2, thread-safe, blocking with a deadline; libcurl).
// Follows no redirect, uses no proxy, keeps no cookie, reads no netrc, takes no compressed body:
// what is asked is exactly what was named, and what comes back is bounded.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "controller/base/result.h"
#include "controller/core/signin/web_url.h"

namespace kernmesh::oidc {

struct HttpRequest {
  std::string url;
  std::optional<std::string> form;  // none: GET
  std::string authorization;        // the header's value; empty: none
  std::size_t most_bytes = 0;       // of the body
};

struct HttpAnswer {
  long status = 0;
  std::string body;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Any status is an answer. kInvalid for a URL that the transport does not allow, kUnavailable
  // when there is no whole answer in time, kExhausted when it is too large. Errors name the origin
  // alone, never what was sent.
  virtual Result<HttpAnswer> send(const HttpRequest& request) = 0;
  // Ends what is under way, from any thread; later requests fail at once.
  virtual void stop() = 0;
};

struct HttpOptions {
  signin::Transport transport = signin::Transport::kHttpsOnly;
  std::string ca_file;  // PEM; empty: the system's roots
  // Providers answer within a second; somebody is waiting in front of a page.
  std::chrono::milliseconds timeout{10'000};
};
std::unique_ptr<HttpClient> make_http_client(HttpOptions options);

}  // namespace kernmesh::oidc
