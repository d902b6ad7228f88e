// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/path_writer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "controller/core/reconcile/desired.h"
#include "controller/netlink/route.h"

namespace kernmesh::agent {

using reconcile::node_of_synthetic;
using reconcile::synthetic_address;

namespace {

path::Way way_of(const bpf::Hop& hop) { return {hop.destination, relay::Channel(hop.channel)}; }
bpf::Source source_of(const path::Way& way) { return {way.endpoint, way.channel.value()}; }

}  // namespace

Status PathWriter::adopt(const std::vector<NodeId>& peers) {
  const std::set<NodeId> known(peers.begin(), peers.end());
  MESH_TRY_ASSIGN(const auto tracked, underlay_.tracked());
  MESH_TRY_ASSIGN(const auto paths, underlay_.paths());
  for (const auto& [synth, path] : paths) {
    const NodeId id = node_of_synthetic(synth);
    if (!known.contains(id)) continue;
    auto& entry = entries_[id];
    entry.wanted.peer = id;
    entry.wanted.primary = way_of(path.primary);
    if (path.secondary) entry.wanted.secondary = way_of(*path.secondary);
    if (path.use == bpf::Use::kBoth) entry.wanted.use = path::Use::kBoth;
    if (path.deadline != MonoTime{}) entry.wanted.deadline = path.deadline;
    entry.written = path;
  }
  MESH_TRY_ASSIGN(const auto sources, underlay_.sources());
  for (const auto& [source, synth] : sources) {
    const NodeId id = node_of_synthetic(synth);
    if (known.contains(id)) {
      entries_[id].wanted.peer = id;
      const path::Way way(source.endpoint, relay::Channel(source.channel));
      entries_[id].sources.push_back(way);
      owners_[way] = {id, false};
    } else {
      MESH_TRY(underlay_.remove_source(source));
    }
  }
  for (const auto& synth : tracked) {
    if (!known.contains(node_of_synthetic(synth))) MESH_TRY(underlay_.remove_path(synth));
  }
  return {};
}

Status PathWriter::track(NodeId peer) { return underlay_.track(synthetic_address(peer)); }

Result<bpf::Hop> PathWriter::resolve(const path::Way& way) const {
  MESH_TRY_ASSIGN(const auto answer, netlink::look_up_route(routes_, way.endpoint.address));
  bpf::Hop hop;
  hop.interface = answer.device;
  hop.source = answer.source;
  hop.destination = way.endpoint;
  hop.channel = way.channel.value();
  const auto device_mtu = mtus_.find(answer.device);
  const std::uint32_t mtu = device_mtu == mtus_.end() ? 0 : device_mtu->second;
  hop.mtu_bytes = static_cast<std::uint16_t>(std::min<std::uint32_t>(mtu, 65535));
  return hop;
}

path::SetPath PathWriter::split_off_stream(const path::SetPath& wanted) {
  path::SetPath left = wanted;
  const bool first = wanted.primary && is_stream_(*wanted.primary);
  const bool second = wanted.secondary && is_stream_(*wanted.secondary);
  const bool both = wanted.use == path::Use::kBoth;
  bridged_.erase(wanted.peer);
  if (first) bridged_[wanted.peer] = *wanted.primary;
  if (second && both && !first) bridged_[wanted.peer] = *wanted.secondary;
  if (first) left.primary = both && !second ? wanted.secondary : std::nullopt;
  if (first || second) {
    left.secondary.reset();
    left.use = path::Use::kPrimary;
    left.deadline.reset();
  }
  return left;
}

std::vector<path::Way> PathWriter::ways_of(NodeId peer) const {
  const auto found = entries_.find(peer);
  if (found == entries_.end() || (!found->second.written && !bridged_.contains(peer))) return {};
  const path::SetPath& wanted = found->second.wanted;
  std::vector<path::Way> ways;
  if (wanted.primary) ways.push_back(*wanted.primary);
  if (wanted.secondary && wanted.use == path::Use::kBoth) ways.push_back(*wanted.secondary);
  return ways;
}

NodeId PathWriter::owner_of(const path::Way& way) const {
  const auto owner = owners_.find(way);
  return owner == owners_.end() ? NodeId(0) : owner->second.peer;
}

Status PathWriter::write(Entry& entry) {
  const Status written = try_write(entry);
  entry.is_behind = !written;
  return written;
}

Status PathWriter::try_write(Entry& entry) {
  const IpAddress synth = synthetic_address(entry.wanted.peer);
  const path::SetPath wanted = split_off_stream(entry.wanted);
  if (!wanted.primary) {
    // The counters stay, so that the engine hears what WireGuard tries to send; nothing leaves.
    if (!entry.written) return {};
    MESH_TRY(underlay_.clear_path(synth));
    entry.written.reset();
    return {};
  }
  bpf::Path path;
  MESH_TRY_ASSIGN(path.primary, resolve(*wanted.primary));
  if (wanted.secondary) {
    if (auto second = resolve(*wanted.secondary)) {
      path.secondary = *second;
      if (wanted.use == path::Use::kBoth) path.use = bpf::Use::kBoth;
      path.deadline = wanted.deadline.value_or(MonoTime{});
    }
  }
  if (entry.written == path) return {};
  MESH_TRY(underlay_.set_path(synth, path));
  entry.written = path;
  return {};
}

Status PathWriter::set_path(const path::SetPath& command) {
  auto& entry = entries_[command.peer];
  path::SetPath before = std::exchange(entry.wanted, command);
  before.deadline = command.deadline;
  if (before == command && !entry.is_behind && entry.written && entry.written->secondary)
    return postpone_deadline(entry);
  return write(entry);
}

// Comes with every heartbeat of an active session, so nothing is resolved for it.
Status PathWriter::postpone_deadline(Entry& entry) {
  entry.written->deadline = entry.wanted.deadline.value_or(MonoTime{});
  return underlay_.set_path(synthetic_address(entry.wanted.peer), *entry.written);
}

Status PathWriter::set_sources(const path::SetSources& command) {
  auto& entry = entries_[command.peer];
  entry.wanted.peer = command.peer;
  for (const auto& way : command.sources) {
    if (owners_.contains(way) && owners_.at(way).peer == command.peer) continue;
    MESH_TRY(add_source(command.peer, way));
  }
  for (const auto& way : entry.sources) {
    if (std::find(command.sources.begin(), command.sources.end(), way) != command.sources.end())
      continue;
    MESH_TRY(remove_source(command.peer, way));
  }
  entry.sources = command.sources;
  return {};
}

Status PathWriter::add_source(NodeId peer, const path::Way& way) {
  const bool is_stream = is_stream_(way);
  if (!is_stream) MESH_TRY(underlay_.set_source(source_of(way), synthetic_address(peer)));
  owners_[way] = {peer, is_stream};
  return {};
}

// An address that another peer has proved to be its own since is left to that one.
Status PathWriter::remove_source(NodeId peer, const path::Way& way) {
  const auto owner = owners_.find(way);
  if (owner == owners_.end() || owner->second.peer != peer) return {};
  const bool is_stream = owner->second.is_stream;
  owners_.erase(owner);
  return is_stream ? Status() : underlay_.remove_source(source_of(way));
}

Status PathWriter::forget(NodeId peer) {
  bridged_.erase(peer);
  const auto found = entries_.find(peer);
  if (found != entries_.end()) {
    for (const auto& way : found->second.sources) MESH_TRY(remove_source(peer, way));
    entries_.erase(found);
  }
  return underlay_.remove_path(synthetic_address(peer));
}

Status PathWriter::resolve_all() {
  Status first;
  for (auto& [id, entry] : entries_) {
    const Status written = write(entry);
    if (!written && first) first = written;
  }
  return first;
}

}  // namespace kernmesh::agent
