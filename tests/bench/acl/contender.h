// SPDX-License-Identifier: Apache-2.0
// Ways to decide on the same packets by the same rules (test support): ours, and firewalls of the
// kernel in their forms. Each admits a packet by the rule of its sender and port, and drops it
// right after, so that nothing but the decision differs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/acl/generator.h"

namespace kernmesh::bench {

struct Contender {
  std::string name;
  std::string baseline;  // the contender that does the same without rules
  Transport transport = Transport::kTcp;
  std::uint32_t rules = 0;
  std::uint32_t packets = 1'000'000;  // a run; fewer for the slow ones
  std::unique_ptr<Lane> lane;
  // Packets that no rule matched since the start; what it measured is worth nothing unless 0.
  std::function<std::uint64_t()> missed = [] { return std::uint64_t{0}; };
  std::vector<double> ns;
};

// Rule i admits sender i to port i. Ascending addresses, ports from 1024 on.
std::vector<Sender> senders_of(std::uint32_t rules);

std::vector<Contender> stateless_contenders(const std::string& generator_file);
// With flows that every contender knows already: conntrack entries, and ours.
std::vector<Contender> stateful_contenders(const std::string& generator_file);

}  // namespace kernmesh::bench
