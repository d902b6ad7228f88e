// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/access_control.h"

#include <sodium.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "controller/bpf/convert.h"
#include "controller/core/maplayout/address_table.h"
#include "controller/core/maplayout/image_view.h"
#include "controller/core/maplayout/peer_change.h"
#include "controller/core/reconcile/policy_input.h"

namespace kernmesh::agent {
namespace {

using maplayout::ImageView;
using maplayout::kExtentLine;
using maplayout::kHeaderLine;

std::string text_of(MapVersion version) {
  return std::to_string(version.epoch.value()) + "." + std::to_string(version.revision.value());
}

// What two fillings of the same policy differ in.
void level(mesh_acl_line& header, mesh_acl_line& extent) {
  mesh_acl_header h;
  std::memcpy(&h, &header, sizeof(h));
  h.generation = 0;
  std::memcpy(&header, &h, sizeof(h));
  mesh_acl_extent e;
  std::memcpy(&e, &extent, sizeof(e));
  e.revision = 0;
  e.epoch = 0;
  std::memcpy(&extent, &e, sizeof(e));
}

std::vector<IpAddress> addresses_of(const netmap::Netmap& map, std::span<const NodeId> peers) {
  std::vector<IpAddress> addresses;
  for (const NodeId id : peers) {
    const auto peer = map.peers.find(id);
    if (peer == map.peers.end()) continue;
    const auto& own = peer->second.addresses;
    addresses.insert(addresses.end(), own.begin(), own.end());
  }
  return addresses;
}

}  // namespace

Result<AccessControl> AccessControl::open(const Instance& instance, IfIndex mesh) {
  MESH_TRY_ASSIGN(auto programs, bpf::Acl::open({.instance = instance.id,
                                                 .mesh = mesh,
                                                 .max_flows = instance.access.max_flows}));
  MESH_TRY(programs.attach(mesh));
  MESH_TRY(programs.set({.quiet = instance.access.quiet, .deny_after = instance.deny_after}));
  Result<maplayout::RuleSlots> slots = maplayout::RuleSlots();
  // None is in force before the first policy.
  if (!programs.live().empty()) slots = maplayout::RuleSlots::restored(programs.live());
  if (!slots) {
    spdlog::warn("counters of rules start anew: {}", slots.error().message());
    slots = maplayout::RuleSlots();
  }
  const auto header = ImageView(programs.live()).at<mesh_acl_header>(kHeaderLine, 0);
  const std::uint32_t seed = header ? header->seed : randombytes_random();
  return AccessControl(std::move(programs), std::move(*slots), mesh, seed);
}

std::uint32_t AccessControl::generation() const {
  const auto header = ImageView(programs_.live()).at<mesh_acl_header>(kHeaderLine, 0);
  return header ? header->generation : 0;
}

bool AccessControl::is_in_force(const std::vector<mesh_acl_line>& lines) const {
  const auto live = programs_.live();
  if (live.size() != lines.size() || lines.size() <= kExtentLine) return false;
  mesh_acl_line mine[] = {lines[kHeaderLine], lines[kExtentLine]};
  mesh_acl_line theirs[] = {live[kHeaderLine], live[kExtentLine]};
  level(mine[0], mine[1]);
  level(theirs[0], theirs[1]);
  if (std::memcmp(mine, theirs, sizeof(mine)) != 0 ||
      std::memcmp(&lines[1], &live[1], sizeof(mesh_acl_line)) != 0) {
    return false;
  }
  return std::memcmp(&lines[kExtentLine + 1], &live[kExtentLine + 1],
                     (lines.size() - kExtentLine - 1) * sizeof(mesh_acl_line)) == 0;
}

Status AccessControl::clear_counts_of_new_rules(const std::vector<mesh_acl_line>& lines) {
  const ImageView before(programs_.live()), after(lines);
  const auto old = before.at<mesh_acl_extent>(kExtentLine, 0);
  const auto fresh = after.at<mesh_acl_extent>(kExtentLine, 0);
  for (std::uint32_t slot = 1; fresh && slot < fresh->rule_count; ++slot) {
    const auto rule = after.at<mesh_acl_rule>(fresh->rules, slot);
    const auto was =
        old && slot < old->rule_count ? before.at<mesh_acl_rule>(old->rules, slot) : std::nullopt;
    if (!rule || rule->id == 0 || (was && was->id == rule->id)) continue;
    MESH_TRY(programs_.clear_count(slot));
  }
  return {};
}

void AccessControl::retire(const maplayout::AclInput& input) {
  std::set<IpAddress> wanted;
  for (const auto& peer : input.peers) wanted.insert(peer.addresses.begin(), peer.addresses.end());
  for (const auto& known : maplayout::addresses_in(programs_.live())) {
    if (!wanted.contains(bpf::from_abi(known.address)))
      maplayout::remove_address(programs_.live(), known.address);
  }
}

std::string AccessControl::what_stays() const {
  return programs_.live().empty() ? "; there was none before, so nothing passes"
                                  : "; the one before stays in force";
}

Status AccessControl::apply(const netmap::Netmap& map, WallTime now) {
  const auto input = reconcile::policy_input(map, now);
  auto compiled = maplayout::compile_acl(
      input, slots_, {.generation = generation() + 1, .seed = seed_, .version = map.version});
  if (!compiled) {
    retire(input);
    return compiled.error().with_context("compiling the policy of netmap " + text_of(map.version) +
                                         what_stays());
  }
  if (!is_in_force(compiled->lines)) {
    Status switched = clear_counts_of_new_rules(compiled->lines);
    if (switched) switched = programs_.switch_to(compiled->lines);
    // Programs of another layout version have waited for it.
    if (switched) switched = programs_.attach(mesh_);
    if (!switched) {
      retire(input);
      return switched.error().with_context("putting the policy of netmap " + text_of(map.version) +
                                           " into the kernel" + what_stays());
    }
  }
  image_ = std::move(*compiled);
  return {};
}

Status AccessControl::apply_step(const netmap::Netmap& before, const netmap::Netmap& map,
                                 std::span<const NodeId> touched, WallTime now) {
  if (touched.empty()) return {};
  if (image_ && touched.size() <= maplayout::kMostTouched) {
    const auto input = reconcile::policy_input(map, touched, now);
    const auto held = addresses_of(before, touched);
    const auto change = maplayout::change_peers(*image_, programs_.live(), input, {touched, held});
    if (change == maplayout::PeerChange::kApplied) return {};
  }
  return apply(map, now);
}

}  // namespace kernmesh::agent
