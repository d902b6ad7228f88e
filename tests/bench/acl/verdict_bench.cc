// SPDX-License-Identifier: Apache-2.0
// What a verdict costs by 10,000 rules, here and by the kernel's firewalls, on the same live frames
// of 10,000 random senders, interleaved: wall time of the one CPU that makes, receives and drops
// them, less the same without rules. Ours keeps state in both sets; the rivals run stateless
// and with conntrack. usage: acl-verdict-bench GENERATOR_FILE JSON_FILE [RUNS]
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "tests/bench/acl/contender.h"

namespace {

using namespace kernmesh::bench;

struct Row {
  double low = 0, median = 0, net_low = 0, net_median = 0;
};

void measure(std::vector<Contender>& contenders, int runs) {
  for (int run = -1; run < runs; ++run) {  // the first one warms up
    for (auto& c : contenders) {
      const double ns = c.lane->send(c.transport, c.packets);
      if (run >= 0) c.ns.push_back(ns);
    }
  }
  for (auto& c : contenders) {
    if (const auto missed = c.missed(); missed != 0) {
      std::fprintf(stderr, "%s: %lu packets met no rule\n", c.name.c_str(), missed);
      std::exit(1);
    }
    std::sort(c.ns.begin(), c.ns.end());
  }
}

void print(const char* title, std::vector<Contender>& contenders, FILE* json) {
  std::map<std::string, Row> rows;
  std::printf("%-32s %9s %9s %9s %9s\n", title, "raw min", "median", "net min", "net median");
  for (const auto& c : contenders) {
    Row row{c.ns.front(), c.ns[c.ns.size() / 2], 0, 0};
    if (const auto base = rows.find(c.baseline); base != rows.end()) {
      row.net_low = row.low - base->second.low;
      row.net_median = row.median - base->second.median;
    }
    rows[c.name] = row;
    std::printf("%-32s %9.1f %9.1f %9.1f %9.1f\n", c.name.c_str(), row.low, row.median, row.net_low,
                row.net_median);
    std::fprintf(json,
                 "{\"set\": \"%s\", \"name\": \"%s\", \"rules\": %u, \"min_ns\": %.1f, "
                 "\"median_ns\": %.1f, \"net_min_ns\": %.1f, \"net_median_ns\": %.1f}\n",
                 title, c.name.c_str(), c.rules, row.low, row.median, row.net_low, row.net_median);
  }
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  const int runs = argc > 3 ? std::atoi(argv[3]) : 12;
  // Pins that nobody finds afterwards.
  if (unshare(CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("bpf", "/sys/fs/bpf", "bpf", 0, nullptr) != 0) {
    std::perror("make a mount namespace");
    return 1;
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(1, &one);
  sched_setaffinity(0, sizeof(one), &one);
  FILE* json = std::fopen(argv[2], "w");
  if (json == nullptr) return 1;
  auto stateless = stateless_contenders(argv[1]);
  measure(stateless, runs);
  print("stateless, ns/packet", stateless, json);
  stateless.clear();
  auto stateful = stateful_contenders(argv[1]);
  measure(stateful, runs);
  print("stateful, ns/packet", stateful, json);
  std::fclose(json);
  return 0;
}
