// SPDX-License-Identifier: Apache-2.0
// The inbound program on the host's interfaces (L3): where it is to be, and where it may still be
// from before. Not thread-safe.
#pragma once

#include <optional>
#include <vector>

#include "controller/bpf/underlay.h"
#include "controller/core/reconcile/uplink.h"
#include "controller/netlink/socket.h"

namespace kernmesh::agent {

class UplinkHooks {
 public:
  // Interfaces that are never uplinks: the mesh's own.
  explicit UplinkHooks(std::vector<IfIndex> own) : own_(std::move(own)) {}

  // From now on exactly these interfaces, guarded ones included, are to have the program, and the
  // uplinks' addresses are this host's; takes it off all others, those of an earlier agent too.
  // Goes on past errors and returns the first; what failed is tried again by the next call, which
  // does nothing when there is nothing to do.
  Status follow(bpf::Underlay& underlay, const netlink::RouteSocket& host,
                const reconcile::Uplinks& uplinks);
  // Attaches what is not there, likewise.
  Status keep_attached(bpf::Underlay& underlay) const;
  // Where the program is to be.
  const std::vector<IfIndex>& interfaces() const { return wanted_; }

 private:
  Status find_leftovers(const netlink::RouteSocket& host);
  Status leave(bpf::Underlay& underlay);

  std::vector<IfIndex> own_;
  std::vector<IfIndex> wanted_;
  // Where it may be though it is not to; nullopt: not known yet.
  std::optional<std::vector<IfIndex>> leaving_;
  std::optional<reconcile::Uplinks> followed_;  // without an error
};

}  // namespace kernmesh::agent
