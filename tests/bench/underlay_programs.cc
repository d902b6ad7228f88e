// SPDX-License-Identifier: Apache-2.0
// ns per packet of each underlay program, natively: every packet is of another random peer, one
// program run per packet (a second run would meet the rewritten one), the kernel's own clock around
// the program alone. One frame is patched for each packet, so that frames do not push the maps out
// of the caches. The same measurement of a program that does nothing is the baseline. usage:
// underlay-bench JSON_FILE
#include <linux/bpf.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <optional>
#include <random>

#include "tests/bpf/underlay_fixture.h"

namespace {

using namespace kernmesh;
using namespace kernmesh::bpf;
using namespace kernmesh::bpf::test;

constexpr int kRuns = 12, kPackets = 20000;

struct Case {
  std::string name;
  int program = -1;
  Bytes frame;
  std::size_t peer_at = 0;  // where the frame has the peer's number, 2 bytes
  std::vector<std::uint16_t> order;
  std::optional<std::int32_t> expected;
  std::vector<double> ns;  // mean of each run
};

int do_nothing() {
  const bpf_insn code[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -1},
                           {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "nothing", "GPL", code, 2, nullptr);
}

// Mean ns of kPackets runs.
double measure(Case& c) {
  std::uint64_t total = 0;
  std::uint8_t out[512];
  for (int i = 0; i < kPackets; ++i) {
    const std::uint16_t peer = c.order[static_cast<std::size_t>(i) % c.order.size()];
    c.frame[c.peer_at] = static_cast<std::uint8_t>(peer >> 8);
    c.frame[c.peer_at + 1] = static_cast<std::uint8_t>(peer);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = c.frame.data(), .data_out = out,
                .data_size_in = static_cast<__u32>(c.frame.size()), .data_size_out = sizeof(out));
    if (bpf_prog_test_run_opts(c.program, &options) != 0) {
      std::perror(c.name.c_str());
      std::abort();
    }
    if (c.expected && options.retval != static_cast<__u32>(*c.expected)) {
      std::fprintf(stderr, "%s: packet was not forwarded\n", c.name.c_str());
      std::abort();
    }
    total += options.duration;
  }
  return static_cast<double>(total) / kPackets;
}

Case make_case(const Underlay& u, bool outbound, bool v6, std::uint32_t peers) {
  Case c{.name = std::string(outbound ? "underlay_out" : "underlay_in") +
                 (v6 ? " IPv6 " : " IPv4 ") + std::to_string(peers),
         .program = u.program_fd(outbound ? "underlay_out" : "underlay_in"),
         .peer_at = outbound ? 32U
                    : v6     ? 36U
                             : 28U,
         .expected = kRedirect};
  Frame f{.src = v6 ? "fd00::2:0" : "10.2.0.0", .dst = v6 ? "fd00::1" : "10.0.0.1"};
  if (outbound) {
    f = {.src = "240.255.255.254",
         .dst = v6 ? "240.1.0.0" : "240.0.0.0",
         .sport = kWg,
         .dport = kSynth};
    f.checksum = Frame::Checksum::kPartial;
  }
  c.frame = f.bytes();
  std::vector<std::uint16_t> all(peers);
  std::iota(all.begin(), all.end(), std::uint16_t{1});
  std::mt19937 random(1);
  for (int i = 0; i < kPackets; ++i) c.order.push_back(all[random() % peers]);
  return c;
}

void fill(Underlay& u, std::uint32_t peers) {
  for (std::uint32_t i = 1; i <= peers; ++i) {
    char six[48];
    std::snprintf(six, sizeof(six), "[fd00::2:%x]:7000", i);
    const Endpoint four =
        endpoint("10.2." + std::to_string(i >> 8) + "." + std::to_string(i & 255) + ":7000");
    const bool ok =
        u.set_source({.endpoint = four, .channel = 0}, synthetic_peer(i)) &&
        u.set_source({.endpoint = endpoint(six), .channel = 0}, synthetic_peer(i)) &&
        u.set_path(synthetic_peer(i), {.primary = {.interface = IfIndex(1),
                                                   .source = ip("10.0.0.1"),
                                                   .destination = four,
                                                   .mtu_bytes = 1500}}) &&
        u.set_path(synthetic_peer(0x10000 + i), {.primary = {.interface = IfIndex(1),
                                                             .source = ip("fd00::1"),
                                                             .destination = endpoint(six),
                                                             .mtu_bytes = 1500}});
    if (!ok) {
      std::perror("fill the maps");
      std::abort();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  enter_namespaces();
  auto opened = Underlay::open({.instance = "bench", .max_peers = 32768});
  if (!opened || argc < 2) return 1;
  Underlay& u = *opened;
  if (!u.set_config({.meshu = IfIndex(if_nametoindex("meshu0")),
                     .public_port = Port(kPublic),
                     .synth_port = Port(kSynth),
                     .wg_port = Port(kWg)}))
    return 1;
  if (!u.set_locals({ip("10.0.0.1"), ip("fd00::1")})) return 1;
  fill(u, 10000);
  std::vector<Case> cases{make_case(u, false, false, 10000)};
  cases[0].name = "do nothing";
  cases[0].program = do_nothing();
  cases[0].expected = -1;
  for (const bool outbound : {true, false}) {
    for (const bool v6 : {false, true}) {
      for (const std::uint32_t peers : {10U, 10000U})
        cases.push_back(make_case(u, outbound, v6, peers));
    }
  }
  for (int run = 0; run < kRuns; ++run) {
    for (Case& c : cases) c.ns.push_back(measure(c));
  }
  FILE* json = std::fopen(argv[1], "w");
  if (json == nullptr) return 1;
  std::printf("%-26s %10s %10s %12s %12s\n", "ns/packet, peers", "raw min", "raw median",
              "less nothing", "(median)");
  std::fprintf(json, "{\"runs\": %d, \"packets\": %d, \"cases\": [", kRuns, kPackets);
  double base_min = 0, base_median = 0;
  for (Case& c : cases) {
    std::sort(c.ns.begin(), c.ns.end());
    const double low = c.ns.front(), median = c.ns[c.ns.size() / 2];
    if (&c == cases.data()) base_min = low, base_median = median;
    std::printf("%-26s %10.1f %10.1f %12.1f %12.1f\n", c.name.c_str(), low, median, low - base_min,
                median - base_median);
    std::fprintf(json,
                 "%s{\"name\": \"%s\", \"min_ns\": %.1f, \"median_ns\": %.1f, \"net_min_ns\": "
                 "%.1f, \"net_median_ns\": %.1f}",
                 &c == cases.data() ? "" : ", ", c.name.c_str(), low, median, low - base_min,
                 median - base_median);
  }
  std::fprintf(json, "]}\n");
  std::fclose(json);
  return u.remove() ? 0 : 1;
}
