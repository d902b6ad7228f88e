// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netmap/merge.h"

#include <algorithm>
#include <string>

namespace kernmesh::netmap {
namespace {

std::string text_of(const MapVersion& version) {
  return to_string(version.epoch) + "." + to_string(version.revision);
}

Status check_delta_version(const Netmap& held, const Delta& delta) {
  if (delta.from != held.version) {
    return Error(ErrorCode::kConflict, "the delta starts from version " + text_of(delta.from) +
                                           ", the held netmap is " + text_of(held.version));
  }
  if (delta.to.epoch != delta.from.epoch) {
    return Error(ErrorCode::kConflict, "the delta leads from version " + text_of(delta.from) +
                                           " to " + text_of(delta.to) +
                                           "; another epoch needs a snapshot");
  }
  if (delta.to.revision <= delta.from.revision) {
    return Error(ErrorCode::kConflict, "the delta leads back from version " + text_of(delta.from) +
                                           " to " + text_of(delta.to));
  }
  return {};
}

// Bounds before anything is copied or sorted, and each peer named once.
Status check_delta_peers(const Delta& delta, const Limits& limits) {
  const std::size_t named = delta.upserted.size() + delta.removed.size();
  if (named > 2 * limits.peers) {
    return Error(ErrorCode::kExhausted, "the delta names " + std::to_string(named) +
                                            " peers, at most " + std::to_string(2 * limits.peers) +
                                            " are accepted");
  }
  std::vector<NodeId> ids(delta.removed);
  for (const auto& peer : delta.upserted) ids.push_back(peer.id);
  std::sort(ids.begin(), ids.end());
  const auto twice = std::adjacent_find(ids.begin(), ids.end());
  if (twice == ids.end()) return {};
  return Error(ErrorCode::kConflict, "the delta names peer " + to_string(*twice) + " twice");
}

}  // namespace

Result<Netmap> apply_snapshot(const std::optional<Netmap>& held, Netmap incoming,
                              const MergeRules& rules) {
  if (held && incoming.version < held->version) {
    return Error(ErrorCode::kConflict, "the snapshot is version " + text_of(incoming.version) +
                                           ", older than the held " + text_of(held->version));
  }
  if (auto valid = validate(incoming, rules.own, rules.limits); !valid) {
    return valid.error().with_context("snapshot of version " + text_of(incoming.version));
  }
  return incoming;
}

Result<Netmap> apply_delta(const Netmap& held, const Delta& delta, const MergeRules& rules) {
  MESH_TRY(check_delta_version(held, delta));
  MESH_TRY(check_delta_peers(delta, rules.limits));
  Netmap next = held;
  next.version = delta.to;
  if (delta.self) next.self = *delta.self;
  for (const auto id : delta.removed) next.peers.erase(id);
  for (const auto& peer : delta.upserted) next.peers.insert_or_assign(peer.id, peer);
  if (delta.rules) next.rules = *delta.rules;
  if (auto valid = validate(next, rules.own, rules.limits); !valid) {
    return valid.error().with_context("delta from version " + text_of(delta.from) + " to " +
                                      text_of(delta.to));
  }
  return next;
}

std::optional<std::vector<NodeId>> touched_peers(const Delta& delta) {
  if (delta.self || delta.rules) return std::nullopt;
  std::vector<NodeId> ids(delta.removed);
  for (const auto& peer : delta.upserted) ids.push_back(peer.id);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace kernmesh::netmap
