// SPDX-License-Identifier: Apache-2.0
// Turns the server's updates into whole, checked netmaps (L3): merges on the control session's
// thread, stores the result, and hands the newest to the loop. Bad input leaves what is held as it
// is.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "controller/core/netmap/merge.h"
#include "controller/rpc/coordination_client.h"

namespace kernmesh::agent {

// shared_ptr: the receiver's thread and the loop both read the map, which never changes once made.
using NetmapPtr = std::shared_ptr<const netmap::Netmap>;

class NetmapReceiver {
 public:
  struct Events {
    std::function<void(NetmapPtr)> on_netmap;  // called on the session's thread
    std::function<void(const Status&)>
        on_saved;  // an error (disk full): the map is used all the same
  };
  // ca: the authority of the server whose maps these are.
  NetmapReceiver(std::string state_dir, const topology::CaFingerprint& ca, netmap::MergeRules rules,
                 NetmapPtr stored, Events events);

  // Both on the session's thread.
  Status on_update(Result<rpc::Update> update);
  std::optional<rpc::Held> held() const;

 private:
  const std::string state_dir_;
  const topology::CaFingerprint ca_;
  const netmap::MergeRules rules_;
  const Events events_;
  NetmapPtr current_;
};

}  // namespace kernmesh::agent
