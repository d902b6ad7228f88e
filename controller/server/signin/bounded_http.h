// SPDX-License-Identifier: Apache-2.0
// cpp-httplib's server with bounds that it has not (L3): of a connection it reads a given number of
// bytes within a given time, one request, and connections wait in the kernel's queue when all
// threads are busy. Version 0.11.4 of Debian 12 takes any number of header lines, and chunks and
// compressed bodies past its own limit (CVE-2025-46728, CVE-2025-53629).
#pragma once

// Compiled as the library was, so that its classes have the same layout here.
#include <httplib.h>
#include <openssl/ssl.h>

#include <chrono>
#include <cstddef>
#include <memory>

namespace kernmesh::server {

// A browser sends 1 to 2 KiB; cookies of other services on the same host come on top.
inline constexpr std::size_t kMostRequestBytes = 32 * 1024;
// For the request and, again, for the answer.
inline constexpr auto kExchangeTime = std::chrono::seconds(10);
// Pages are rare, and each may wait for the provider.
inline constexpr std::size_t kPageThreads = 8;
inline constexpr std::size_t kMostWaitingConnections = 64;

class BoundedHttpServer final : public httplib::Server {
 public:
  // `tls` is borrowed; null: in the clear.
  explicit BoundedHttpServer(SSL_CTX* tls);

 private:
  bool process_and_close_socket(socket_t socket) override;

  SSL_CTX* tls_;
};

}  // namespace kernmesh::server
