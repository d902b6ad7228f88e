// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/instance_ledger.h"

#include <algorithm>

namespace kernmesh::topology {

void InstanceLedger::remember(std::vector<AgentInstance>& list, const AgentInstance& instance) {
  if (list.size() == kRemembered) list.erase(list.begin());
  list.push_back(instance);
}

bool InstanceLedger::is_refused(const AgentInstance& instance) const {
  return std::find(refused_.begin(), refused_.end(), instance) != refused_.end();
}

InstanceLedger::Seat InstanceLedger::claim(const AgentInstance& instance) {
  if (is_refused(instance)) return Seat::kRefused;
  if (has_holder_ && holder_ == instance) return Seat::kTaken;
  const auto earlier = std::find(earlier_.begin(), earlier_.end(), instance);
  const bool returns = earlier != earlier_.end();
  if (returns) earlier_.erase(earlier);
  if (has_holder_) remember(returns ? refused_ : earlier_, holder_);
  has_holder_ = true;
  holder_ = instance;
  return returns ? Seat::kReturned : Seat::kTaken;
}

}  // namespace kernmesh::topology
