// SPDX-License-Identifier: Apache-2.0
// ns per packet of the relay's program, every packet of another random channel: what a core does
// per packet beside the driver's work. The same measurement of a program that does nothing is the
// baseline. usage: relay-program-bench JSON_FILE
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "tests/bench/program_timing.h"
#include "tests/bpf/relay_fixture.h"

namespace {

using namespace kernmesh;
using namespace kernmesh::bench;
using namespace kernmesh::bpf;
using namespace kernmesh::bpf::test;

constexpr int kRuns = 12, kPackets = 20000;
constexpr std::uint32_t kChannels = 10000;
constexpr std::size_t kMessage = 200;
// Of a datagram's frame: Ethernet, IP and UDP, then the relay header's magic.
constexpr std::size_t kChannelAt4 = 14 + 20 + 8 + 2, kChannelAt6 = 14 + 40 + 8 + 2;

void require(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::abort();
}

struct Client {
  const char* endpoint;
  const char* relay;  // the address at which it knows the relay
  relay::Origin origin() const { return {test::endpoint(endpoint), ip(relay), {}}; }
};
constexpr Client kFour{"198.51.100.10:4000", "198.51.100.1"};
constexpr Client kFourPeer{"198.51.100.20:4000", "198.51.100.1"};
constexpr Client kSix{"[2001:db8:f::10]:4000", "2001:db8:f::1"};
constexpr Client kSixPeer{"[2001:db8:f::20]:4000", "2001:db8:f::1"};

// Channel numbers of a pair stay the same on the way, which the program does not know.
void fill(Relay& relay, const Client& from, const Client& to, std::uint32_t first) {
  for (std::uint32_t i = first; i < first + kChannels; ++i)
    require(static_cast<bool>(relay.set_channel(from.origin(), relay::Channel(i),
                                                {to.origin(), relay::Channel(i)})),
            "set a channel");
}

ProgramCase forwarding(const char* name, const Relay& relay, const Client& from,
                       std::uint32_t first) {
  const auto source = test::endpoint(from.endpoint);
  Frame f{.src = to_string(source.address), .dst = from.relay};
  f.sport = source.port.value();
  f.dport = kRelayPort;
  f.payload = relay::wrap_data(relay::Channel(first), Bytes(kMessage, 4));
  ProgramCase c{.name = name,
                .program = relay.program_fd(),
                .frame = with_ip_sum(f.bytes()),
                .patch_at = {},
                .order = {},
                .expected = kXdpTx};
  const std::size_t at = source.address.is_v4() ? kChannelAt4 : kChannelAt6;
  c.patch_at = {at, at + 2};
  std::vector<std::uint32_t> all(kChannels);
  std::iota(all.begin(), all.end(), first);
  c.order = random_order(all, kPackets);
  c.interface = if_nametoindex("relay0");
  return c;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 1;
  enter_namespaces();
  require(make_relay_interfaces() == 0, "make the interfaces");
  auto opened = Relay::open({.instance = "bench", .max_channels = 4 * kChannels});
  require(static_cast<bool>(opened), "open the relay");
  RelayConfig config;
  config.port = Port(kRelayPort);
  require(
      opened->set_config(config) && opened->set_locals({ip("198.51.100.1"), ip("2001:db8:f::1")}),
      "configure the relay");
  constexpr std::uint32_t kWithin4 = 1, kWithin6 = 20001, kFrom4To6 = 40001;
  fill(*opened, kFour, kFourPeer, kWithin4);
  fill(*opened, kSix, kSixPeer, kWithin6);
  fill(*opened, kFour, kSixPeer, kFrom4To6);
  std::vector<ProgramCase> cases{forwarding("do nothing", *opened, kFour, kWithin4),
                                 forwarding("IPv4", *opened, kFour, kWithin4),
                                 forwarding("IPv6", *opened, kSix, kWithin6),
                                 forwarding("IPv4 to IPv6", *opened, kFour, kFrom4To6)};
  cases[0].program = do_nothing_program(BPF_PROG_TYPE_XDP);
  cases[0].expected = -1;
  time_programs(cases, kRuns, argv[1]);
  return opened->remove() ? 0 : 1;
}
