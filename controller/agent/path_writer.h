// SPDX-License-Identifier: Apache-2.0
// Carries the path engine's decisions into the underlay's maps (L3): resolves each remote endpoint
// to an interface and source address by the kernel's routing, and again when routing changes. Not
// thread-safe.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "controller/base/ids.h"
#include "controller/bpf/underlay.h"
#include "controller/core/path/command.h"
#include "controller/netlink/socket.h"

namespace kernmesh::agent {

class PathWriter {
 public:
  // Ways that do not go by UDP: no program can take them, so who asks for bridged() does.
  using IsStream = std::function<bool(const path::Way&)>;
  // Both borrowed; they outlive the writer.
  PathWriter(bpf::Underlay& underlay, const netlink::RouteSocket& routes, IsStream is_stream)
      : underlay_(underlay), routes_(routes), is_stream_(std::move(is_stream)) {}

  // Paths and sources that an earlier agent left for peers that are no more are taken away; those
  // of `peers` stay in force until the engine decides anew.
  Status adopt(const std::vector<NodeId>& peers);

  // From now on the peer's traffic is noted, also while it has no path.
  Status track(NodeId peer);
  Status set_path(const path::SetPath& command);
  Status set_sources(const path::SetSources& command);
  Status forget(NodeId peer);

  // After a change of routes, addresses or links: every path is resolved again and rewritten where
  // it leads another way. Errors of single peers do not stop the others; the first is returned.
  Status resolve_all();
  // What the peer's packets take now, streams included; none without a path.
  std::vector<path::Way> ways_of(NodeId peer) const;
  // The peers whose packets take a stream now, and which.
  const std::map<NodeId, path::Way>& bridged() const { return bridged_; }
  // Whose messages come that way; nobody's: id 0.
  NodeId owner_of(const path::Way& way) const;
  void set_interface_mtus(std::map<IfIndex, std::uint32_t> mtus) { mtus_ = std::move(mtus); }

 private:
  struct Entry {
    path::SetPath wanted;
    std::optional<bpf::Path> written;
    bool is_behind = false;  // `wanted` could not be written
    std::vector<path::Way> sources;
  };
  Status add_source(NodeId peer, const path::Way& way);
  Status remove_source(NodeId peer, const path::Way& way);
  Result<bpf::Hop> resolve(const path::Way& way) const;
  Status postpone_deadline(Entry& entry);
  Status write(Entry& entry);
  Status try_write(Entry& entry);
  // The wanted ways that programs can take: without those by streams, which are noted in bridged_.
  path::SetPath split_off_stream(const path::SetPath& wanted);

  bpf::Underlay& underlay_;
  const netlink::RouteSocket& routes_;
  const IsStream is_stream_;
  std::map<NodeId, path::Way> bridged_;
  std::map<IfIndex, std::uint32_t> mtus_;
  std::map<NodeId, Entry> entries_;
  struct Owner {
    NodeId peer;
    bool is_stream = false;  // so the programs were not told
  };
  std::map<path::Way, Owner> owners_;  // whose packets a way's are; the last who proved it
};

}  // namespace kernmesh::agent
