// SPDX-License-Identifier: Apache-2.0
// Throws something at a real relay for some seconds, at a bounded rate (test support).
//   relay-flood KIND RELAY-KEY NETNS RELAY RATE SECONDS
//   greedy  a client that has a pair sends 1200 bytes a message to its own other one
//   guess   data on channels that nobody has given it
//   forged  greetings and requests to bind from 65,536 sources that are not its own
//   crowd   clients with good tickets bind, and each opens peers that are not there
// RATE is in messages a second; crowd goes as fast as the relay answers. Prints "sent N" when over.
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "tests/netns/relay_client.h"

namespace {

using namespace kernmesh;         // NOLINT
using namespace kernmesh::relay;  // NOLINT
using kernmesh::relay::test::RelayClient;
using Clock = std::chrono::steady_clock;

constexpr std::uint8_t kGreedyNode = 3, kCrowdFrom = 20, kCrowdTo = 250;
constexpr int kStrangersEach = 64;  // as many as their tickets say
constexpr int kTickMs = 2;

struct Flood {
  RelayPublicKey relay;
  std::string netns;
  Endpoint to;
  double per_second = 0;
  std::chrono::duration<double> length{};
};

int fail(const std::string& what) {
  std::fprintf(stderr, "relay-flood: %s\n", what.c_str());
  return 1;
}

// Calls `send` at the rate, in small bursts, until the time is over.
std::uint64_t pace(const Flood& flood, const std::function<void(std::uint64_t)>& send) {
  const auto began = Clock::now();
  std::uint64_t sent = 0;
  for (auto now = began; now - began < flood.length; now = Clock::now()) {
    const std::chrono::duration<double> passed = now - began;
    for (const auto due = static_cast<std::uint64_t>(passed.count() * flood.per_second); sent < due;
         ++sent)
      send(sent);
    poll(nullptr, 0, kTickMs);
  }
  return sent;
}

Bytes sealed_looking(std::uint64_t number, std::size_t size) {
  Bytes message(size, static_cast<std::uint8_t>(number));
  const std::uint32_t type = 4;
  std::memcpy(message.data(), &type, sizeof type);
  return message;
}

Result<RelayClient> bound_client(const Flood& flood, std::uint8_t node) {
  MESH_TRY_ASSIGN(auto client, RelayClient::connect(flood.netns, RelayClient::Carrier::kUdp,
                                                    flood.to, flood.relay, node));
  MESH_TRY(client.bind(test::ticket_server_key()));
  return client;
}

Result<std::uint64_t> greedy(const Flood& flood) {
  MESH_TRY_ASSIGN(auto from, bound_client(flood, kGreedyNode));
  MESH_TRY_ASSIGN(auto to, bound_client(flood, kGreedyNode + 1));
  MESH_TRY_ASSIGN(const Channel channel, from.open(to.key()));
  MESH_TRY(to.open(from.key()));
  return pace(flood, [&](std::uint64_t n) {
    from.send(wrap_data(channel, sealed_looking(n, 1200)));
    while (!to.receive({}).empty()) {
    }
  });
}

Result<std::uint64_t> guess(const Flood& flood) {
  test::enter_namespace(flood.netns);
  MESH_TRY_ASSIGN(const UniqueFd fd, test::connect_udp(flood.to));
  return pace(flood, [&](std::uint64_t n) {
    const Bytes data = wrap_data(Channel(randombytes_random()), sealed_looking(n, 148));
    (void)!::send(fd.get(), data.data(), data.size(), 0);
  });
}

// An IPv4 packet with a UDP datagram whose sum is left out.
Bytes packet_of(std::uint32_t source, const Endpoint& to, const Bytes& payload) {
  Bytes packet(sizeof(iphdr) + sizeof(udphdr) + payload.size());
  iphdr ip{};
  ip.version = 4;
  ip.ihl = 5;
  ip.ttl = 64;
  ip.protocol = IPPROTO_UDP;
  ip.saddr = htonl(source);
  ip.daddr = htonl(to.address.to_v4_number());
  udphdr udp{};
  udp.source = htons(4500);
  udp.dest = htons(to.port.value());
  udp.len = htons(static_cast<std::uint16_t>(sizeof udp + payload.size()));
  std::memcpy(packet.data(), &ip, sizeof ip);
  std::memcpy(packet.data() + sizeof ip, &udp, sizeof udp);
  std::copy(payload.begin(), payload.end(), packet.begin() + sizeof ip + sizeof udp);
  return packet;
}

Result<std::uint64_t> forged(const Flood& flood) {
  test::enter_namespace(flood.netns);
  const UniqueFd fd(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!fd) return Error::from_errno("open a raw socket", errno);
  const DiscoPublicKey client = RelayClient::key_of(1);
  const auto shared = *shared_key(flood.relay, X25519SecretKey());
  path::Seed seed;
  randombytes_buf(seed.mutable_bytes().data(), 32);
  path::RandomStream random(seed);
  const Bytes hello = encode(Hello{client});
  const Bytes bind = seal(Request{Sequence(1), Bind{}}, client, Cookie{}, shared, random);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(flood.to.address.to_v4_number());
  return pace(flood, [&](std::uint64_t n) {
    const std::uint32_t source = 0x0ac80000U | (randombytes_random() & 0xffffU);  // 10.200.0.0/16
    const Bytes packet = packet_of(source, flood.to, n % 2 == 0 ? hello : bind);
    (void)!sendto(fd.get(), packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                  sizeof to);
  });
}

Result<std::uint64_t> crowd(const Flood& flood) {
  std::vector<RelayClient> clients;
  std::uint64_t asked = 0;
  const auto end = Clock::now() + flood.length;
  for (std::uint8_t node = kCrowdFrom; node < kCrowdTo && Clock::now() < end; ++node) {
    ++asked;
    auto client = bound_client(flood, node);
    if (!client) continue;  // full: the next one tries all the same
    for (int i = 0; i < kStrangersEach && Clock::now() < end; ++i, ++asked)
      client->send_open(RelayClient::key_of(static_cast<std::uint8_t>(kCrowdTo - i)));
    clients.push_back(std::move(*client));
  }
  return asked;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7 || sodium_init() < 0) return fail("see the head of tests/netns/relay_flood.cc");
  const auto relay = RelayPublicKey::parse_base64(argv[2]);
  const auto to = Endpoint::parse(argv[4]);
  if (!relay || !to) return fail("no key or no endpoint");
  const Flood flood{*relay, argv[3], *to, std::atof(argv[5]),
                    std::chrono::duration<double>(std::atof(argv[6]))};
  const std::string kind = argv[1];
  const auto sent = kind == "greedy"   ? greedy(flood)
                    : kind == "guess"  ? guess(flood)
                    : kind == "forged" ? forged(flood)
                                       : crowd(flood);
  if (!sent) return fail(sent.error().message());
  std::printf("sent %llu\n", static_cast<unsigned long long>(*sent));
  return 0;
}
