// SPDX-License-Identifier: Apache-2.0
// A home's or a provider's NAT as a program between two TUN devices (test support): what the
// kernel routes into --inside leaves by --outside under the outer address, and back. IPv4 only.
//   nat-box --inside nat-in --outside nat-out --outer 10.77.4.100 --outer 10.77.4.101
// SIGUSR1: the next of the outer addresses, without any mapping of before. SIGUSR2: --loss,
// --delay, --jitter and --reordered begin, or end. Prints "ready" once both devices are up; ends by
// a signal. All chance comes from --seed. Wants root.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>

#include "controller/host/event_loop.h"
#include "tests/nat/shaper.h"
#include "tests/nat/translation.h"

namespace {

using namespace kernmesh;
using namespace kernmesh::nat;
using std::chrono::milliseconds;

struct BoxOptions {
  std::string inside, outside;
  std::vector<std::string> outer;
  path::NatKind kind;
  int timeout_s = 60;
  bool block_udp = false;
  double loss = 0, reordered = 0;
  int delay_ms = 0, jitter_ms = 0;
  std::uint32_t seed = 1;
};

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "nat-box: %s: %s\n", what.c_str(), std::strerror(errno));
  std::_Exit(1);
}

UniqueFd open_tun(const std::string& name) {
  UniqueFd tun(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (!tun || ioctl(tun.get(), TUNSETIFF, &request) != 0) give_up("make " + name);
  const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  request.ifr_flags = IFF_UP;
  if (ioctl(any.get(), SIOCSIFFLAGS, &request) != 0) give_up("set " + name + " up");
  return tun;
}

class Box {
 public:
  Box(const BoxOptions& options, std::vector<IpAddress> outer)
      : inside_(open_tun(options.inside)),
        outside_(open_tun(options.outside)),
        outer_(std::move(outer)),
        bad_({options.loss, milliseconds(options.delay_ms), milliseconds(options.jitter_ms),
              options.reordered}),
        seed_(options.seed),
        nat_(options.kind, outer_[0], seed_, options.block_udp ? Udp::kBlocked : Udp::kPassed) {}

  int inside() const { return inside_.get(); }
  int outside() const { return outside_.get(); }

  void read(Side from) {
    std::array<std::uint8_t, 65536> buffer;
    for (;;) {
      const ssize_t got = ::read(fd_of(from), buffer.data(), buffer.size());
      if (got <= 0) return;
      const MonoTime now = host::mono_now();
      Bytes packet(buffer.begin(), buffer.begin() + got);
      auto passed = from == Side::kInside ? nat_.outbound(now, std::move(packet))
                                          : nat_.inbound(now, std::move(packet));
      if (passed) link_.put(now, std::move(*passed));
    }
  }
  std::optional<MonoTime> settle() {
    while (const auto passed = link_.take(host::mono_now())) {
      // What the kernel does not take is lost, as on any link.
      [[maybe_unused]] const ssize_t put =
          write(fd_of(passed->to), passed->packet.data(), passed->packet.size());
    }
    return link_.next();
  }
  void rebind() {
    outer_used_ = (outer_used_ + 1) % outer_.size();
    nat_.rebind(outer_[outer_used_]);
  }
  void toggle_shaping() {
    shaped_ = !shaped_;
    link_ = Shaper<Translation::Passed>(shaped_ ? bad_ : Shaping(), seed_);
  }

 private:
  int fd_of(Side side) const { return side == Side::kInside ? inside_.get() : outside_.get(); }

  const UniqueFd inside_, outside_;
  const std::vector<IpAddress> outer_;
  const Shaping bad_;
  const std::uint32_t seed_;
  Translation nat_;
  Shaper<Translation::Passed> link_{{}, 0};
  std::size_t outer_used_ = 0;
  bool shaped_ = false;
};

void add_options(CLI::App& app, BoxOptions& options) {
  using path::Dependence;
  using path::PortChoice;
  const std::map<std::string, Dependence> dependences{{"none", Dependence::kNone},
                                                      {"address", Dependence::kAddress},
                                                      {"port", Dependence::kAddressAndPort}};
  const std::map<std::string, PortChoice> choices{{"kept", PortChoice::kKept},
                                                  {"overloaded", PortChoice::kOverloaded},
                                                  {"sequential", PortChoice::kSequential},
                                                  {"random", PortChoice::kRandom}};
  app.add_option("--inside", options.inside, "TUN device")->required();
  app.add_option("--outside", options.outside, "TUN device")->required();
  app.add_option("--outer", options.outer, "its addresses outside, the first one at first")
      ->required();
  app.add_option("--mapping", options.kind.mapping, "dependence on the destination")
      ->transform(CLI::CheckedTransformer(dependences));
  app.add_option("--filtering", options.kind.filtering, "dependence on the source")
      ->transform(CLI::CheckedTransformer(dependences));
  app.add_option("--ports", options.kind.ports)->transform(CLI::CheckedTransformer(choices));
  app.add_flag("--hairpin", options.kind.hairpin);
  app.add_option("--timeout", options.timeout_s, "of UDP mappings, seconds");
  app.add_flag("--block-udp", options.block_udp);
  app.add_option("--loss", options.loss, "share of packets, each way");
  app.add_option("--delay", options.delay_ms, "milliseconds, each way");
  app.add_option("--jitter", options.jitter_ms, "milliseconds more at most");
  app.add_option("--reordered", options.reordered, "share of packets without jitter");
  app.add_option("--seed", options.seed);
}

void on_signal(Box& box, host::EventLoop& loop, int signals) {
  signalfd_siginfo info{};
  while (read(signals, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGUSR1) {
      box.rebind();
    } else if (info.ssi_signo == SIGUSR2) {
      box.toggle_shaping();
    } else {
      loop.stop();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  BoxOptions options;
  CLI::App app("A NAT between two TUN devices, for tests.");
  add_options(app, options);
  CLI11_PARSE(app, argc, argv);
  options.kind.timeout = std::chrono::seconds(options.timeout_s);
  std::vector<IpAddress> outer;
  for (const auto& text : options.outer) {
    const auto address = IpAddress::parse(text);
    if (!address || !address->is_v4()) {
      std::fprintf(stderr, "nat-box: --outer %s is no IPv4 address\n", text.c_str());
      return 2;
    }
    outer.push_back(*address);
  }
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGUSR1, SIGUSR2, SIGTERM, SIGINT}) sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  const UniqueFd signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  auto loop = host::EventLoop::open();
  if (!signals || !loop) give_up("start");
  Box box(options, std::move(outer));
  const Status watched[] = {
      loop->watch(signals.get(), [&] { on_signal(box, *loop, signals.get()); }),
      loop->watch(box.inside(), [&] { box.read(Side::kInside); }),
      loop->watch(box.outside(), [&] { box.read(Side::kOutside); })};
  for (const auto& status : watched) {
    if (!status) give_up(status.error().message());
  }
  std::puts("ready");
  std::fflush(stdout);
  return loop->run([&] { return box.settle(); }) ? 0 : 1;
}
