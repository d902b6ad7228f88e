// SPDX-License-Identifier: Apache-2.0
// The relay's daemon (L3): sockets and clock around SessionTable, the kernel's path beside it. One
// thread decides; the page for Prometheus and the talk with the server have their own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/ip.h"
#include "controller/base/key.h"
#include "controller/relay/server_link.h"

namespace kernmesh::relay {

struct RelayDaemonOptions {
  std::string instance = "main";
  std::string state_dir = "/var/lib/kernmesh-relay";
  Port udp{3478};  // STUN's (RFC 8489); control and data share it
  Port tls{0};     // 0: none
  std::string certificate, certificate_key;
  std::optional<Endpoint> http;
  std::vector<std::string> interfaces;    // none: where default routes lead; "none": nowhere
  std::vector<TicketPublicKey> networks;  // besides the server's
  LinkOptions link;
  std::uint32_t max_clients = 16384;
  std::uint32_t max_channels = 65536;
  std::uint64_t channel_bytes_per_second = 0;  // 0: no limit
  bool allow_loopback = false;
  bool public_clients_only = false;
};

class RelayDaemon {
 public:
  static Result<std::unique_ptr<RelayDaemon>> open(const RelayDaemonOptions& options);
  ~RelayDaemon();
  RelayDaemon(const RelayDaemon&) = delete;
  RelayDaemon& operator=(const RelayDaemon&) = delete;

  RelayPublicKey public_key() const;
  // "forwards in XDP on eth0 (native)": for people.
  std::string forwarding() const;
  // Until SIGTERM or SIGINT; SIGUSR1 drains until then. What is bound is saved, and the kernel's
  // path goes on when it returns.
  Status run(const std::function<void()>& on_ready);

 private:
  struct State;
  explicit RelayDaemon(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace kernmesh::relay
