// SPDX-License-Identifier: Apache-2.0
// How long a policy of many rules takes from a node's slice to the last packet that is judged by
// the one before, while packets come without a pause; and whether any is judged by both. The rivals
// load as many elements or rules. usage: acl-switch-bench JSON_FILE [RULES] [SWITCHES]
#include <malloc.h>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "controller/bpf/acl.h"
#include "tests/bench/acl/policy.h"
#include "tests/bpf/frame.h"

namespace {

using namespace kernmesh;
using Clock = std::chrono::steady_clock;

double ms(Clock::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

// Two policies with no permission in common, and for each a packet that it alone admits, and one
// that a mixture of both would: a sender of the one to the port of the other.
struct Sides {
  bench::ManyRules rules[2];
  bpf::test::Bytes own[2], mixed;
};

bpf::test::Bytes packet(std::uint32_t sender, std::uint16_t port) {
  bpf::test::Frame frame{.src = to_string(bench::ManyRules::sender(sender)),
                         .dst = "100.64.0.1",
                         .sport = 40000,
                         .dport = port};
  frame.payload = bpf::test::Bytes(18, 0);
  return frame.bytes();
}

// Asks the program again and again; notes when a side's packet was admitted last.
class Flood {
 public:
  Flood(int program, const Sides& sides) : program_(program), sides_(sides) {
    thread_ = std::thread([this] { run(); });
  }
  ~Flood() {
    stop_ = true;
    thread_.join();
  }
  Clock::time_point last(int side) const { return Clock::time_point(last_[side].load()); }
  std::uint64_t judged() const { return judged_; }
  std::uint64_t wrong() const { return wrong_; }

 private:
  bool admits(const bpf::test::Bytes& frame) const {
    return bpf::test::run(program_, frame).verdict == -1;
  }
  void run() {
    while (!stop_) {
      for (int side = 0; side < 2; ++side) {
        const auto before = Clock::now().time_since_epoch();
        if (admits(sides_.own[side])) last_[side] = before;
        ++judged_;
      }
      if (admits(sides_.mixed)) ++wrong_;
      ++judged_;
    }
  }
  const int program_;
  const Sides& sides_;
  std::atomic<bool> stop_ = false;
  std::atomic<Clock::duration> last_[2] = {};
  std::atomic<std::uint64_t> judged_ = 0, wrong_ = 0;
  std::thread thread_;
};

struct Times {
  std::vector<double> compiled, to_last_old, returned;
};

void add_row(FILE* json, const char* what, std::vector<double>& times) {
  std::sort(times.begin(), times.end());
  const double median = times[times.size() / 2], p99 = times[times.size() * 99 / 100];
  std::printf("%-44s %9.3f %9.3f %9.3f\n", what, times.front(), median, p99);
  std::fprintf(json,
               "{\"what\": \"%s\", \"min_ms\": %.4f, \"median_ms\": %.4f, \"p99_ms\": %.4f}\n",
               what, times.front(), median, p99);
}

[[noreturn]] void give_up(const Error& error) {
  std::fprintf(stderr, "%s\n", error.message().c_str());
  std::exit(1);
}

Times switch_to_and_fro(bpf::Acl& acl, const Sides& sides, int switches, const Flood& flood) {
  Times times;
  for (int i = 0; i < switches; ++i) {
    const int side = i & 1;
    const auto arrived = Clock::now();
    const auto image = sides.rules[side].image(static_cast<std::uint32_t>(i + 2));
    const auto compiled = Clock::now();
    if (const Status done = acl.switch_to(image); !done) give_up(done.error());
    const auto returned = Clock::now();
    // Until the flood has asked for both sides again.
    const auto seen = flood.judged();
    while (flood.judged() < seen + 6) std::this_thread::yield();
    times.compiled.push_back(ms(compiled - arrived));
    times.to_last_old.push_back(ms(std::max(flood.last(1 - side), arrived) - arrived));
    times.returned.push_back(ms(returned - arrived));
  }
  return times;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  // As mesh-agent does.
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
  mallopt(M_MMAP_THRESHOLD, 16 << 20);
  const auto rules = static_cast<std::uint32_t>(argc > 2 ? std::atoi(argv[2]) : 10'000);
  const int switches = argc > 3 ? std::atoi(argv[3]) : 200;
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("bpf", "/sys/fs/bpf", "bpf", 0, nullptr) != 0) {
    std::perror("make namespaces");
    return 1;
  }
  if (system("ip link set lo up") != 0) return 1;
  auto acl = bpf::Acl::open(
      {.instance = "switch", .mesh = IfIndex(0), .link_header = bpf::LinkHeader::kEthernet});
  if (!acl) give_up(acl.error());
  Sides sides{{bench::ManyRules(rules), bench::ManyRules(rules, 7)}, {}, {}};
  for (int side = 0; side < 2; ++side) sides.own[side] = packet(5, sides.rules[side].port(5));
  sides.mixed = packet(6, sides.rules[0].port(5));
  if (const Status done = acl->switch_to(sides.rules[1].image(1)); !done) give_up(done.error());
  FILE* json = std::fopen(argv[1], "w");
  if (json == nullptr) return 1;
  const Flood flood(acl->program_fd("acl_in"), sides);
  auto times = switch_to_and_fro(*acl, sides, switches, flood);
  std::printf("%-44s %9s %9s %9s\n", "ms", "min", "median", "p99");
  add_row(json, "compile", times.compiled);
  add_row(json, "slice arrived -> last packet by the old", times.to_last_old);
  add_row(json, "slice arrived -> nobody reads the old", times.returned);
  std::printf("%lu packets judged, %lu admitted by a mixture of both\n", flood.judged(),
              flood.wrong());
  std::fclose(json);
  return flood.wrong() == 0 ? 0 : 1;
}
