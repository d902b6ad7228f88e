// SPDX-License-Identifier: Apache-2.0
#include "controller/server/presence.h"

namespace kernmesh::server {

Status Presence::opened(OpenStream stream, const Error& why_the_older_ends) {
  std::shared_ptr<rpc::UpdateStream> older;
  {
    const std::lock_guard lock(mutex_);
    auto& place = streams_[stream.caller.node];
    older = std::move(place.stream);
    if (older == nullptr && streams_.size() > kMaxStreams) {
      streams_.erase(stream.caller.node);
      return Error(ErrorCode::kExhausted,
                   "the server holds as many streams as it may: try again later");
    }
    place = std::move(stream);
  }
  if (older) older->end(why_the_older_ends);
  return {};
}

void Presence::closed(NodeId node, const rpc::UpdateStream* stream) {
  std::shared_ptr<rpc::UpdateStream> gone;  // released after the lock
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(node);
  if (found == streams_.end() || found->second.stream.get() != stream) return;
  gone = std::move(found->second.stream);
  streams_.erase(found);
}

std::vector<OpenStream> Presence::streams() const {
  const std::lock_guard lock(mutex_);
  std::vector<OpenStream> all;
  all.reserve(streams_.size());
  for (const auto& [id, stream] : streams_) all.push_back(stream);
  return all;
}

std::set<NodeId> Presence::online() const {
  const std::lock_guard lock(mutex_);
  std::set<NodeId> all;
  for (const auto& [id, stream] : streams_) all.insert(all.end(), id);
  return all;
}

bool Presence::is_online(NodeId node) const {
  const std::lock_guard lock(mutex_);
  return streams_.contains(node);
}

std::size_t Presence::stream_count() const {
  const std::lock_guard lock(mutex_);
  return streams_.size();
}

void Presence::put_facts(NodeId node, store::NodeFacts facts) {
  const std::lock_guard lock(mutex_);
  facts_.insert_or_assign(node, std::move(facts));
}

std::optional<store::NodeFacts> Presence::facts_of(NodeId node) const {
  const std::lock_guard lock(mutex_);
  const auto found = facts_.find(node);
  if (found == facts_.end()) return std::nullopt;
  return found->second;
}

std::map<NodeId, store::NodeFacts> Presence::pending_facts() const {
  const std::lock_guard lock(mutex_);
  return facts_;
}

void Presence::written(const std::map<NodeId, store::NodeFacts>& facts) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, value] : facts) {
    const auto found = facts_.find(id);
    if (found != facts_.end() && found->second == value) facts_.erase(found);
  }
}

}  // namespace kernmesh::server
