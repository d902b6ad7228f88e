// SPDX-License-Identifier: Apache-2.0
#include "controller/server/watch_source.h"

#include <algorithm>

#include "controller/rpc/convert.h"

namespace kernmesh::server {
namespace {

std::optional<netmap::Digest> digest_from(const std::string& bytes) {
  netmap::Digest digest{};
  if (bytes.size() != digest.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

std::optional<netmap::SectionDigests> digests_from(const mesh::v1::WatchRequest& request) {
  const auto self = digest_from(request.self_digest());
  const auto peers = digest_from(request.peers_digest());
  const auto rules = digest_from(request.rules_digest());
  const auto sets = digest_from(request.sets_digest());
  if (!self || !peers || !rules || !sets) return std::nullopt;
  return netmap::SectionDigests{*self, *peers, *rules, *sets, {}, {}};
}

}  // namespace

WatchSource::WatchSource(const Sources& sources, NodeId node, const mesh::v1::WatchRequest& request)
    : directory_(sources.directory),
      tickets_(sources.tickets),
      clock_(sources.clock),
      node_(node),
      wants_relays_(!request.relays_digest().empty()),
      wants_lock_(!request.lock_digest().empty()) {
  const auto digests = digests_from(request);
  if (!request.has_held() || !digests) return;
  const MapVersion held = rpc::from_proto(request.held());
  const auto relays = digest_from(request.relays_digest());
  const auto lock = digest_from(request.lock_digest());
  directory_.read([&](const View& view) {
    if (!view.network.matches(node_, held, *digests)) return;
    sent_ = seen_ = held;
    relays_due_ = wants_relays_ && relays != netmap::relays_digest(relays_of(view));
    lock_due_ = wants_lock_ && lock != netmap::lock_digest(view.lock.statements);
  });
}

netmap::Relays WatchSource::relays_of(const View& view) const {
  netmap::Relays relays;
  const topology::Node* own = view.network.find(node_);
  if (!wants_relays_ || own == nullptr || view.relays.empty()) return relays;
  if (own->state != topology::NodeState::kApproved) return relays;
  for (const auto& [id, record] : view.relays) relays.known.emplace(id, record.relay);
  relays.ticket = tickets_.ticket_for(node_, own->disco_key, clock_());
  return relays;
}

void WatchSource::read_news(const View& view, std::optional<netmap::Netmap>& map,
                            std::optional<netmap::Delta>& delta) const {
  if (view.network.find(node_) == nullptr) return;  // the stream is about to be ended
  if (sent_ && seen_ == view.network.version() && !relays_due_ && !lock_due_) return;
  if (sent_) delta = view.network.delta_for(node_, seen_);
  if (!delta) {
    map = view.network.snapshot_for(node_);
    map->relays = relays_of(view);
    if (wants_lock_) map->lock = view.lock.statements;
    return;
  }
  if (relays_due_ || (wants_relays_ && view.relays_changed > seen_.revision))
    delta->relays = relays_of(view);
  if (lock_due_ || (wants_lock_ && view.lock_changed > seen_.revision))
    delta->lock = view.lock.statements;
}

bool WatchSource::next(mesh::v1::NetmapUpdate& message) {
  const auto now = std::chrono::steady_clock::now();
  // The state is copied under the lock and made a message after it.
  std::optional<netmap::Delta> delta;
  std::optional<netmap::Netmap> map;
  directory_.read([&](const View& view) { read_news(view, map, delta); });
  relays_due_ = lock_due_ = false;
  if (map) {
    sent_ = seen_ = map->version;
    message = rpc::to_proto(*map);
  } else if (delta && (!is_empty(*delta) || is_stale(delta->to))) {
    delta->from = *sent_;  // nothing between it and seen_ concerned the node
    sent_ = seen_ = delta->to;
    message = rpc::to_proto(*delta);
  } else if (delta) {
    seen_ = delta->to;
    return keep_alive(message, now);
  } else {
    return keep_alive(message, now);
  }
  last_message_ = now;
  return true;
}

bool WatchSource::is_stale(const MapVersion& newest) const {
  return newest.revision.value() - sent_->revision.value() >= topology::kHistory / 2;
}

bool WatchSource::keep_alive(mesh::v1::NetmapUpdate& message,
                             std::chrono::steady_clock::time_point now) {
  if (sent_ && now - last_message_ >= kKeepalive) {
    message = rpc::to_proto(rpc::Keepalive{*sent_});
    last_message_ = now;
    return true;
  }
  return false;
}

}  // namespace kernmesh::server
