// SPDX-License-Identifier: Apache-2.0
// How large packets to each peer may be (the rest of mesh_node.h).
#include <spdlog/spdlog.h>

#include <algorithm>

#include "controller/agent/ipv6_switch.h"
#include "controller/agent/mesh_node.h"
#include "controller/core/reconcile/recheck.h"

namespace kernmesh::agent {
reconcile::Conditions MeshNode::current_conditions(WallTime now) const {
  reconcile::Conditions conditions;
  conditions.mesh_device = device_.mesh_index();
  conditions.backstop_metric = device_.backstop_metric();
  conditions.underlay_mtu = uplinks_ && uplinks_->mtu != 0 ? uplinks_->mtu : 1500;
  conditions.ipv6 = read_ipv6(device_.mesh_name());
  conditions.node_key = node_public_key(node_secret_);
  conditions.now = now;
  conditions.message_limits = message_limits_;
  return conditions;
}

void MeshNode::run(const path::SetMessageLimit& command) {
  const std::uint32_t mtu = reconcile::mtu_of_message(command.bytes);
  if (mtu < mtu_) {
    const auto [known, is_new] = message_limits_.emplace(command.peer, command.bytes);
    if (!is_new && known->second == command.bytes) return;
    known->second = command.bytes;
  } else if (message_limits_.erase(command.peer) == 0) {
    return;
  }
  spdlog::info("MTU to {}: {}", to_string(command.peer), std::min(mtu, mtu_));
  limits_changed_ = true;
}

// A search of a way's MTU takes several steps, and many ways may be searched at once.
void MeshNode::apply_limits(MonoTime now) {
  limits_changed_ = false;
  if (!netmap_) return;
  const auto conditions = current_conditions(host::wall_now());
  problems_.note("routes of peers with a smaller MTU",
                 device_.apply_routes(reconcile::desired_routes(*netmap_, conditions)));
  const MonoTime done = host::mono_now();
  next_limits_ = done + reconcile::pause_after_refresh(done - now);
}

}  // namespace kernmesh::agent
