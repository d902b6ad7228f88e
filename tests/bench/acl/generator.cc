// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/acl/generator.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "controller/bpf/attachment.h"
#include "tests/bpf/frame.h"

namespace kernmesh::bench {
namespace {

[[noreturn]] void give_up(const std::string& what) {
  std::perror(what.c_str());
  std::abort();
}

// Of mesh0: a packet to another address is nobody's business above the link.
constexpr std::uint8_t kReceiver[] = {2, 0, 0, 0, 0, 1};

bpf::test::Bytes frame_of(Transport transport) {
  bpf::test::Frame frame{.src = "100.64.0.2", .dst = "100.64.0.1", .sport = 40000, .dport = 80};
  frame.protocol = static_cast<std::uint8_t>(transport);
  frame.payload = bpf::test::Bytes(18, 0);
  frame.checksum = bpf::test::Frame::Checksum::kNone;  // the senders differ in address and port
  auto bytes = frame.bytes();
  std::copy(std::begin(kReceiver), std::end(kReceiver), bytes.begin());
  if (transport == Transport::kTcp) {
    constexpr std::size_t kTcpOffsetAndFlags = 14 + 20 + 12;
    bytes[kTcpOffsetAndFlags] = 0x50;      // 20 bytes of header
    bytes[kTcpOffsetAndFlags + 1] = 0x10;  // ACK
  }
  return bytes;
}

struct Counters {
  std::uint32_t next = 0, sender_count = 0, out_ifindex = 0;
};

}  // namespace

void Lane::Close::operator()(bpf_object* object) const { bpf_object__close(object); }

Lane::Lane(const std::string& generator_file) {
  if (unshare(CLONE_NEWNET) != 0) give_up("make a network namespace");
  netns_ = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  // GRO makes the receiving end poll, without which it takes no redirected frames.
  shell(
      "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; ip link "
      "set lo up; ip link add sender0 type veth peer name mesh0 address 02:00:00:00:00:01; "
      "ethtool -K mesh0 gro on > /dev/null; ethtool -K sender0 gro on > /dev/null; "
      "ip address add 100.64.0.1/10 dev mesh0; sysctl -qw net.ipv4.conf.all.rp_filter=0 "
      "net.ipv4.conf.mesh0.rp_filter=0; ip link set sender0 up; ip link set mesh0 up");
  object_.reset(bpf_object__open_file(generator_file.c_str(), nullptr));
  if (!object_ || bpf_object__load(object_.get()) != 0) give_up("load " + generator_file);
}

Lane::~Lane() { close(netns_); }

void Lane::enter() const {
  if (setns(netns_, CLONE_NEWNET) != 0) give_up("enter the namespace");
}

void Lane::shell(const std::string& command) const {
  enter();
  if (system(command.c_str()) != 0) give_up(command);
}

void Lane::set_senders(const std::vector<Sender>& senders) const {
  const int map = bpf_object__find_map_fd_by_name(object_.get(), "senders");
  std::vector<Sender> shuffled(senders);
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(1));
  for (std::uint32_t i = 0; i < shuffled.size(); ++i) {
    if (bpf_map_update_elem(map, &i, &shuffled[i], BPF_ANY) != 0) give_up("write senders");
  }
  const Counters counters{0, static_cast<std::uint32_t>(senders.size()), if_nametoindex("sender0")};
  const std::uint32_t zero = 0;
  const int bss = bpf_object__find_map_fd_by_name(object_.get(), ".bss");
  if (bpf_map_update_elem(bss, &zero, &counters, BPF_ANY) != 0) give_up("write .bss");
}

void Lane::attach_sink() const {
  const bpf_program* sink = bpf_object__find_program_by_name(object_.get(), "sink");
  LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(if_nametoindex("mesh0")),
              .attach_point = BPF_TC_INGRESS);
  LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = bpf_program__fd(sink), .handle = 1, .priority = 9);
  bpf_tc_hook_create(&hook);
  if (bpf_tc_attach(&hook, &options) != 0) give_up("attach the sink");
}

std::uint64_t Lane::sunk() const {
  std::vector<std::uint64_t> values(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  const std::uint32_t zero = 0;
  bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(object_.get(), "arrived"), &zero,
                      values.data());
  std::uint64_t sum = 0;
  for (const auto value : values) sum += value;
  return sum;
}

double Lane::send(Transport transport, std::uint32_t packets) const {
  enter();
  const auto frame = frame_of(transport);
  const bpf_program* generate = bpf_object__find_program_by_name(object_.get(), "generate");
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(),
              .data_size_in = static_cast<__u32>(frame.size()), .repeat = static_cast<int>(packets),
              .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
  const auto start = std::chrono::steady_clock::now();
  if (bpf_prog_test_run_opts(bpf_program__fd(generate), &options) != 0) give_up("send frames");
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  return took.count() / packets;
}

}  // namespace kernmesh::bench
