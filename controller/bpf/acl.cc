// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/acl.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <array>

#include "bpf/abi/acl_reasons.h"
#include "bpf/acl.skel.h"
#include "controller/bpf/map.h"
#include "controller/bpf/predecessor.h"

namespace kernmesh::bpf {
namespace {

constexpr std::array<Reason, MESH_ACL_REASON_COUNT> kAclReasons = {{
#define MESH_REASON_ROW(name, label, meaning) {label, meaning},
    MESH_ACL_REASONS(MESH_REASON_ROW)
#undef MESH_REASON_ROW
}};

const char* program_name(Hook hook) { return hook == Hook::kIngress ? "acl_in" : "acl_out"; }

Map<std::uint32_t, mesh_acl_config> acl_config(const Object& o) {
  return {o.map_fd("acl_config"), "acl_config"};
}

Status append_flows(const Object& object, const char* name, Opener opener, std::vector<Flow>& to) {
  const Map<mesh_flow_key, mesh_flow> map{object.map_fd(name), name};
  MESH_TRY_ASSIGN(const auto entries, map.dump());
  for (const auto& [key, state] : entries) to.push_back({opener, key, state});
  return {};
}

// The slots that each CPU has in the counters of an earlier agent, or of the map that is made.
Result<std::uint32_t> size_counters(Object& object, std::uint32_t wanted) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return Error::from_errno("count CPUs", -cpus);
  const auto count = static_cast<std::uint32_t>(cpus);
  MESH_TRY(object.set_max_entries("rule_counters", wanted * count));
  MESH_TRY_ASSIGN(const std::uint32_t entries, object.max_entries("rule_counters"));
  return entries / count;
}

}  // namespace

Reason acl_reason(std::uint32_t reason) {
  return reason < kAclReasons.size() ? kAclReasons[reason] : Reason{"unknown", "unknown"};
}

Result<Acl> Acl::open(const AclOptions& options) {
  MESH_TRY_ASSIGN(PinFolder pins, PinFolder::open(options.instance));
  std::size_t size = 0;
  const void* bytes = acl_bpf__elf_bytes(&size);
  MESH_TRY_ASSIGN(Object object, Object::open("acl", {static_cast<const char*>(bytes), size}));
  MESH_TRY(object.set_max_entries("flows", options.max_flows));
  MESH_TRY(object.set_max_entries("served", options.max_flows));
  const std::uint64_t owner = owner_of(options.instance);
  MESH_TRY_ASSIGN(auto succession,
                  Succession::begin(object, pins, find_acl_predecessors(owner, options.mesh)));
  MESH_TRY_ASSIGN(const std::uint32_t counted, size_counters(object, options.max_counted_rules));
  const mesh_acl_constants constants{static_cast<std::uint32_t>(options.link_header), counted};
  MESH_TRY(object.set_constants({reinterpret_cast<const char*>(&constants), sizeof(constants)}));
  MESH_TRY(object.load());
  MESH_TRY(object.pin(pins));
  MESH_TRY(succession.fill(object));
  Acl acl(std::move(object), std::move(pins), std::move(succession));
  acl.owner_ = owner;
  acl.counted_rules_ = counted;
  MESH_TRY_ASSIGN(acl.max_flows_, acl.object_.max_entries("flows"));
  MESH_TRY(acl.claim());
  MESH_TRY(acl.find_policy());
  return acl;
}

// So that a later agent knows whose the programs are, and how to read their maps.
Status Acl::claim() {
  const auto map = acl_config(object_);
  MESH_TRY_ASSIGN(auto value, map.get(0));
  if (!value || value->owner != 0) return {};
  value->owner = owner_;
  value->abi = MESH_ABI_VERSION;
  return map.set(0, *value);
}

Status Acl::find_policy() {
  if (succession_.from() != nullptr) return carry_policy(*succession_.from());
  const Map<std::uint32_t, std::uint32_t> slot{object_.map_fd("acl_image"), "acl_image"};
  MESH_TRY_ASSIGN(const auto in_force, slot.get(0));  // user space reads the inner map's id
  if (in_force) {
    MESH_TRY_ASSIGN(live_, AclImageMap::open(*in_force));
  }
  return {};
}

Status Acl::carry_policy(const Layout& from) {
  const int old = succession_.old_map("acl_image");
  if (old < 0 || from.read_image == nullptr) return {};
  const Map<std::uint32_t, std::uint32_t> slot{old, "acl_image"};
  MESH_TRY_ASSIGN(const auto in_force, slot.get(0));
  if (!in_force) return {};
  MESH_TRY_ASSIGN(const AclImageMap image, AclImageMap::open(*in_force));
  std::vector<mesh_acl_line> lines(image.lines().begin(), image.lines().end());
  return from.read_image(lines) ? switch_to(lines) : Status();
}

Result<OwnProgram> Acl::own_program(Hook hook) const {
  const int fd = object_.program_fd(program_name(hook));
  MESH_TRY_ASSIGN(ProgramInfo info, program_info(fd));
  return OwnProgram{fd, std::move(info), object_.map_ids(), [owner = owner_](const ProgramInfo& p) {
                      const auto claimed = ownership(p);
                      return claimed && claimed->owner == owner;
                    }};
}

Status Acl::attach(IfIndex mesh) {
  for (const Hook hook : {Hook::kIngress, Hook::kEgress}) {
    if (settled_.is_settled(mesh, hook)) continue;
    MESH_TRY_ASSIGN(const OwnProgram own, own_program(hook));
    if (succession_.is_of_other_version() && live_.lines().empty()) {
      MESH_TRY_ASSIGN(const AttachmentState state, query_attachment(mesh, hook, own));
      if (state.attached && !state.current) continue;
    }
    MESH_TRY(attach_program(mesh, hook, own));
    MESH_TRY(succession_.catch_up(object_));
    settled_.settle(mesh, hook, own);
  }
  if (!live_.lines().empty()) succession_.finish();
  return {};
}

Status Acl::detach(IfIndex mesh) {
  for (const Hook hook : {Hook::kIngress, Hook::kEgress}) {
    MESH_TRY_ASSIGN(const OwnProgram own, own_program(hook));
    MESH_TRY(detach_program(mesh, hook, own));
  }
  return {};
}

Result<std::pair<AttachmentState, AttachmentState>> Acl::query(IfIndex mesh) const {
  MESH_TRY_ASSIGN(const OwnProgram in, own_program(Hook::kIngress));
  MESH_TRY_ASSIGN(const OwnProgram out, own_program(Hook::kEgress));
  MESH_TRY_ASSIGN(AttachmentState ingress, query_attachment(mesh, Hook::kIngress, in));
  MESH_TRY_ASSIGN(AttachmentState egress, query_attachment(mesh, Hook::kEgress, out));
  return std::pair(std::move(ingress), std::move(egress));
}

Status Acl::remove() {
  for (const IfIndex interface : interfaces()) MESH_TRY(detach(interface));
  return pins_.remove();
}

Status Acl::switch_to(std::span<const mesh_acl_line> image) {
  MESH_TRY_ASSIGN(AclImageMap next, AclImageMap::create(image));
  const Map<std::uint32_t, int> slot{object_.map_fd("acl_image"), "acl_image"};
  MESH_TRY(slot.set(0, next.fd()));
  live_ = std::move(next);
  return {};
}

Status Acl::disarm() {
  const Map<std::uint32_t, int> slot{object_.map_fd("acl_image"), "acl_image"};
  MESH_TRY(slot.erase(0));
  live_ = AclImageMap();
  return {};
}

Status Acl::set(const AclSettings& settings) {
  std::uint32_t flags = 0;
  if (settings.quiet) flags |= MESH_ACL_QUIET;
  if (settings.follow_flows) flags |= MESH_ACL_FOLLOW_FLOWS;
  const auto deny_after =
      std::chrono::duration_cast<std::chrono::nanoseconds>(settings.deny_after.time_since_epoch());
  return acl_config(object_).set(0, {.owner = owner_,
                                     .abi = MESH_ABI_VERSION,
                                     .flags = flags,
                                     .deny_after_ns = static_cast<__u64>(deny_after.count())});
}

Result<std::vector<Counter>> Acl::counters() const {
  return read_counters(object_.map_fd("acl_counters"), kAclReasons);
}

Result<RuleCount> Acl::rule_count(std::uint32_t slot) const {
  RuleCount sum;
  if (slot >= counted_rules_) return sum;
  const Map<std::uint32_t, mesh_acl_count> map{object_.map_fd("rule_counters"), "rule_counters"};
  const int cpus = libbpf_num_possible_cpus();
  for (int cpu = 0; cpu < cpus; ++cpu) {
    MESH_TRY_ASSIGN(const auto count,
                    map.get(static_cast<std::uint32_t>(cpu) * counted_rules_ + slot));
    if (!count) continue;
    sum.packets += count->packets;
    sum.bytes += count->bytes;
  }
  return sum;
}

Result<std::vector<RuleCount>> Acl::rule_counts(std::uint32_t slots) const {
  std::vector<RuleCount> counts(std::min(slots, counted_rules_));
  for (std::uint32_t slot = 0; slot < counts.size(); ++slot) {
    MESH_TRY_ASSIGN(counts[slot], rule_count(slot));
  }
  return counts;
}

Status Acl::clear_count(std::uint32_t slot) {
  if (slot >= counted_rules_) return {};
  const Map<std::uint32_t, mesh_acl_count> map{object_.map_fd("rule_counters"), "rule_counters"};
  const int cpus = libbpf_num_possible_cpus();
  for (int cpu = 0; cpu < cpus; ++cpu)
    MESH_TRY(map.set(static_cast<std::uint32_t>(cpu) * counted_rules_ + slot, {}));
  return {};
}

Result<std::vector<Flow>> Acl::flows() const {
  std::vector<Flow> all;
  MESH_TRY(append_flows(object_, "flows", Opener::kThisNode, all));
  MESH_TRY(append_flows(object_, "served", Opener::kPeer, all));
  return all;
}

Result<FlowCounts> Acl::count_flows() const {
  using Table = Map<mesh_flow_key, mesh_flow>;
  FlowCounts counts;
  MESH_TRY_ASSIGN(counts.opened, Table(object_.map_fd("flows"), "flows").count());
  MESH_TRY_ASSIGN(counts.served, Table(object_.map_fd("served"), "served").count());
  return counts;
}

}  // namespace kernmesh::bpf
