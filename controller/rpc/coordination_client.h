// SPDX-License-Identifier: Apache-2.0
// The agent's side of the coordination protocol (L2). Calls block with a deadline; watch() blocks
// until its stream ends. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "controller/core/netmap/digest.h"
#include "controller/core/topology/instance_ledger.h"
#include "controller/core/topology/registration.h"
#include "controller/rpc/convert.h"
#include "controller/rpc/running_calls.h"
#include "controller/rpc/session_channel.h"

namespace kernmesh::rpc {

// The protocol's minor version that this build speaks; one older interoperates.
inline constexpr std::uint32_t kProtocolMinor = 1;

// What a node says of itself when it registers. Borrowed for the call.
struct Registration {
  const Ed25519SecretKey& machine_secret;
  NodePublicKey node_key;
  DiscoPublicKey disco_key;
  std::string join_key;  // empty: the server knows the machine
  std::string hostname;
  topology::AgentInstance instance{};  // this run of the agent
  Bytes endorsement{};                 // of this machine, for node_key; empty: none
};

struct Session {
  std::string token;
  WallTime expires_at{};
  NodeId node_id;
  topology::AgentInstance instance{};  // that registered
};

// What the agent holds when it resumes a watch.
struct Held {
  MapVersion version;
  netmap::SectionDigests digests;
};

struct Report {
  std::optional<std::vector<Endpoint>> endpoints;
  std::optional<MapVersion> applied;
  std::optional<relay::RelayId> home_relay;  // 0: none
  std::string kernel_release;
};

class CoordinationClient {
 public:
  // `ca_pem` is the pinned authority, `ca` its fingerprint. Connects lazily.
  CoordinationClient(const std::string& host_port, const std::string& ca_pem,
                     topology::CaFingerprint ca);
  ~CoordinationClient();

  // Challenge and Register: two round trips on an open connection.
  Result<Session> register_node(const Registration& registration);

  // Calls on_update for each message in order, on this thread; returns why the stream ended, which
  // is always an error (kUnavailable for a server that went away). on_update returning an error
  // ends the stream with that error.
  Error watch(const Session& session, const std::optional<Held>& held,
              const std::function<Status(Result<Update>)>& on_update);
  // Ends every running call, from any thread; later ones fail at once.
  void cancel() { running_.cancel_all(); }

  Status report(const Session& session, const Report& report);
  Status leave(const Session& session);

 private:
  SessionChannel channel_;
  topology::CaFingerprint ca_;
  RunningCalls running_;
};

}  // namespace kernmesh::rpc
