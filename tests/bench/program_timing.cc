// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/program_timing.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace kernmesh::bench {
namespace {

double measure(ProgramCase& c) {
  std::uint64_t total = 0;
  std::uint8_t out[512];
  for (const std::uint32_t key : c.order) {
    const std::uint16_t halves[] = {static_cast<std::uint16_t>(key >> 16),
                                    static_cast<std::uint16_t>(key)};
    for (std::size_t i = 0; i < c.patch_at.size(); ++i) {
      const std::uint16_t half = halves[2 - c.patch_at.size() + i];
      c.frame[c.patch_at[i]] = static_cast<std::uint8_t>(half >> 8);
      c.frame[c.patch_at[i] + 1] = static_cast<std::uint8_t>(half);
    }
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = c.frame.data(), .data_out = out,
                .data_size_in = static_cast<__u32>(c.frame.size()), .data_size_out = sizeof(out));
    xdp_md context{};
    context.data_end = options.data_size_in;
    context.ingress_ifindex = c.interface;
    if (c.interface != 0) {
      options.ctx_in = &context;
      options.ctx_size_in = sizeof context;
    }
    if (bpf_prog_test_run_opts(c.program, &options) != 0) {
      std::perror(c.name.c_str());
      std::abort();
    }
    if (c.expected && options.retval != static_cast<__u32>(*c.expected)) {
      std::fprintf(stderr, "%s: the verdict was %d\n", c.name.c_str(),
                   static_cast<int>(options.retval));
      std::abort();
    }
    total += options.duration;
  }
  return static_cast<double>(total) / static_cast<double>(c.order.size());
}

}  // namespace

int do_nothing_program(bpf_prog_type type) {
  const bpf_insn code[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -1},
                           {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  return bpf_prog_load(type, "nothing", "GPL", code, 2, nullptr);
}

std::vector<std::uint32_t> random_order(const std::vector<std::uint32_t>& keys, int packets) {
  std::vector<std::uint32_t> order;
  std::mt19937 random(1);
  order.reserve(static_cast<std::size_t>(packets));
  for (int i = 0; i < packets; ++i) order.push_back(keys[random() % keys.size()]);
  return order;
}

void time_programs(std::vector<ProgramCase>& cases, int runs, const char* json_file) {
  for (int run = 0; run < runs; ++run) {
    for (auto& c : cases) c.ns.push_back(measure(c));
  }
  FILE* json = std::fopen(json_file, "w");
  if (json == nullptr) {
    std::perror(json_file);
    std::abort();
  }
  std::printf("%-34s %10s %10s %12s %12s\n", "ns/packet", "raw min", "raw median", "less nothing",
              "(median)");
  std::fprintf(json, "{\"runs\": %d, \"packets\": %zu, \"cases\": [", runs, cases[0].order.size());
  double base_min = 0, base_median = 0;
  for (auto& c : cases) {
    std::sort(c.ns.begin(), c.ns.end());
    const double low = c.ns.front(), median = c.ns[c.ns.size() / 2];
    if (&c == cases.data()) base_min = low, base_median = median;
    std::printf("%-34s %10.1f %10.1f %12.1f %12.1f\n", c.name.c_str(), low, median, low - base_min,
                median - base_median);
    std::fprintf(json,
                 "%s{\"name\": \"%s\", \"min_ns\": %.1f, \"median_ns\": %.1f, \"net_min_ns\": "
                 "%.1f, \"net_median_ns\": %.1f}",
                 &c == cases.data() ? "" : ", ", c.name.c_str(), low, median, low - base_min,
                 median - base_median);
  }
  std::fprintf(json, "]}\n");
  std::fclose(json);
}

}  // namespace kernmesh::bench
