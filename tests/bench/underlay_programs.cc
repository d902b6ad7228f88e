// SPDX-License-Identifier: Apache-2.0
// ns per packet of each underlay program, every packet of another random peer. The same measurement
// of a program that does nothing is the baseline. usage: underlay-bench JSON_FILE
#include <cstdio>
#include <numeric>

#include "tests/bench/program_timing.h"
#include "tests/bpf/underlay_fixture.h"

namespace {

using namespace kernmesh;
using namespace kernmesh::bench;
using namespace kernmesh::bpf;
using namespace kernmesh::bpf::test;

constexpr int kRuns = 12, kPackets = 20000;

ProgramCase make_case(const Underlay& u, bool outbound, bool v6, std::uint32_t peers) {
  ProgramCase c{.name = std::string(outbound ? "underlay_out" : "underlay_in") +
                        (v6 ? " IPv6 " : " IPv4 ") + std::to_string(peers),
                .program = u.program_fd(outbound ? "underlay_out" : "underlay_in"),
                .frame = {},
                .patch_at = {outbound ? 32U
                             : v6     ? 36U
                                      : 28U},
                .order = {},
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
  std::vector<std::uint32_t> all(peers);
  std::iota(all.begin(), all.end(), 1U);
  c.order = random_order(all, kPackets);
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
  std::vector<ProgramCase> cases{make_case(u, false, false, 10000)};
  cases[0].name = "do nothing";
  cases[0].program = do_nothing_program();
  cases[0].expected = -1;
  for (const bool outbound : {true, false}) {
    for (const bool v6 : {false, true}) {
      for (const std::uint32_t peers : {10U, 10000U})
        cases.push_back(make_case(u, outbound, v6, peers));
    }
  }
  time_programs(cases, kRuns, argv[1]);
  return u.remove() ? 0 : 1;
}
