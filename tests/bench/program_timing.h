// SPDX-License-Identifier: Apache-2.0
// ns per packet of a program, natively: every packet has other keys, one program run per packet (a
// second run would meet the rewritten one), the kernel's own clock around the program alone. One
// frame is patched for each packet, so that frames do not push the maps out of the caches.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/bpf/frame.h"

namespace kernmesh::bench {

struct ProgramCase {
  std::string name;
  int program = -1;
  bpf::test::Bytes frame;
  // Where the frame differs from packet to packet: each key's first two bytes go to the first
  // place, the next two to the second.
  std::vector<std::size_t> patch_at;
  std::vector<std::uint32_t> order;  // keys; the upper 16 bits go first
  std::optional<std::int32_t> expected;
  std::uint32_t interface = 0;  // at which an XDP program's packets arrive; 0: it is none
  std::vector<double> ns = {};  // mean of each run
};

// A program that returns at once, as the baseline.
int do_nothing_program(bpf_prog_type type = BPF_PROG_TYPE_SCHED_CLS);
// `packets` random choices out of `keys`.
std::vector<std::uint32_t> random_order(const std::vector<std::uint32_t>& keys, int packets);
// Runs all of them interleaved, the first of which is the baseline; prints a table and writes JSON.
// Ends the program when a packet does not get the expected verdict.
void time_programs(std::vector<ProgramCase>& cases, int runs, const char* json_file);

}  // namespace kernmesh::bench
