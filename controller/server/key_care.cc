// SPDX-License-Identifier: Apache-2.0
#include "controller/server/key_care.h"

#include "controller/core/topology/node_life.h"
#include "controller/server/audit.h"
#include "controller/server/join_keys.h"
#include "controller/server/machine_use.h"

namespace kernmesh::server {
namespace {

using topology::NodeEvent;
using topology::NodeState;

struct Look {
  const std::set<NodeId>& online;
  WallTime now;
  int rotations = 0;
  store::Commit commit;
};

void write(Look& look, store::NodeRecord record, const char* action, std::string detail) {
  if (action != nullptr) {
    look.commit.audit.push_back(
        {look.now, "server", action, subject_of(record), std::move(detail), ""});
  }
  look.commit.audience = store::Audience::kNetwork;
  look.commit.puts.emplace_back(std::move(record));
}

// Whether its state is another now.
Result<bool> follow_clock(const store::NodeRecord& record, Look& look) {
  const auto& node = record.node;
  const bool ends = node.state == NodeState::kApproved && key_has_lapsed(node, look.now);
  const bool comes_back = has_expired_too_early(node, look.now);
  if (!ends && !comes_back) return false;
  auto changed = record;
  MESH_TRY_ASSIGN(changed.node.state, next_state(node.state, ends ? NodeEvent::kKeyExpired
                                                                  : NodeEvent::kClockPutRight));
  write(look, std::move(changed), ends ? "node.expire" : "node.renew",
        ends ? "its key's time is over" : "its key's time is not over by the clock of now");
  return true;
}

// What is due while the key is good; one thing a look.
void look_after(const store::NodeRecord& record, Look& look) {
  const auto& node = record.node;
  auto changed = record;
  if (key_expires_soon(node, look.now) && record.alarmed_for != node.key_expires_at) {
    changed.alarmed_for = node.key_expires_at;
    const auto days = std::chrono::floor<std::chrono::days>(node.key_expires_at - look.now);
    write(look, std::move(changed), "node.expiring",
          "its key ends in " + std::to_string(days.count()) + " days");
  } else if (!node.key_rotation_due && look.rotations < kRotationsAtOnce &&
             look.online.contains(node.id) && rotation_is_due(node, came_by(record), look.now)) {
    ++look.rotations;
    changed.node.key_rotation_due = true;
    write(look, std::move(changed), nullptr, "");
  } else if (node.machine_key_shared_at != WallTime{} &&
             look.now - node.machine_key_shared_at >= kSharedKeyMemory) {
    changed.node.machine_key_shared_at = {};
    write(look, std::move(changed), nullptr, "");
  }
}

// Without copying records of which nothing is due.
bool may_need_care(const store::NodeRecord& record, WallTime now) {
  const auto& node = record.node;
  const bool has_end =
      node.key_expires_at != WallTime{} &&
      (node.key_expires_at - now <= topology::kRotationLead || node.state == NodeState::kExpired);
  return has_end || node.machine_key_shared_at != WallTime{};
}

}  // namespace

Result<store::Commit> plan_key_care(const View& view, const std::set<NodeId>& online,
                                    WallTime now) {
  Look look{online, now, 0, {}};
  for (const auto& [id, record] : view.nodes) {
    if (!may_need_care(record, now)) continue;
    MESH_TRY_ASSIGN(const bool followed, follow_clock(record, look));
    if (!followed) look_after(record, look);
  }
  return std::move(look.commit);
}

}  // namespace kernmesh::server
