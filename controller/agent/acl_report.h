// SPDX-License-Identifier: Apache-2.0
// What the policy in the kernel is and does, as the local API shows it (L3, pure): verdicts come
// from the very image that the programs read, words from the netmap.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "controller/bpf/acl.h"
#include "controller/core/netmap/netmap.h"
#include "mesh/v1/local.pb.h"

namespace kernmesh::agent {

// Borrows all of it.
struct AclFacts {
  const netmap::Netmap* map = nullptr;     // null: none, and so no words
  std::span<const mesh_acl_line> image{};  // the live one; empty: there is no policy
  bool stale = false;  // older than --max-policy-age: the programs drop everything
};

// The rules in the image, ascending by line; `counts` are by counter slot.
mesh::v1::AclShowResponse report_rules(const AclFacts& facts,
                                       std::span<const bpf::RuleCount> counts);

// Errors: kInvalid when the request is none, kNotFound when nobody has that name, kCorrupt when the
// image is not one of this build.
Result<mesh::v1::AclExplainResponse> explain(const AclFacts& facts,
                                             const mesh::v1::AclExplainRequest& request,
                                             std::span<const bpf::RuleCount> counts);

// How many slots report_rules() and explain() want the counts of.
std::uint32_t counter_slots(std::span<const mesh_acl_line> image);

std::uint32_t rule_count(std::span<const mesh_acl_line> image);

struct AclTraffic {
  std::span<const bpf::Counter> counters;
  std::span<const bpf::Flow> flows;
  std::uint32_t max_flows = 0;
};
mesh::v1::AclStatsResponse report_stats(const AclFacts& facts, const AclTraffic& traffic);

// Those used last first, with the rule that the live image has for what a peer has opened. `now_ns`
// is of CLOCK_MONOTONIC, as the flows' times are.
std::vector<mesh::v1::AclFlow> report_flows(const AclFacts& facts, std::span<const bpf::Flow> flows,
                                            std::uint64_t now_ns);

}  // namespace kernmesh::agent
