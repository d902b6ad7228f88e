// SPDX-License-Identifier: Apache-2.0
// Paths, sources and traffic of peers (the rest of underlay.h).
#include <endian.h>

#include <cstring>
#include <utility>

#include "bpf/abi/handshake.h"
#include "bpf/abi/underlay.h"
#include "controller/bpf/convert.h"
#include "controller/bpf/map.h"
#include "controller/bpf/path_codec.h"
#include "controller/bpf/underlay.h"

namespace kernmesh::bpf {
namespace {

Map<std::uint32_t, mesh_path> path_map(const Object& o) { return {o.map_fd("paths"), "paths"}; }
Map<mesh_source, mesh_sender> source_map(const Object& o) {
  return {o.map_fd("sources"), "sources"};
}
Map<std::uint32_t, mesh_traffic> traffic_map(const Object& o) {
  return {o.map_fd("traffic"), "traffic"};
}

MonoTime boot_time(std::uint64_t ns) { return MonoTime(std::chrono::nanoseconds(ns)); }

Map<std::uint32_t, mesh_begun> begun_map(const Object& o) { return {o.map_fd("begun"), "begun"}; }

// WireGuard's sender index, the second word (https://www.wireguard.com/protocol/).
Result<std::uint32_t> index_of(std::span<const std::uint8_t> initiation) {
  std::uint32_t index = 0;
  if (initiation.size() < 2 * sizeof index)
    return Error(ErrorCode::kInvalid, "a handshake initiation without index");
  std::memcpy(&index, &initiation[sizeof index], sizeof index);
  return le32toh(index);
}

}  // namespace

Status Underlay::read_slots() {
  const auto map = path_map(object_);
  MESH_TRY_ASSIGN(const auto entries, map.dump());
  for (auto [key, value] : entries) {
    if (value.slot == 0) continue;
    if (slots_.mark_taken(value.slot)) {
      watch_.put(value.slot, key);
      continue;
    }
    value.slot = 0;  // never written by us: two peers must not share counters
    MESH_TRY(map.set(key, value));
  }
  MESH_TRY_ASSIGN(const auto sources, source_map(object_).dump());
  for (const auto& [source, sender] : sources) {
    if (source.channel == 0 || sender.slot == 0 || relayed_slots_.contains(sender.synth)) continue;
    if (!slots_.mark_taken(sender.slot)) continue;
    relayed_slots_[sender.synth] = sender.slot;
    watch_.put_relayed(sender.slot, sender.synth);
  }
  return {};
}

Result<std::uint32_t> Underlay::slot_of(std::uint32_t synth_be) {
  MESH_TRY_ASSIGN(const auto entry, path_map(object_).get(synth_be));
  if (entry && entry->slot != 0) return entry->slot;
  const auto slot = slots_.take();
  if (!slot) return Error(ErrorCode::kExhausted, "no counters left: too many peers");
  MESH_TRY(traffic_map(object_).set(*slot, {}));
  return *slot;
}

Result<std::uint32_t> Underlay::relayed_slot_of(std::uint32_t synth_be) {
  if (const auto known = relayed_slots_.find(synth_be); known != relayed_slots_.end())
    return known->second;
  const auto slot = slots_.take();
  if (!slot) return slot_of(synth_be);  // maps of versions that knew of no relays
  MESH_TRY(traffic_map(object_).set(*slot, {}));
  relayed_slots_[synth_be] = *slot;
  watch_.put_relayed(*slot, synth_be);
  return *slot;
}

Status Underlay::track(const IpAddress& synth) {
  MESH_TRY_ASSIGN(const std::uint32_t key, synth_to_be(synth));
  MESH_TRY_ASSIGN(const auto entry, path_map(object_).get(key));
  return entry ? Status() : clear_path(synth);
}

Status Underlay::clear_path(const IpAddress& synth) {
  MESH_TRY_ASSIGN(const std::uint32_t key, synth_to_be(synth));
  return write_path(key, {});
}

Status Underlay::write_path(std::uint32_t synth_be, mesh_path value) {
  MESH_TRY_ASSIGN(const auto before, path_map(object_).get(synth_be));
  MESH_TRY_ASSIGN(value.slot, slot_of(synth_be));
  const Status written = path_map(object_).set(synth_be, value);
  if (written && (!before || before->slot != value.slot)) watch_.put(value.slot, synth_be);
  if (written || before) return written;
  slots_.give_back(value.slot);
  if (written.error().code() != ErrorCode::kExhausted) return written;
  return Error(ErrorCode::kExhausted, "no room for another path: too many peers");
}

Status Underlay::set_path(const IpAddress& synth, const Path& path) {
  MESH_TRY_ASSIGN(const std::uint32_t key, synth_to_be(synth));
  MESH_TRY_ASSIGN(mesh_path value, encode(path));
  MESH_TRY_ASSIGN(const auto current, config());
  if (current && (path.primary.interface == current->meshu ||
                  (path.secondary && path.secondary->interface == current->meshu))) {
    return Error(ErrorCode::kInvalid,
                 "a path cannot lead through the private namespace's own link");
  }
  return write_path(key, value);
}

Status Underlay::remove_path(const IpAddress& synth) {
  MESH_TRY_ASSIGN(const std::uint32_t key, synth_to_be(synth));
  MESH_TRY_ASSIGN(const auto entry, path_map(object_).get(key));
  if (!entry) return {};
  MESH_TRY(path_map(object_).erase(key));
  watch_.forget(entry->slot);
  slots_.give_back(entry->slot);
  if (const auto relayed = relayed_slots_.extract(key)) {
    watch_.forget(relayed.mapped());
    slots_.give_back(relayed.mapped());
  }
  return {};
}

Result<std::optional<Path>> Underlay::path(const IpAddress& synth) const {
  MESH_TRY_ASSIGN(const std::uint32_t key, synth_to_be(synth));
  MESH_TRY_ASSIGN(const auto value, path_map(object_).get(key));
  return value && value->use != 0 ? std::optional<Path>(decode(*value)) : std::nullopt;
}

Result<std::vector<std::pair<IpAddress, Path>>> Underlay::paths() const {
  MESH_TRY_ASSIGN(const auto entries, path_map(object_).dump());
  std::vector<std::pair<IpAddress, Path>> out;
  out.reserve(entries.size());
  for (const auto& [key, value] : entries) {
    if (value.use != 0) out.emplace_back(synth_from_be(key), decode(value));
  }
  return out;
}

Result<std::vector<IpAddress>> Underlay::tracked() const {
  MESH_TRY_ASSIGN(const auto entries, path_map(object_).dump());
  std::vector<IpAddress> out;
  out.reserve(entries.size());
  for (const auto& entry : entries) out.push_back(synth_from_be(entry.first));
  return out;
}

Status Underlay::set_source(const Source& source, const IpAddress& synth) {
  MESH_TRY(track(synth));
  MESH_TRY_ASSIGN(const std::uint32_t key, synth_to_be(synth));
  MESH_TRY_ASSIGN(const std::uint32_t slot,
                  source.channel != 0 ? relayed_slot_of(key) : slot_of(key));
  return source_map(object_).set(encode(source), {.synth = key, .slot = slot});
}

Status Underlay::remove_source(const Source& source) {
  return source_map(object_).erase(encode(source));
}

Result<std::vector<std::pair<Source, IpAddress>>> Underlay::sources() const {
  MESH_TRY_ASSIGN(const auto entries, source_map(object_).dump());
  std::vector<std::pair<Source, IpAddress>> out;
  out.reserve(entries.size());
  for (const auto& [key, value] : entries)
    out.emplace_back(decode(key), synth_from_be(value.synth));
  return out;
}

Status Underlay::note_begun(MonoTime now, const IpAddress& synth,
                            std::span<const std::uint8_t> initiation) {
  MESH_TRY_ASSIGN(const std::uint32_t key, synth_to_be(synth));
  MESH_TRY_ASSIGN(const std::uint32_t index, index_of(initiation));
  const auto since_boot = std::chrono::nanoseconds(now.time_since_epoch()).count();
  const mesh_begun begun{static_cast<__u64>(since_boot), htole32(index), 0};
  return begun_map(object_).set(key, begun);
}

Status Underlay::forget_begun(const IpAddress& synth) {
  MESH_TRY_ASSIGN(const std::uint32_t key, synth_to_be(synth));
  return begun_map(object_).erase(key);
}

bool Underlay::gives_way(MonoTime now, const IpAddress& synth,
                         std::span<const std::uint8_t> initiation) const {
  const auto key = synth_to_be(synth);
  const auto index = index_of(initiation);
  if (!key || !index) return false;
  const auto own = begun_map(object_).get(*key);
  if (!own || !*own) return false;
  const auto window = std::chrono::nanoseconds(MESH_CROSSING_NS);
  return now - boot_time((*own)->boot_ns) < window && le32toh((*own)->index) > *index;
}

Result<std::optional<Traffic>> Underlay::traffic(const IpAddress& synth) const {
  MESH_TRY_ASSIGN(const std::uint32_t key, synth_to_be(synth));
  MESH_TRY_ASSIGN(const auto entry, path_map(object_).get(key));
  if (!entry || entry->slot == 0) return std::optional<Traffic>();
  MESH_TRY_ASSIGN(const auto value, traffic_map(object_).get(entry->slot));
  if (!value) return std::optional<Traffic>();
  Traffic traffic{.rx_pkts = value->rx_pkts,
                  .rx_bytes = value->rx_bytes,
                  .tx_pkts = value->tx_pkts,
                  .tx_bytes = value->tx_bytes,
                  .rx_last = boot_time(value->rx_last_ns),
                  .rx_last_relayed = {},
                  .tx_last = boot_time(value->tx_last_ns)};
  const auto relayed_slot = relayed_slots_.find(key);
  if (relayed_slot == relayed_slots_.end()) return std::optional<Traffic>(traffic);
  MESH_TRY_ASSIGN(const auto relayed, traffic_map(object_).get(relayed_slot->second));
  if (relayed) {
    traffic.rx_pkts += relayed->rx_pkts;
    traffic.rx_bytes += relayed->rx_bytes;
    traffic.rx_last_relayed = boot_time(relayed->rx_last_ns);
  }
  return std::optional<Traffic>(traffic);
}

Result<std::vector<std::pair<IpAddress, TrafficTimes>>> Underlay::moved_traffic() {
  MESH_TRY_ASSIGN(const auto moved,
                  watch_.moved(object_.map_fd("traffic"), object_.map_fd("counters")));
  std::vector<std::pair<IpAddress, TrafficTimes>> out;
  out.reserve(moved.size());
  for (const auto& [synth_be, times] : moved) out.emplace_back(synth_from_be(synth_be), times);
  return out;
}

}  // namespace kernmesh::bpf
