// SPDX-License-Identifier: Apache-2.0
// Many nodes straight into a server's store. All have keys of their own, so each can talk to the
// server.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "controller/core/topology/overlay.h"
#include "controller/store/sqlite_store.h"
#include "tests/unit/server/fixture.h"

namespace kernmesh::server {

class Crowd {
 public:
  // May make a node something else than one of the first user's without tags.
  using Dress = std::function<void(std::size_t, topology::Node&)>;

  // Into the store of a server that is not running, which has a user.
  void settle(const std::string& state_dir, std::size_t count, const Dress& dress = {}) {
    const auto store = store::open_sqlite_store(state_dir + "/server.db");
    ASSERT_TRUE(store) << store.error().message();
    const auto contents = (*store)->load();
    ASSERT_TRUE(contents);
    store::Commit commit;
    commit.audience = store::Audience::kNetwork;
    topology::Slot slot = contents->highest.slot;
    for (std::size_t i = 0; i < count; ++i) {
      const auto& keys = nodes_.emplace_back();
      store::NodeRecord record;
      record.node.id = NodeId(contents->highest.node.value() + 1 + i);
      record.node.name = "node-" + std::to_string(i);
      record.node.user_id = contents->users.at(0).user.id;
      record.node.machine_key = machine_public_key(keys.machine);
      record.node.node_key = node_public_key(keys.node);
      record.node.disco_key = disco_public_key(keys.disco);
      slot = topology::next_slot(contents->meta->overlay, slot).value();
      record.node.addresses = topology::addresses_of(contents->meta->overlay, slot);
      record.node.key_expires_at = system_now() + std::chrono::days(100);
      if (dress) dress(i, record.node);
      commit.puts.emplace_back(store::AllocationRecord{slot, record.node.id});
      commit.puts.emplace_back(std::move(record));
    }
    ASSERT_TRUE((*store)->commit(commit));
  }

  const TestNode& at(std::size_t node) const { return nodes_.at(node); }

 private:
  std::deque<TestNode> nodes_;
};

}  // namespace kernmesh::server
