// SPDX-License-Identifier: Apache-2.0
// Which running agents speak for one machine key (L1, pure). An agent that restarts is another
// instance; one that comes back after another had its place shows that two machines have the key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kernmesh::topology {

// Random, new with every start of an agent.
using AgentInstance = std::array<std::uint8_t, 16>;

class InstanceLedger {
 public:
  enum class Seat {
    kTaken,     // it was there already, or is newer than whoever was
    kReturned,  // it was there before another, which has to go: both run
    kRefused,   // it had to go, or has to now
  };
  // An instance wants the place. The older of two that run keeps it, so that a copy that is started
  // later cannot lock the original out; and who had to go stays out, so that nothing flaps.
  Seat claim(const AgentInstance& instance);
  bool is_refused(const AgentInstance& instance) const;

 private:
  // Of each list the oldest are forgotten: as many restarts and copies are told apart.
  static constexpr std::size_t kRemembered = 8;
  static void remember(std::vector<AgentInstance>& list, const AgentInstance& instance);

  bool has_holder_ = false;
  AgentInstance holder_{};
  std::vector<AgentInstance> earlier_;
  std::vector<AgentInstance> refused_;
};

}  // namespace kernmesh::topology
