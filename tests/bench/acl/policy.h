// SPDX-License-Identifier: Apache-2.0
// Policies of any number of rules for benchmarks (test support): rule i admits sender i to port i.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "controller/core/maplayout/acl_image.h"

namespace kernmesh::bench {

class ManyRules {
 public:
  // `shift` moves every rule's port, so that two of them have nothing in common.
  explicit ManyRules(std::uint32_t rules, std::uint16_t shift = 0);
  maplayout::AclInput input() const;
  std::vector<mesh_acl_line> image(std::uint32_t generation) const;

  static IpAddress sender(std::uint32_t rule);
  std::uint16_t port(std::uint32_t rule) const;

 private:
  std::uint16_t shift_;
  std::map<RuleId, policy::SliceRule> rules_;
  std::map<policy::SetId, policy::SourceSet> sets_;
  std::vector<IpAddress> addresses_;
  std::vector<IpAddress> own_;
};

}  // namespace kernmesh::bench
