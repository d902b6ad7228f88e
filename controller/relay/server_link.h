// SPDX-License-Identifier: Apache-2.0
// The relay's talk with the coordination server (L3): registers, reports every few seconds, and
// hands on what the server wants. Has a thread of its own; without the server the relay goes on
// with what it was told last.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "controller/relay/state_dir.h"
#include "controller/rpc/relay_registrar.h"

namespace kernmesh::relay {

struct LinkOptions {
  std::string server;    // "HOST:PORT"; empty: none
  std::string join_key;  // "mk-..."; empty: the server knows this relay
  std::string name;      // a label for people; empty: the host's
  std::string region;
  std::vector<Endpoint> endpoints;  // where nodes reach the relay; none: at its own addresses
};

class ServerLink {
 public:
  struct Ports {
    Port udp, tls;
    netmap::CertificateFingerprint tls_fingerprint{};  // of what `tls` presents
  };
  struct Events {
    // Called on the link's thread, once for each change.
    std::function<void(const rpc::RelayOrders&)> on_orders;
    // The server does not know this relay (any more).
    std::function<void()> on_removed;
  };

  // kInvalid for a join key that is none. Starts at once; who may use the relay is stored in
  // `files`.
  static Result<std::unique_ptr<ServerLink>> start(const LinkOptions& options, Ports ports,
                                                   const StateDir& files, Events events);
  ~ServerLink();
  ServerLink(const ServerLink&) = delete;
  ServerLink& operator=(const ServerLink&) = delete;

  // Goes with the next report.
  void set_load(const mesh::v1::RelayLoad& load);

 private:
  ServerLink(LinkOptions options, Ports ports, const StateDir& files, Events events);
  void run();
  // Registers, and reports until something fails.
  Error talk();
  Status connect();
  bool pause(Duration duration);

  const LinkOptions options_;
  const Ports ports_;
  const StateDir files_;
  const Events events_;
  Ed25519SecretKey machine_key_;
  RelayPublicKey relay_key_;
  std::optional<topology::Ticket> ticket_;
  std::optional<rpc::RelayOrders> orders_;  // as last handed on
  bool heard_ = false;                      // since the last try to register

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;                       // guarded by mutex_
  mesh::v1::RelayLoad load_;                    // guarded by mutex_
  std::shared_ptr<rpc::RelayRegistrar> calls_;  // guarded by mutex_; the destructor cancels it
  std::thread thread_;
};

}  // namespace kernmesh::relay
