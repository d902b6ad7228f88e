// SPDX-License-Identifier: Apache-2.0
// The port of the gateway that is mapped to this node's public port (L3): wires core/portmap to a
// thread of its own, to what gateways announce, and to the agent's loop, on which everything here
// runs and which is never held up. Nothing is asked before settle().
#pragma once

#include <functional>
#include <optional>

#include "controller/base/key.h"
#include "controller/core/portmap/mapper.h"
#include "controller/host/event_loop.h"
#include "controller/portmap/announcements.h"
#include "controller/portmap/worker.h"

namespace kernmesh::agent {

class PortMapping {
 public:
  // Where this node can be reached now; nullopt: not by a mapping.
  using Changed = std::function<void(const std::optional<Endpoint>&)>;

  // With the same secret a node that comes back finds its mapping again. The loop outlives it and
  // does not run after it.
  PortMapping(host::EventLoop& loop, const X25519SecretKey& secret, Changed on_changed);
  // Leaves the mapping to its time.
  ~PortMapping();
  PortMapping(const PortMapping&) = delete;
  PortMapping& operator=(const PortMapping&) = delete;

  // Whom to ask, and the port to map; no gateway: nobody.
  void set_network(MonoTime now, const std::optional<portmap::Gateway>& gateway, Port port);
  // The node leaves, and the gateway is told so.
  void give_back();
  // Does what is due; returns when it wants to be called again.
  std::optional<MonoTime> settle(MonoTime now);

  const std::optional<portmap::Mapping>& mapping() const { return mapper_.mapping(); }
  std::optional<Endpoint> external() const;

 private:
  void listen();
  void on_done(std::uint64_t attempt, const Result<portmap::Grant>& outcome);
  void run_commands();

  host::EventLoop& loop_;
  const Changed on_changed_;
  portmap::Mapper mapper_;
  std::optional<portmap::Announcements> announcements_;
  portmap::Worker worker_;
};

}  // namespace kernmesh::agent
