// SPDX-License-Identifier: Apache-2.0
// Notices a machine key that two machines use, as with a copied state directory or a cloned disk
// (L3, thread-safe).
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "controller/core/topology/instance_ledger.h"
#include "controller/server/directory.h"
#include "controller/server/wall_clock.h"

namespace kernmesh::server {

// For so long after it was last seen `node list` shows it, and the node's own status.
inline constexpr auto kSharedKeyMemory = std::chrono::hours(24);
// It is written down again when the time before is so long ago.
inline constexpr auto kSharedKeyInterval = std::chrono::hours(1);

// Nothing for an agent that names no instance, being of an older version.
std::optional<topology::AgentInstance> instance_from(const std::string& bytes);

class MachineUse {
 public:
  // Both outlive it.
  MachineUse(const Directory& directory, store::Store& store, WallClock clock)
      : directory_(directory), store_(store), clock_(std::move(clock)) {}

  // An agent opens its stream; what the node's older stream is to hear then. kAlreadyExists when
  // another machine has the key, which is audited, shown, and told to both.
  struct Claim {
    Error older_ends_with;
  };
  Result<Claim> claim(const rpc::Caller& caller, const std::string& instance);
  // An agent registers; the same error for one that was turned away.
  Status check(const MachinePublicKey& key, const std::string& instance);

 private:
  void note(const rpc::Caller& caller);
  void forget_removed();

  const Directory& directory_;
  store::Store& store_;
  WallClock clock_;
  std::mutex mutex_;
  std::map<NodeId, topology::InstanceLedger> ledgers_;
};

}  // namespace kernmesh::server
