// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netmap/merge.h"

#include <algorithm>
#include <iterator>
#include <set>
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
  const bool stays =
      delta.to == delta.from &&
      delta == Delta{delta.from, delta.to, {}, {}, {}, {}, {}, {}, {}, delta.relays, delta.lock} &&
      (delta.relays || delta.lock);
  if (delta.to.revision <= delta.from.revision && !stays) {
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

void apply_rules(Netmap& map, const Delta& delta) {
  for (const auto id : delta.removed_rules) map.rules.erase(id);
  for (const auto& rule : delta.upserted_rules) map.rules.insert_or_assign(rule.id, rule);
}

// Both ascending in, ascending out.
std::vector<NodeId> after(const std::vector<NodeId>& members, const SetChange& change) {
  std::vector<NodeId> kept, result;
  auto joined = change.joined, left = change.left;
  std::sort(joined.begin(), joined.end());
  std::sort(left.begin(), left.end());
  std::set_difference(members.begin(), members.end(), left.begin(), left.end(),
                      std::back_inserter(kept));
  std::set_union(kept.begin(), kept.end(), joined.begin(), joined.end(),
                 std::back_inserter(result));
  return result;
}

// Rules are applied before: they say which sets are still named.
Status apply_sets(Netmap& map, const Delta& delta) {
  for (const auto& set : delta.upserted_sets) map.sets.insert_or_assign(set.id, set);
  for (const auto& change : delta.changed_sets) {
    const auto held = map.sets.find(change.id);
    if (held == map.sets.end()) {
      return Error(ErrorCode::kConflict, "the delta changes set " + to_string(change.id) +
                                             ", which the held netmap has not");
    }
    held->second.members = after(held->second.members, change);
  }
  if (delta.removed_rules.empty() && delta.upserted_rules.empty()) return {};
  std::set<SetId> named;
  for (const auto& [id, rule] : map.rules) named.insert(rule.sources.begin(), rule.sources.end());
  std::erase_if(map.sets, [&](const auto& entry) { return !named.contains(entry.first); });
  return {};
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
  next.peers.merge(next.left_out);
  next.left_out.clear();
  if (delta.self) next.self = *delta.self;
  for (const auto id : delta.removed) next.peers.erase(id);
  for (const auto& peer : delta.upserted) next.peers.insert_or_assign(peer.id, peer);
  apply_rules(next, delta);
  MESH_TRY(apply_sets(next, delta));
  if (delta.relays) next.relays = *delta.relays;
  if (delta.lock) next.lock = *delta.lock;
  if (auto valid = validate(next, rules.own, rules.limits); !valid) {
    return valid.error().with_context("delta from version " + text_of(delta.from) + " to " +
                                      text_of(delta.to));
  }
  return next;
}

std::optional<Touched> touched_by(const Delta& delta) {
  if (delta.self || delta.lock) return std::nullopt;
  Touched touched{.peers = delta.removed, .members = {}, .rules = false};
  for (const auto& peer : delta.upserted) touched.peers.push_back(peer.id);
  for (const auto& change : delta.changed_sets) {
    touched.members.insert(touched.members.end(), change.joined.begin(), change.joined.end());
    touched.members.insert(touched.members.end(), change.left.begin(), change.left.end());
  }
  for (auto* const ids : {&touched.peers, &touched.members}) {
    std::sort(ids->begin(), ids->end());
    ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
  }
  touched.rules =
      !delta.upserted_rules.empty() || !delta.removed_rules.empty() || !delta.upserted_sets.empty();
  return touched;
}

}  // namespace kernmesh::netmap
