// SPDX-License-Identifier: Apache-2.0
// Sends numbered packets of 200 bytes at a given rate through one relay and measures what it costs.
//   relay-bench mesh NETNS-A NETNS-B RELAY-KEY RELAY PID RATE SECONDS   RELAY: address and port
//   relay-bench turn NETNS-A NETNS-B B-ADDRESS SERVER PID RATE SECONDS
//   relay-bench none NETNS-A NETNS-B B-ADDRESS - 0 RATE SECONDS         straight to B
// PID's processor time and, with kernel.bpf_stats_enabled, the XDP program's are what a packet
// costs; so is what the whole machine spends, less the same without a relay, when nothing else
// runs. Prints one line: rate sent, share that arrived, ns a packet in process and program, the
// delays' median and 99th percentile in microseconds, ns a packet of all processors.
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "tests/bench/turn_client.h"
#include "tests/netns/relay_client.h"

namespace {

using namespace kernmesh;         // NOLINT
using namespace kernmesh::relay;  // NOLINT
using kernmesh::relay::bench::TurnClient;
using kernmesh::relay::test::RelayClient;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMessageBytes = 200;
constexpr std::size_t kMostDelays = 1 << 20;

std::uint64_t ns_now() {
  return static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
}

std::uint64_t ticks_in_ns(std::uint64_t ticks) {
  return ticks * 1'000'000'000 / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
}

// User and system time of a process with its threads.
std::uint64_t process_ns(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string text;
  if (!std::getline(file, text)) return 0;
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  std::uint64_t user = 0, system = 0;
  fields >> user >> system;
  return ticks_in_ns(user + system);
}

// What all processors did, also in interrupts, since the machine was started (proc(5), /proc/stat).
std::uint64_t machine_ns() {
  std::ifstream file("/proc/stat");
  std::string name;
  std::uint64_t user = 0, nice = 0, system = 0, idle = 0, waiting = 0, hard = 0, soft = 0;
  file >> name >> user >> nice >> system >> idle >> waiting >> hard >> soft;
  return ticks_in_ns(user + nice + system + hard + soft);
}

std::uint64_t program_ns() {
  std::uint64_t total = 0;
  __u32 id = 0;
  while (bpf_prog_get_next_id(id, &id) == 0) {
    const UniqueFd fd(bpf_prog_get_fd_by_id(id));
    bpf_prog_info info{};
    __u32 size = sizeof info;
    if (!fd || bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0) continue;
    if (std::string(info.name) == "relay_xdp") total += info.run_time_ns;
  }
  return total;
}

struct Load {
  int from = -1, to = -1;
  std::size_t time_at = 0;  // where the time of sending stands in what arrives
  std::function<Bytes(std::span<const std::uint8_t>)> wrap;
};

void collect(int fd, std::size_t time_at, std::vector<std::uint32_t>& delays,
             std::atomic<bool>& over) {
  std::array<std::uint8_t, 2048> buffer;
  const timeval patience{0, 200'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  for (;;) {
    const auto got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && over) return;
    if (got < static_cast<long>(time_at + 8)) continue;
    std::uint64_t sent;
    std::memcpy(&sent, buffer.data() + time_at, sizeof sent);
    if (delays.size() < kMostDelays) {
      delays.push_back(static_cast<std::uint32_t>((ns_now() - sent) / 1000));
    }
  }
}

// The bytes are wrapped anew for each packet's time, at the sender's cost.
std::uint64_t send_at(const Load& load, double rate, double seconds) {
  Bytes message(kMessageBytes, 0);
  message[0] = 4;
  const auto start = ns_now();
  const auto end = start + static_cast<std::uint64_t>(seconds * 1e9);
  std::uint64_t sent = 0;
  for (auto now = start; now < end; now = ns_now()) {
    const auto due = static_cast<std::uint64_t>(static_cast<double>(now - start) * rate / 1e9);
    if (sent >= due) {  // the pace: finer than this a sleeping thread is not woken
      std::this_thread::sleep_for(std::chrono::microseconds(50));
      continue;
    }
    const std::uint64_t time = ns_now();
    std::memcpy(message.data() + 8, &time, sizeof time);
    const Bytes datagram = load.wrap(message);
    if (::send(load.from, datagram.data(), datagram.size(), 0) > 0) ++sent;
  }
  return sent;
}

int measure(const Load& load, const std::string& pid, double rate, double seconds) {
  std::vector<std::uint32_t> delays;
  delays.reserve(kMostDelays);
  std::atomic<bool> over{false};
  const auto process = process_ns(pid), program = program_ns(), machine = machine_ns();
  std::thread receiver([&] { collect(load.to, load.time_at, delays, over); });
  const auto sent = send_at(load, rate, seconds);
  // The last ones are still on their way; which of them never arrive nothing tells.
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  over = true;
  receiver.join();
  const auto machine_spent = machine_ns() - machine;
  const auto process_spent = process_ns(pid) - process, program_spent = program_ns() - program;
  std::sort(delays.begin(), delays.end());
  if (delays.empty()) return 1;
  const auto packets = static_cast<double>(std::max<std::uint64_t>(sent, 1));
  std::printf("%.0f %.4f %.0f %.0f %u %u %.0f\n", packets / seconds,
              static_cast<double>(delays.size()) / packets,
              static_cast<double>(process_spent) / packets,
              static_cast<double>(program_spent) / packets, delays[delays.size() / 2],
              delays[delays.size() * 99 / 100], static_cast<double>(machine_spent) / packets);
  return 0;
}

int through_mesh(char** words) {
  const auto key = RelayPublicKey::parse_base64(words[2]);
  const auto relay = Endpoint::parse(words[3]);
  if (!key || !relay) return 2;
  auto a = RelayClient::connect(words[0], RelayClient::Carrier::kUdp, *relay, *key, 1);
  auto b = RelayClient::connect(words[1], RelayClient::Carrier::kUdp, *relay, *key, 2);
  if (!a || !b || !a->bind(relay::test::ticket_server_key()) ||
      !b->bind(relay::test::ticket_server_key()))
    return 1;
  const auto channel = a->open(b->key());
  if (!channel || !b->open(a->key())) return 1;
  const Load load{a->fd(), b->fd(), kDataHeaderBytes + 8,
                  [&](std::span<const std::uint8_t> m) { return wrap_data(*channel, m); }};
  return measure(load, words[4], std::atof(words[5]), std::atof(words[6]));
}

Result<UniqueFd> listening_socket(const std::string& netns, const Endpoint& at) {
  test::enter_namespace(netns);
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_port = htons(at.port.value());
  own.sin_addr.s_addr = htonl(at.address.to_v4_number());
  const int buffer = 8 << 20;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) {
    return Error::from_errno("bind", errno);
  }
  return fd;
}

int through_others(const std::string& how, char** words) {
  const auto peer = Endpoint::parse(words[2]);
  if (!peer) return 2;
  auto receiver = listening_socket(words[1], *peer);
  if (!receiver) return 1;
  test::enter_namespace(words[0]);
  const auto server = how == "turn" ? Endpoint::parse(words[3]) : peer;
  auto fd = server ? test::connect_udp(*server) : Result<UniqueFd>(server.error());
  if (!fd) return 1;
  if (how == "none") {
    const Load load{fd->get(), receiver->get(), 8,
                    [](std::span<const std::uint8_t> m) { return Bytes(m.begin(), m.end()); }};
    return measure(load, words[4], std::atof(words[5]), std::atof(words[6]));
  }
  auto client = TurnClient::allocate(std::move(*fd), *peer);
  if (!client) return 1;
  const Load load{client->fd(), receiver->get(), 8,
                  [&](std::span<const std::uint8_t> m) { return client->wrap(m); }};
  return measure(load, words[4], std::atof(words[5]), std::atof(words[6]));
}

}  // namespace

int main(int argc, char** argv) {
  if (sodium_init() < 0 || argc < 9) return 2;
  const std::string how = argv[1];
  return how == "mesh" ? through_mesh(argv + 2) : through_others(how, argv + 2);
}
