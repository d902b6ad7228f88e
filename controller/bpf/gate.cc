// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/gate.h"

#include <array>

#include "bpf/abi/gate.h"
#include "bpf/gate.skel.h"
#include "controller/bpf/convert.h"
#include "controller/bpf/map.h"

namespace kernmesh::bpf {
namespace {

constexpr std::array<Reason, MESH_GATE_REASON_COUNT> kReasons = {{
#define MESH_REASON_ROW(name, label, meaning) {label, meaning},
    MESH_GATE_REASONS(MESH_REASON_ROW)
#undef MESH_REASON_ROW
}};

const char* program_name(Hook hook) { return hook == Hook::kIngress ? "gate_in" : "gate_out"; }

Map<std::uint32_t, mesh_gate_config> config_map(const Object& o) {
  return {o.map_fd("gate_config"), "gate_config"};
}
Map<mesh_addr, std::uint64_t> identity_map(const Object& o) {
  return {o.map_fd("identities"), "identities"};
}
Map<std::uint64_t, std::uint32_t> rule_map(const Object& o) { return {o.map_fd("rules"), "rules"}; }

std::uint32_t find_predecessor(IfIndex mesh) {
  if (mesh.value() == 0) return 0;
  const auto state = query_hook(mesh, Hook::kIngress);
  if (!state) return 0;
  for (const AttachedProgram& p : state->programs) {
    if (p.info.name == program_name(Hook::kIngress)) return p.info.id;
  }
  return 0;
}

}  // namespace

Result<Gate> Gate::open(const GateOptions& options) {
  MESH_TRY_ASSIGN(PinFolder pins, PinFolder::open(options.instance));
  std::size_t size = 0;
  const void* bytes = gate_bpf__elf_bytes(&size);
  MESH_TRY_ASSIGN(Object object, Object::open("gate", {static_cast<const char*>(bytes), size}));
  MESH_TRY_ASSIGN([[maybe_unused]] const int adopted, object.adopt_pins(pins));
  if (const std::uint32_t id = find_predecessor(options.mesh); id != 0) {
    MESH_TRY_ASSIGN([[maybe_unused]] const int more, object.adopt_program(id));
  }
  MESH_TRY(object.set_max_entries("identities", options.max_addresses));
  MESH_TRY(object.set_max_entries("rules", options.max_addresses));
  MESH_TRY(object.load());
  MESH_TRY(object.pin(pins));
  return Gate(std::move(object), std::move(pins));
}

Result<OwnProgram> Gate::own_program(Hook hook) const {
  const int fd = object_.program_fd(program_name(hook));
  MESH_TRY_ASSIGN(ProgramInfo info, program_info(fd));
  return OwnProgram{fd, std::move(info), object_.map_ids()};
}

Status Gate::attach(IfIndex mesh) {
  for (const Hook hook : {Hook::kIngress, Hook::kEgress}) {
    MESH_TRY_ASSIGN(const OwnProgram own, own_program(hook));
    MESH_TRY(attach_program(mesh, hook, own));
  }
  return {};
}

Status Gate::detach(IfIndex mesh) {
  for (const Hook hook : {Hook::kIngress, Hook::kEgress}) {
    MESH_TRY_ASSIGN(const OwnProgram own, own_program(hook));
    MESH_TRY(detach_program(mesh, hook, own));
  }
  return {};
}

Result<std::pair<AttachmentState, AttachmentState>> Gate::query(IfIndex mesh) const {
  MESH_TRY_ASSIGN(const OwnProgram in, own_program(Hook::kIngress));
  MESH_TRY_ASSIGN(const OwnProgram out, own_program(Hook::kEgress));
  MESH_TRY_ASSIGN(AttachmentState ingress, query_attachment(mesh, Hook::kIngress, in));
  MESH_TRY_ASSIGN(AttachmentState egress, query_attachment(mesh, Hook::kEgress, out));
  return std::pair(std::move(ingress), std::move(egress));
}

Status Gate::remove() {
  for (const IfIndex interface : interfaces()) MESH_TRY(detach(interface));
  return pins_.remove();
}

Status Gate::set_identities(const Identities& wanted) {
  const auto map = identity_map(object_);
  MESH_TRY_ASSIGN(const auto present, map.dump());
  std::map<IpAddress, std::uint64_t> current;
  for (const auto& [key, node] : present) {
    const IpAddress address = from_abi(key);
    current[address] = node;
    if (!wanted.contains(address)) MESH_TRY(map.erase(key));
  }
  for (const auto& [address, node] : wanted) {
    const auto it = current.find(address);
    if (it != current.end() && it->second == node.value()) continue;
    if (node == kAnyNode) return Error(ErrorCode::kInvalid, "node id 0 names no node");
    MESH_TRY(map.set(to_abi(address), node.value()));
  }
  return {};
}

Status Gate::change_identities(const std::vector<IpAddress>& removed, const Identities& set) {
  const auto map = identity_map(object_);
  for (const auto& address : removed) MESH_TRY(map.erase(to_abi(address)));
  for (const auto& [address, node] : set) {
    if (node == kAnyNode) return Error(ErrorCode::kInvalid, "node id 0 names no node");
    MESH_TRY(map.set(to_abi(address), node.value()));
  }
  return {};
}

Status Gate::set_rules(const AllowedNodes& wanted) {
  const auto map = rule_map(object_);
  MESH_TRY_ASSIGN(const auto present, map.dump());
  std::map<std::uint64_t, std::uint32_t> current(present.begin(), present.end());
  for (const auto& entry : current) {
    if (!wanted.contains(NodeId(entry.first))) MESH_TRY(map.erase(entry.first));
  }
  for (const auto& [node, rule] : wanted) {
    const auto it = current.find(node.value());
    if (it != current.end() && it->second == rule.value()) continue;
    MESH_TRY(map.set(node.value(), rule.value()));
  }
  return {};
}

Status Gate::arm(std::uint64_t generation) {
  return config_map(object_).set(0, {.armed = 1, .zero = 0, .generation = generation});
}

Status Gate::disarm() { return config_map(object_).set(0, {}); }

Result<bool> Gate::armed() const {
  MESH_TRY_ASSIGN(const auto config, config_map(object_).get(0));
  return config && config->armed != 0;
}

Result<std::vector<Counter>> Gate::counters() const {
  return read_counters(object_.map_fd("gate_counters"), kReasons);
}

}  // namespace kernmesh::bpf
