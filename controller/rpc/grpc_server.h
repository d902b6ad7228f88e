// SPDX-License-Identifier: Apache-2.0
// The gRPC server: TLS, services, limits (L2). Threads are gRPC's own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/rpc/admin_handlers.h"
#include "controller/rpc/gate.h"
#include "controller/rpc/handlers.h"

namespace kernmesh::rpc {

// The largest message that a method sees; gRPC knows no bound by method, so policies, which may
// have 16 MiB, come in pieces. It compares only what it has read whole: strangers are turned away
// before that (doorkeeper.h), but for the two calls that nodes and relays make before they have a
// token, Challenge and Register. No ResourceQuota bounds the sum of those: whoever fills it holds
// up everybody. Answers are not bounded by the server; a snapshot of 10,000 peers is about 3 MB.
inline constexpr int kMaxRequestBytes = 64 * 1024;
// Concurrent calls on one connection, of which an agent needs two.
inline constexpr int kMaxCallsPerConnection = 100;

struct ListenOptions {
  std::string address;    // "HOST:PORT"; port 0 takes a free one
  std::string chain_pem;  // the server's own certificate first, the authority last
  std::string key_pem;
};

class GrpcServer {
 public:
  virtual ~GrpcServer() = default;
  virtual std::uint16_t port() const = 0;
  // Refuses new calls, lets unary calls end, cancels what is left after `grace`. Returns when no
  // handler will be called any more.
  virtual void stop(Duration grace) = 0;
};

class SignInHandler;

// All outlive the server.
struct Handlers {
  Gate& gate;
  CoordinationHandler& coordination;
  RelayHandler& relays;
  AdminHandlers admin;
  SignInHandler* sign_in = nullptr;  // without one nobody is signed in
};

// kUnavailable when the address cannot be bound or the certificate is not accepted.
Result<std::unique_ptr<GrpcServer>> start_grpc_server(const ListenOptions& options,
                                                      const Handlers& handlers);

}  // namespace kernmesh::rpc
