// SPDX-License-Identifier: Apache-2.0
// Which nodes are connected, and what they told that is not yet written (L3, thread-safe). One
// stream a node: a newer one takes the older one's place.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "controller/rpc/handlers.h"
#include "controller/store/record.h"

namespace kernmesh::server {

// Watch streams of all nodes together. Each costs about 30 KiB inside gRPC.
inline constexpr std::size_t kMaxStreams = 20'000;

struct OpenStream {
  rpc::Caller caller;
  // Shared with gRPC, which drops its share when the stream is done.
  std::shared_ptr<rpc::UpdateStream> stream;
};

class Presence {
 public:
  // kExhausted when there are kMaxStreams. Ends the node's older stream, which hears why.
  Status opened(OpenStream stream, const Error& why_the_older_ends);
  void closed(NodeId node, const rpc::UpdateStream* stream);

  std::vector<OpenStream> streams() const;
  std::set<NodeId> online() const;
  bool is_online(NodeId node) const;
  std::size_t stream_count() const;

  // Facts wait here for the next flush: one write for many reports.
  void put_facts(NodeId node, store::NodeFacts facts);
  std::optional<store::NodeFacts> facts_of(NodeId node) const;
  std::map<NodeId, store::NodeFacts> pending_facts() const;
  // Forgets what was written, unless it has changed since.
  void written(const std::map<NodeId, store::NodeFacts>& facts);

 private:
  mutable std::mutex mutex_;
  std::map<NodeId, OpenStream> streams_;
  std::map<NodeId, store::NodeFacts> facts_;
};

}  // namespace kernmesh::server
