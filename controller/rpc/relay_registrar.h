// SPDX-License-Identifier: Apache-2.0
// A relay's side of its talk with the server (L2). Calls block with a deadline; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controller/core/topology/registration.h"
#include "controller/rpc/convert.h"
#include "controller/rpc/running_calls.h"
#include "controller/rpc/session_channel.h"

namespace kernmesh::rpc {

// What a relay says of itself when it registers. Borrowed for the call.
struct RelayRegistration {
  const Ed25519SecretKey& machine_secret;
  RelayPublicKey relay_key;
  std::string join_key;  // empty: the server knows the relay
  std::string name;
  std::string region;
};

struct RelaySession {
  std::string token;
  relay::RelayId relay;
  std::string name;  // as the server has it
};

struct RelayReport {
  std::vector<Endpoint> endpoints;
  Port tls_port;  // 0: none
  netmap::CertificateFingerprint tls_fingerprint{};
  mesh::v1::RelayLoad load;
};

// What the server wants of the relay.
struct RelayOrders {
  std::vector<TicketPublicKey> ticket_keys;
  bool drain = false;
  bool operator==(const RelayOrders&) const = default;
};

class RelayRegistrar {
 public:
  // `ca_pem` is the pinned authority, `ca` its fingerprint. Connects lazily.
  RelayRegistrar(const std::string& host_port, const std::string& ca_pem,
                 topology::CaFingerprint ca);
  ~RelayRegistrar();

  Result<RelaySession> register_relay(const RelayRegistration& registration);
  Result<RelayOrders> report(const RelaySession& session, const RelayReport& report);
  // Ends every running call, from any thread; later ones fail at once.
  void cancel() { running_.cancel_all(); }

 private:
  SessionChannel channel_;
  topology::CaFingerprint ca_;
  RunningCalls running_;
};

}  // namespace kernmesh::rpc
