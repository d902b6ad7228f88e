// SPDX-License-Identifier: Apache-2.0
// Two clients of a real relay in two namespaces, in one process (test support).
//   relay-driver ticket-key                       prints the public key of the tickets it makes
//   relay-driver attach-pass INTERFACE            XDP that passes everything, for a veth's far end
//   relay-driver detach-pass
//   relay-driver talk RELAY-KEY A B SECONDS SIZE  A, B: NETNS,udp|tls,ENDPOINT of the relay
//   relay-driver leave RELAY-KEY A                binds by one connection and then by another: how
//   long
//                                                 the relay keeps the first
//   relay-driver stun SERVER                      this node's address as a STUN server sees it
// `talk` sends a numbered message each way every 2 ms and says what arrived whole:
//   "A>B 500/500 B>A 500/500"
#include <net/if.h>
#include <poll.h>
#include <sodium.h>

#include <cstdio>
#include <cstring>
#include <set>
#include <sstream>

#include "controller/bpf/relay.h"
#include "controller/core/stun/transactions.h"
#include "tests/netns/relay_client.h"

namespace {

using namespace kernmesh;         // NOLINT
using namespace kernmesh::relay;  // NOLINT
using kernmesh::relay::test::RelayClient;
using Clock = std::chrono::steady_clock;

constexpr auto kGap = std::chrono::milliseconds(2);
constexpr auto kLastCalls = std::chrono::seconds(5);  // a busy machine's; over when all is there

int fail(const Error& error) {
  std::fprintf(stderr, "%s\n", error.message().c_str());
  return 1;
}

Result<RelayClient> client_of(const std::string& text, const RelayPublicKey& relay,
                              std::uint8_t node) {
  std::istringstream words(text);
  std::string netns, carrier, endpoint;
  std::getline(words, netns, ',');
  std::getline(words, carrier, ',');
  std::getline(words, endpoint, ',');
  MESH_TRY_ASSIGN(const Endpoint to, Endpoint::parse(endpoint));
  const auto by = carrier == "tls" ? RelayClient::Carrier::kTls : RelayClient::Carrier::kUdp;
  MESH_TRY_ASSIGN(auto client, RelayClient::connect(netns, by, to, relay, node));
  MESH_TRY(client.bind(test::ticket_server_key()));
  return client;
}

Bytes numbered(std::uint32_t number, std::size_t size) {
  Bytes message(std::max<std::size_t>(size, 32), static_cast<std::uint8_t>(number * 31));
  const std::uint32_t head[] = {4, number};
  std::memcpy(message.data(), head, sizeof head);
  return message;
}

struct Direction {
  RelayClient& from;
  RelayClient& to;
  Channel channel, other;  // as the sender and as the receiver name it
  std::uint32_t sent = 0;
  std::set<std::uint32_t> whole;

  void send_next(std::size_t size) { from.send(wrap_data(channel, numbered(++sent, size))); }
  void collect(std::size_t size) {
    for (Bytes bytes = to.receive({}); !bytes.empty(); bytes = to.receive({})) {
      const auto data = parse_data(bytes);
      if (!data || data->channel != other || data->message.size() < 8) continue;
      std::uint32_t number;
      std::memcpy(&number, data->message.data() + 4, sizeof number);
      if (bytes == wrap_data(other, numbered(number, size))) whole.insert(number);
    }
  }
};

int talk(char** words) {
  const auto relay = RelayPublicKey::parse_base64(words[0]);
  if (!relay) return fail(relay.error());
  auto a = client_of(words[1], *relay, 1);
  if (!a) return fail(a.error());
  auto b = client_of(words[2], *relay, 2);
  if (!b) return fail(b.error());
  const auto channel_a = a->open(b->key());
  const auto channel_b = b->open(a->key());
  if (!channel_a) return fail(channel_a.error());
  if (!channel_b) return fail(channel_b.error());
  const auto end = Clock::now() + std::chrono::duration<double>(std::atof(words[3]));
  const auto size = static_cast<std::size_t>(std::atoi(words[4]));
  Direction there{*a, *b, *channel_a, *channel_b, 0, {}};
  Direction back{*b, *a, *channel_b, *channel_a, 0, {}};
  const auto wait = [&](std::chrono::milliseconds time) {
    for (const auto until = Clock::now() + time; Clock::now() < until;) {
      pollfd both[] = {{a->fd(), POLLIN, 0}, {b->fd(), POLLIN, 0}};
      poll(both, 2, 1);
      there.collect(size);
      back.collect(size);
    }
  };
  while (Clock::now() < end) {
    there.send_next(size);
    back.send_next(size);
    wait(kGap);
  }
  const auto is_whole = [](const Direction& d) { return d.whole.size() >= d.sent; };
  for (const auto last = Clock::now() + kLastCalls;
       Clock::now() < last && !(is_whole(there) && is_whole(back));) {
    wait(kGap);
  }
  std::printf("A>B %zu/%u B>A %zu/%u\n", there.whole.size(), there.sent, back.whole.size(),
              back.sent);
  return there.whole.size() == there.sent && back.whole.size() == back.sent ? 0 : 3;
}

// It has to end within the 15 s of a stranger's and the relay's tick, and the second one stays.
int leave(char** words) {
  const auto relay = RelayPublicKey::parse_base64(words[0]);
  if (!relay) return fail(relay.error());
  auto left = client_of(words[1], *relay, 1);
  if (!left) return fail(left.error());
  auto now_used = client_of(words[1], *relay, 1);
  if (!now_used) return fail(now_used.error());
  const auto start = Clock::now();
  pollfd both[] = {{left->fd(), POLLRDHUP, 0}, {now_used->fd(), POLLRDHUP, 0}};
  poll(both, 2, 30'000);
  const std::chrono::duration<double> kept = Clock::now() - start;
  std::printf("the relay has closed %s after %.1f s\n",
              both[1].revents != 0   ? "the one in use"
              : both[0].revents != 0 ? "the one that was left"
                                     : "nothing",
              kept.count());
  const bool in_time = kept > std::chrono::seconds(10) && kept < std::chrono::seconds(25);
  return both[1].revents == 0 && both[0].revents != 0 && in_time ? 0 : 3;
}

// Asks again as often as RFC 8489 section 6.2.1 lets a client.
int ask_stun(const char* server) {
  const auto to = Endpoint::parse(server);
  if (!to) return fail(to.error());
  const auto fd = test::connect_udp(*to);
  if (!fd) return fail(fd.error());
  path::Seed seed;
  randombytes_buf(seed.mutable_bytes().data(), 32);
  path::RandomStream random(seed);
  stun::Transactions transactions;
  const auto now = [] { return MonoTime(Clock::now().time_since_epoch()); };
  for (int i = 0; i < 7; ++i) {
    const Bytes request = transactions.ask(now(), *to, random);
    if (send(fd->get(), request.data(), request.size(), 0) < 0) continue;
    pollfd entry{fd->get(), POLLIN, 0};
    if (poll(&entry, 1, 500) <= 0) continue;
    std::array<std::uint8_t, 1500> answer{};
    const auto got = recv(fd->get(), answer.data(), answer.size(), 0);
    if (got <= 0) continue;
    const auto seen = transactions.on_datagram(
        now(), std::span(answer).first(static_cast<std::size_t>(got)), *to);
    if (const auto* observation = std::get_if<stun::Observation>(&seen)) {
      std::printf("%s\n", to_string(observation->mapped).c_str());
      return 0;
    }
    std::fprintf(stderr, "an answer of %zd bytes is refused\n", got);
  }
  return 1;
}

// Nobody configures this one, so it passes everything.
int attach_pass(const char* interface) {
  auto pass = bpf::Relay::open({.instance = "pass"});
  if (!pass) return fail(pass.error());
  const auto attached = pass->attach(IfIndex(if_nametoindex(interface)), bpf::XdpMode::kNative);
  return attached ? 0 : fail(attached.error());
}

int detach_pass() {
  auto pass = bpf::Relay::open({.instance = "pass"});
  const auto removed = pass ? pass->remove() : Status(pass.error());
  return removed ? 0 : fail(removed.error());
}

}  // namespace

int main(int argc, char** argv) {
  if (sodium_init() < 0) return 1;
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "ticket-key") {
    std::printf("%s\n", to_string(ticket_public_key(test::ticket_server_key())).c_str());
    return 0;
  }
  if (verb == "attach-pass" && argc == 3) return attach_pass(argv[2]);
  if (verb == "detach-pass") return detach_pass();
  if (verb == "stun" && argc == 3) return ask_stun(argv[2]);
  if (verb == "talk" && argc == 7) return talk(argv + 2);
  if (verb == "leave" && argc == 4) return leave(argv + 2);
  std::fprintf(stderr, "see the head of tests/netns/relay_driver.cc\n");
  return 2;
}
