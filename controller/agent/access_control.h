// SPDX-License-Identifier: Apache-2.0
// The policy in the kernel (L3): compiles a netmap's rules into an image and makes it the one that
// the programs judge by, or changes the live one where that is enough. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controller/agent/instance.h"
#include "controller/bpf/acl.h"
#include "controller/core/maplayout/acl_image.h"
#include "controller/core/netmap/netmap.h"

namespace kernmesh::agent {

class AccessControl {
 public:
  // Loads or takes over the programs and attaches them; what was in force stays so, and without a
  // policy nothing passes.
  static Result<AccessControl> open(const Instance& instance, IfIndex mesh);

  // Makes the map's policy the one in force, unless it is already. An error leaves the one before,
  // without the addresses that are no peer's of this map any more. kExhausted and kInvalid come
  // again with the same map.
  Status apply(const netmap::Netmap& map, WallTime now);
  // The same when the map differs from the one in force, `before`, only in those nodes (ascending),
  // their addresses and memberships.
  Status apply_step(const netmap::Netmap& before, const netmap::Netmap& map,
                    std::span<const NodeId> touched, WallTime now);

  // Attaches again what was taken away.
  Status keep_attached() { return programs_.attach(mesh_); }

  bpf::Acl& programs() { return programs_; }
  const bpf::Acl& programs() const { return programs_; }

 private:
  AccessControl(bpf::Acl programs, maplayout::RuleSlots slots, IfIndex mesh, std::uint32_t seed)
      : programs_(std::move(programs)), slots_(std::move(slots)), mesh_(mesh), seed_(seed) {}
  std::uint32_t generation() const;
  bool is_in_force(const std::vector<mesh_acl_line>& lines) const;
  Status clear_counts_of_new_rules(const std::vector<mesh_acl_line>& lines);
  void retire(const maplayout::AclInput& input);
  std::string what_stays() const;

  bpf::Acl programs_;
  maplayout::RuleSlots slots_;
  IfIndex mesh_;
  std::uint32_t seed_;
  std::optional<maplayout::AclImage> image_;  // of what is live; nullopt: made by another process
};

}  // namespace kernmesh::agent
