// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/relay.h"

#include <cassert>

#include "bpf/abi/relay.h"
#include "bpf/relay.skel.h"
#include "controller/bpf/convert.h"
#include "controller/bpf/map.h"

namespace kernmesh::bpf {
namespace {

constexpr std::array<Reason, MESH_RELAY_REASON_COUNT> kReasons = {{
#define MESH_REASON_ROW(name, label, meaning) {label, meaning},
    MESH_RELAY_REASONS(MESH_REASON_ROW)
#undef MESH_REASON_ROW
}};

constexpr const char* kProgram = "relay_xdp";
constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
constexpr std::uint64_t kMib = 1 << 20;

using ChannelMap = Map<mesh_relay_key, mesh_relay_onward>;
ChannelMap channel_map(const Object& o) { return {o.map_fd("relay_channels"), "relay_channels"}; }
Map<std::uint32_t, mesh_relay_config> config_map(const Object& o) {
  return {o.map_fd("relay_config"), "relay_config"};
}
Map<std::uint32_t, mesh_relay_usage> usage_map(const Object& o) {
  return {o.map_fd("relay_usage"), "relay_usage"};
}
Map<std::uint32_t, std::uint32_t> port_map(const Object& o) {
  return {o.map_fd("relay_ports"), "relay_ports"};
}

mesh_relay_key key_of(const Endpoint& client, relay::Channel channel) {
  mesh_relay_key key{};
  key.addr = to_abi(client.address);
  key.channel = htobe32(channel.value());
  key.port = to_abi_be(client.port);
  return key;
}

RelaySource source_of(const mesh_relay_key& key) {
  return {{from_abi(key.addr), port_from_be(key.port)}, relay::Channel(be32toh(key.channel))};
}

std::uint64_t ns_each(std::uint64_t per_second) {
  return per_second == 0 ? 0 : kNsPerSecond / per_second;
}

Result<PinFolder> pins_of(const std::string& instance) {
  return PinFolder::open("relay-" + instance);
}

// Whatever program of the relay's has one of these maps, on every interface.
Status detach_all_with(const std::vector<std::uint32_t>& maps) {
  if (maps.empty()) return {};
  ProgramInfo any;
  any.name = kProgram;
  for (const IfIndex interface : interfaces()) {
    // Who may not look at a program cannot say that it is another's.
    const auto there = query_xdp(interface);
    const bool is_hidden = !there && there.error().code() == ErrorCode::kPermissionDenied;
    const Status done = is_hidden ? Status(there.error()) : detach_xdp(interface, {-1, any, maps});
    if (done) continue;
    return Error(ErrorCode::kConflict,
                 "an earlier run's program would go on by itself: " + done.error().message() +
                     "; take it off, `ip link set dev INTERFACE xdp off` (or `xdpgeneric off`)");
  }
  return {};
}

}  // namespace

Result<Relay> Relay::open(const RelayOptions& options) {
  MESH_TRY_ASSIGN(PinFolder pins, pins_of(options.instance));
  Found found;
  MESH_TRY_ASSIGN(found.other_maps, pins.map_ids(PinFolder::Versions::kOthers));
  std::size_t size = 0;
  const void* bytes = relay_bpf__elf_bytes(&size);
  MESH_TRY_ASSIGN(Object object, Object::open("relay", {static_cast<const char*>(bytes), size}));
  MESH_TRY_ASSIGN(found.adopted, object.adopt_pins(pins));
  MESH_TRY(object.set_max_entries("relay_channels", options.max_channels));
  MESH_TRY(object.set_max_entries("relay_usage", options.max_channels + 1));
  MESH_TRY(object.load());
  MESH_TRY(object.pin(pins));
  Relay out(std::move(object), std::move(pins), std::move(found));
  MESH_TRY(out.read_slots());
  return out;
}

Relay::Relay(Object object, PinFolder pins, Found found)
    : object_(std::move(object)),
      pins_(std::move(pins)),
      adopted_(found.adopted > 0),
      other_maps_(std::move(found.other_maps)),
      slots_(0) {}

Status Relay::read_slots() {
  MESH_TRY_ASSIGN(const std::uint32_t entries, object_.max_entries("relay_usage"));
  slots_ = SlotPool(entries - 1);
  MESH_TRY_ASSIGN(const auto channels, channel_map(object_).dump());
  for (const auto& [key, onward] : channels) {
    // Two channels must not share counters.
    if (!slots_.mark_taken(onward.slot)) MESH_TRY(channel_map(object_).erase(key));
  }
  return {};
}

Result<OwnProgram> Relay::own_program() const {
  MESH_TRY_ASSIGN(ProgramInfo info, program_info(program_fd()));
  return OwnProgram{program_fd(), std::move(info), object_.map_ids(),
                    [this](const ProgramInfo& there) { return there.uses_any_of(other_maps_); }};
}

bool Relay::shares_maps(const ProgramInfo& program) const {
  return program.name == kProgram && program.uses_any_of(object_.map_ids());
}

Status Relay::attach(IfIndex interface, XdpMode mode) {
  MESH_TRY_ASSIGN(const OwnProgram program, own_program());
  MESH_TRY(attach_xdp(interface, mode, program));
  return port_map(object_).set(interface.value(), mode == XdpMode::kNative
                                                      ? MESH_RELAY_PORT_NATIVE
                                                      : MESH_RELAY_PORT_GENERIC);
}

Status Relay::detach(IfIndex interface) {
  MESH_TRY_ASSIGN(const OwnProgram program, own_program());
  MESH_TRY(port_map(object_).erase(interface.value()));
  return detach_xdp(interface, program);
}

Status Relay::end_predecessors() {
  MESH_TRY(detach_all_with(other_maps_));
  return pins_.remove_other_versions();
}

Status Relay::remove() {
  for (const IfIndex interface : interfaces()) MESH_TRY(detach(interface));
  return pins_.remove_all_versions();
}

Status Relay::remove(const std::string& instance) {
  MESH_TRY_ASSIGN(const PinFolder pins, pins_of(instance));
  MESH_TRY_ASSIGN(const auto maps, pins.map_ids(PinFolder::Versions::kAll));
  MESH_TRY(detach_all_with(maps));
  return pins.remove_all_versions();
}

Status Relay::set_config(const RelayConfig& config) {
  mesh_relay_config value{};
  value.port = to_abi_be(config.port);
  value.flags = config.send_back == SendBack::kRedirect ? MESH_RELAY_NO_TX : 0;
  if (config.bytes_per_second != 0) {
    value.ns_per_mib = kNsPerSecond * kMib / config.bytes_per_second;
  }
  value.burst_ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(config.burst).count());
  value.stun_source_ns = ns_each(config.stun_per_second);
  value.stun_all_ns = ns_each(config.stun_per_second_cpu);
  value.stun_burst = config.stun_burst;
  value.probe = htobe32(config.probe.to_v4_number());
  return config_map(object_).set(0, value);
}

Result<SendBack> Relay::send_back() const {
  MESH_TRY_ASSIGN(const auto value, config_map(object_).get(0));
  return value && (value->flags & MESH_RELAY_NO_TX) != 0 ? SendBack::kRedirect : SendBack::kTx;
}

Status Relay::set_locals(const std::set<IpAddress>& addresses) {
  const Map<mesh_addr, std::uint32_t> map(object_.map_fd("relay_locals"), "relay_locals");
  for (const auto& address : addresses) MESH_TRY(map.set(to_abi(address), 1));
  MESH_TRY_ASSIGN(const auto there, map.dump());
  for (const auto& [key, unused] : there) {
    if (!addresses.contains(from_abi(key))) MESH_TRY(map.erase(key));
  }
  return {};
}

Status Relay::set_channel(const relay::Origin& from, relay::Channel in,
                          const relay::Onward& onward) {
  assert(from.stream.value() == 0);
  const auto map = channel_map(object_);
  const auto key = key_of(from.client, in);
  mesh_relay_onward value{};
  value.local = to_abi(from.local);
  value.src = to_abi(onward.to.local);
  value.dst = to_abi(onward.to.client.address);
  value.channel = htobe32(onward.out.value());
  value.dport = to_abi_be(onward.to.client.port);
  value.flags = onward.to.stream.value() != 0 ? MESH_RELAY_TO_STREAM : 0;
  MESH_TRY_ASSIGN(const auto before, map.get(key));
  if (before) {
    value.slot = before->slot;
    return map.set(key, value);
  }
  const auto slot = slots_.take();
  if (!slot) return Error(ErrorCode::kExhausted, "no room for another relay channel");
  MESH_TRY(usage_map(object_).set(*slot, {}));
  value.slot = *slot;
  const Status written = map.set(key, value);
  if (!written) slots_.give_back(*slot);
  return written;
}

Status Relay::remove_channel(const RelaySource& source) {
  const auto map = channel_map(object_);
  const auto key = key_of(source.client, source.channel);
  MESH_TRY_ASSIGN(const auto before, map.get(key));
  if (!before) return {};
  MESH_TRY(map.erase(key));
  slots_.give_back(before->slot);
  return {};
}

Result<std::vector<RelaySource>> Relay::channels() const {
  MESH_TRY_ASSIGN(const auto all, channel_map(object_).dump());
  std::vector<RelaySource> out;
  out.reserve(all.size());
  for (const auto& [key, onward] : all) out.push_back(source_of(key));
  return out;
}

Result<std::vector<RelayUse>> Relay::usage() const {
  MESH_TRY_ASSIGN(const auto all, channel_map(object_).dump());
  const auto map = usage_map(object_);
  std::vector<RelayUse> out;
  out.reserve(all.size());
  for (const auto& [key, onward] : all) {
    MESH_TRY_ASSIGN(const auto use, map.get(onward.slot));
    if (!use) continue;
    out.push_back({source_of(key), use->pkts, use->bytes, use->dropped_pkts,
                   MonoTime(std::chrono::nanoseconds(use->last_ns))});
  }
  return out;
}

Result<std::vector<Counter>> Relay::counters() const {
  return read_counters(object_.map_fd("relay_counters"), kReasons);
}

}  // namespace kernmesh::bpf
