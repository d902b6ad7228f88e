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
#include <vector>

#include "controller/core/netmap/merge.h"
#include "controller/rpc/coordination_client.h"

namespace kernmesh::agent {

// shared_ptr: the receiver's thread and the loop both read the map, which never changes once made.
using NetmapPtr = std::shared_ptr<const netmap::Netmap>;

// How a map came about: from that one, by no more than this.
struct NetmapStep {
  NetmapPtr from;
  netmap::Touched touched;
};

class NetmapReceiver {
 public:
  struct Events {
    // Called on the session's thread. Without a step anything may have changed.
    std::function<void(NetmapPtr, std::optional<NetmapStep>)> on_netmap;
    std::function<void(const Status&)>
        on_saved;  // an error (disk full): the map is used all the same
    // Called on the session's thread with each new map, to leave out of it whom the network lock
    // keeps out; empty: nobody is.
    std::function<void(netmap::Netmap&)> admit{};
  };
  // ca: the authority of the server whose maps these are.
  NetmapReceiver(std::string state_dir, const topology::CaFingerprint& ca, netmap::MergeRules rules,
                 NetmapPtr stored, Events events);

  // Both on the session's thread.
  Status on_update(Result<rpc::Update> update);
  std::optional<rpc::Held> held() const;

  // From any thread: this node has other keys from now on.
  void set_own(const netmap::OwnKeys& own);

 private:
  const std::string state_dir_;
  const topology::CaFingerprint ca_;
  netmap::MergeRules rules() const;

  mutable std::mutex mutex_;
  netmap::MergeRules rules_;  // guarded by mutex_
  const Events events_;
  NetmapPtr current_;
  bool checked_ = false;  // current_ was merged here, not read from disk
  // Freeing a map takes as long as copying one; held until the next update, it happens on this
  // thread and not on the loop.
  NetmapPtr previous_;
};

}  // namespace kernmesh::agent
