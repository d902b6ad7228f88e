// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/acl/policy.h"

#include <cstdio>
#include <cstdlib>

namespace kernmesh::bench {

IpAddress ManyRules::sender(std::uint32_t rule) {
  return IpAddress::from_v4_number(0x64410000 + rule);  // 100.65.0.0 and on
}

std::uint16_t ManyRules::port(std::uint32_t rule) const {
  return static_cast<std::uint16_t>(1024 + (rule + shift_) % 60'000);
}

ManyRules::ManyRules(std::uint32_t rules, std::uint16_t shift)
    : shift_(shift), own_{IpAddress::from_v4_number(0x64400001)} {
  addresses_.reserve(rules);
  for (std::uint32_t i = 0; i < rules; ++i) {
    addresses_.push_back(sender(i));
    policy::SliceRule rule;
    rule.id = RuleId(i + 1);
    rule.line = i + 1;
    rule.sources = {policy::SetId(i + 1)};
    rule.targets.push_back(
        {.kind = policy::TargetKind::kOwnAddresses,
         .prefixes = {},
         .services = {{{policy::kProtocolTcp, policy::kProtocolUdp}, {{port(i), port(i)}}}}});
    rules_.emplace_hint(rules_.end(), rule.id, rule);
    sets_.emplace_hint(sets_.end(), policy::SetId(i + 1),
                       policy::SourceSet{policy::SetId(i + 1), {NodeId(i + 2)}, {}});
  }
}

maplayout::AclInput ManyRules::input() const {
  maplayout::AclInput input{.rules = rules_, .sets = sets_, .peers = {}, .own = own_, .served = {}};
  for (std::uint32_t i = 0; i < addresses_.size(); ++i)
    input.peers.push_back({NodeId(i + 2), std::span(&addresses_[i], 1), {}});
  return input;
}

std::vector<mesh_acl_line> ManyRules::image(std::uint32_t generation) const {
  maplayout::RuleSlots slots;
  auto image =
      maplayout::compile_acl(input(), slots, {.generation = generation, .seed = 1, .version = {}});
  if (!image) {
    std::fprintf(stderr, "%s\n", image.error().message().c_str());
    std::abort();
  }
  return std::move(image->lines);
}

}  // namespace kernmesh::bench
