// SPDX-License-Identifier: Apache-2.0
// ns per packet of the access control programs, every packet of another random rule: judged by the
// policy, an answer on a flow that this node opened, and what leaves. usage: acl-program-bench
// JSON_FILE
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "controller/bpf/acl.h"
#include "tests/bench/acl/policy.h"
#include "tests/bench/program_timing.h"

namespace {

using namespace kernmesh;
using namespace kernmesh::bench;
using bpf::test::Bytes;

constexpr int kRuns = 12, kPackets = 20000;
constexpr std::size_t kIp = 14, kL4 = kIp + 20;
enum class Way { kIn, kOut };

// TCP with an ACK, between a sender of the policy and this node.
Bytes segment(Way way) {
  bpf::test::Frame frame{.src = "100.65.0.0", .dst = "100.64.0.1", .sport = 40000, .dport = 40000};
  if (way == Way::kOut) std::swap(frame.src, frame.dst);
  frame.protocol = IPPROTO_TCP;
  frame.payload = Bytes(18, 0);
  auto bytes = frame.bytes();
  bytes[kL4 + 12] = 0x50;
  bytes[kL4 + 13] = 0x10;
  return bytes;
}

// Keys: the lower half of the sender's address, and its port.
std::vector<std::uint32_t> keys_of(const ManyRules& rules, std::uint32_t count) {
  std::vector<std::uint32_t> keys;
  for (std::uint32_t i = 0; i < count; ++i)
    keys.push_back((ManyRules::sender(i).to_v4_number() & 0xffff) << 16 | rules.port(i));
  return keys;
}

ProgramCase make(const std::string& name, const bpf::Acl& acl, Way way,
                 const std::vector<std::uint32_t>& keys) {
  ProgramCase c{.name = name,
                .program = acl.program_fd(way == Way::kIn ? "acl_in" : "acl_out"),
                .frame = segment(way),
                .patch_at = {},
                .order = random_order(keys, kPackets),
                .expected = -1};
  // In: the sender's address and the local port. Out: the other's address, and the local port.
  c.patch_at = way == Way::kIn ? std::vector<std::size_t>{kIp + 14, kL4 + 2}
                               : std::vector<std::size_t>{kIp + 18, kL4};
  return c;
}

std::shared_ptr<bpf::Acl> open_acl(const std::string& instance, std::uint32_t rules) {
  auto acl = bpf::Acl::open({.instance = instance,
                             .mesh = IfIndex(0),

                             .link_header = bpf::LinkHeader::kEthernet});
  if (!acl || !acl->switch_to(ManyRules(rules).image(1))) {
    std::fprintf(stderr, "%s\n", acl ? "switch" : acl.error().message().c_str());
    std::exit(1);
  }
  return std::make_shared<bpf::Acl>(std::move(*acl));  // shared with nobody, movable into a vector
}

// Flows that this node opens, by the SYNs that do so.
void open_flows(const bpf::Acl& acl, const std::vector<std::uint32_t>& keys) {
  ProgramCase syn = make("", acl, Way::kOut, keys);
  syn.frame[kL4 + 13] = 0x02;
  for (const std::uint32_t key : keys) {
    syn.frame[kIp + 18] = static_cast<std::uint8_t>(key >> 24);
    syn.frame[kIp + 19] = static_cast<std::uint8_t>(key >> 16);
    // A port of this node's own that no rule opens.
    syn.frame[kL4] = static_cast<std::uint8_t>(key >> 8);
    syn.frame[kL4 + 1] = static_cast<std::uint8_t>(key);
    if (bpf::test::run(syn.program, syn.frame).verdict != -1) std::abort();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("bpf", "/sys/fs/bpf", "bpf", 0, nullptr) != 0 || system("ip link set lo up") != 0) {
    std::perror("make namespaces");
    return 1;
  }
  std::vector<std::shared_ptr<bpf::Acl>> open;  // shared_ptr: their maps live as long as the cases
  std::vector<ProgramCase> cases;
  for (const std::uint32_t rules : {10U, 10'000U, 60'000U}) {
    const auto keys = keys_of(ManyRules(rules), rules);
    const std::string text = std::to_string(rules) + " rules";
    open.push_back(open_acl("judged" + std::to_string(rules), rules));
    cases.push_back(make("in, by a rule of " + text, *open.back(), Way::kIn, keys));
    cases.push_back(make("out, answers, " + text, *open.back(), Way::kOut, keys));
    if (rules > 10'000) continue;
    auto others = keys;  // other ports: no rule, only flows
    for (auto& key : others) key ^= 0x8000;
    open.push_back(open_acl("flows" + std::to_string(rules), rules));
    open_flows(*open.back(), others);
    const std::string flows = std::to_string(rules) + " flows";
    cases.push_back(make("in, answers, " + flows, *open.back(), Way::kIn, others));
    cases.push_back(make("out, on " + flows, *open.back(), Way::kOut, others));
  }
  ProgramCase nothing = cases[0];
  nothing.name = "do nothing";
  nothing.program = do_nothing_program();
  cases.insert(cases.begin(), nothing);
  time_programs(cases, kRuns, argv[1]);
  return 0;
}
