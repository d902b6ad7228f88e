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
  return netmap::SectionDigests{*self, *peers, *rules, *sets};
}

}  // namespace

WatchSource::WatchSource(const Directory& directory, NodeId node,
                         const mesh::v1::WatchRequest& request)
    : directory_(directory), node_(node) {
  const auto digests = digests_from(request);
  if (!request.has_held() || !digests) return;
  const MapVersion held = rpc::from_proto(request.held());
  const bool same = directory_.read(
      [&](const View& view) { return view.network.matches(node_, held, *digests); });
  if (same) sent_ = seen_ = held;
}

bool WatchSource::next(mesh::v1::NetmapUpdate& message) {
  const auto now = std::chrono::steady_clock::now();
  // The state is copied under the lock and made a message after it.
  std::optional<netmap::Delta> delta;
  std::optional<netmap::Netmap> map;
  directory_.read([&](const View& view) {
    if (view.network.find(node_) == nullptr) return;  // the stream is about to be ended
    if (sent_ && seen_ == view.network.version()) return;
    if (sent_) delta = view.network.delta_for(node_, seen_);
    if (!delta) map = view.network.snapshot_for(node_);
  });
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
