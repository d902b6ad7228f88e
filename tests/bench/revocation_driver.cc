// SPDX-License-Identifier: Apache-2.0
// Two nodes of a network on a kernel that has no WireGuard, for the benchmark of a revocation:
// keys, session with the server, netmaps and access control are those of mesh-agent, its programs
// judge on a TUN device mesh0. What WireGuard would hand up, packets of the other node, is written
// there.
//   revocation-driver SERVER STATE_DIR LAST_FILE < FILE_WITH_JOIN_KEY
// One datagram every 200 us to port 7. After each one that arrives its time (s, CLOCK_REALTIME,
// a double) stands in LAST_FILE. Prints "ready" when both nodes have a netmap; ends by a
// signal. Wants root and a network namespace of its own.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sodium.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <thread>

#include "controller/agent/access_control.h"
#include "controller/agent/control_session.h"
#include "controller/agent/netmap_receiver.h"
#include "controller/core/topology/registration.h"
#include "controller/host/event_loop.h"
#include "controller/rpc/pinned_ca.h"

namespace {

using namespace kernmesh;
using namespace kernmesh::agent;

constexpr std::uint16_t kPort = 7;

[[noreturn]] void give_up(const std::string& what, const std::string& why = std::strerror(errno)) {
  std::fprintf(stderr, "revocation-driver: %s: %s\n", what.c_str(), why.c_str());
  std::_Exit(1);
}

struct Network {
  std::string server, join_key, state_dir, ca_pem;
  topology::CaFingerprint ca{};
};

// A member of the network that hands its netmaps to the loop and tells the server what it applied.
class Member {
 public:
  using Apply = std::function<Status(const NetmapPtr&)>;

  Member(host::EventLoop& loop, const Network& network, const std::string& name, Apply apply)
      : apply_(std::move(apply)), state_dir_(network.state_dir + "/" + name) {
    if (mkdir(state_dir_.c_str(), 0700) != 0) give_up("make " + state_dir_);
    auto identity = load_or_create_identity(state_dir_);
    if (!identity) give_up("make keys", identity.error().message());
    netmap::MergeRules rules;
    rules.own = {machine_public_key(identity->machine), node_public_key(identity->node),
                 disco_public_key(identity->disco)};
    NetmapReceiver::Events received;
    received.on_netmap = [this, &loop](NetmapPtr map, const std::optional<NetmapStep>&) {
      loop.post([this, map = std::move(map)] { on_netmap(map); });
    };
    received.on_saved = [](const Status&) {};
    receiver_.emplace(state_dir_, network.ca, rules, nullptr, std::move(received));
    ControlSession::Events events;
    events.on_update = [this](Result<rpc::Update> update) {
      return receiver_->on_update(std::move(update));
    };
    events.held = [this] { return receiver_->held(); };
    events.on_connected = [] {};
    events.on_disconnected = [](const Error& error) { give_up("connect", error.message()); };
    session_.emplace(
        ControlConfig{network.server, network.ca_pem, network.ca, name, "-", std::move(*identity)},
        network.join_key, std::move(events));
  }
  const NetmapPtr& map() const { return map_; }

 private:
  void on_netmap(const NetmapPtr& map) {
    map_ = map;
    if (const Status applied = apply_(map); !applied) give_up("apply", applied.error().message());
    session_->report_applied(map->version);
  }

  const Apply apply_;
  const std::string state_dir_;
  NetmapPtr map_;
  std::optional<NetmapReceiver> receiver_;
  std::optional<ControlSession> session_;
};

UniqueFd open_tun() {
  UniqueFd tun(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  ifreq request{};
  std::strcpy(request.ifr_name, "mesh0");
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (!tun || ioctl(tun.get(), TUNSETIFF, &request) != 0) give_up("make mesh0");
  if (system("ip link set mesh0 up && ip route add 100.64.0.0/10 dev mesh0") != 0)
    give_up("set mesh0 up");
  return tun;
}

IpAddress v4_of(const std::vector<IpAddress>& addresses) {
  for (const auto& address : addresses) {
    if (address.is_v4()) return address;
  }
  give_up("find the node's address", "no IPv4 address in the netmap");
}

using Datagram = std::array<std::uint8_t, 29>;  // IPv4, UDP, one byte

Datagram datagram(const IpAddress& from, const IpAddress& to) {
  Datagram out{0x45, 0, 0, sizeof(Datagram), 0, 0, 0, 0, 64, IPPROTO_UDP};
  std::memcpy(&out[12], from.bytes().data(), 4);
  std::memcpy(&out[16], to.bytes().data(), 4);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < 20; i += 2)
    sum += static_cast<std::uint32_t>(out[i] << 8 | out[i + 1]);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = ~(sum + (sum >> 16));
  out[10] = static_cast<std::uint8_t>(sum >> 8);
  out[11] = static_cast<std::uint8_t>(sum);
  out[20] = 0x9c;  // any source port
  out[23] = kPort;
  out[25] = 9;  // length; no checksum
  return out;
}

[[noreturn]] void send_to(int tun, const Datagram& packet) {
  auto due = std::chrono::steady_clock::now();
  for (;;) {
    if (write(tun, packet.data(), packet.size()) < 0) give_up("write to mesh0");
    due += std::chrono::microseconds(200);
    std::this_thread::sleep_until(due);
  }
}

[[noreturn]] void receive_at(const IpAddress& own, const char* last_file) {
  const UniqueFd file(open(last_file, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file || ftruncate(file.get(), sizeof(double)) != 0) give_up(last_file);
  void* const page = mmap(nullptr, sizeof(double), PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (page == MAP_FAILED) give_up(last_file);
  const UniqueFd in(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(kPort);
  std::memcpy(&at.sin_addr, own.bytes().data(), 4);
  if (bind(in.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)) != 0) give_up("bind");
  for (;;) {
    char byte = 0;
    if (recv(in.get(), &byte, 1, 0) < 0) continue;
    *static_cast<double*>(page) =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
}

Network network_of(const std::string& server, const std::string& state_dir,
                   const std::string& join_key) {
  Network network{server, join_key, state_dir, "", {}};
  const auto ticket = topology::parse_ticket(join_key);
  if (!ticket) give_up("read the join key", ticket.error().message());
  network.ca = ticket->ca;
  auto pem = rpc::fetch_ca_pem(server, network.ca, std::chrono::seconds(10));
  if (!pem) give_up("reach the server", pem.error().message());
  network.ca_pem = std::move(*pem);
  return network;
}

}  // namespace

int main(int argc, char** argv) {
  std::string join_key;
  if (argc != 4 || sodium_init() < 0 || !std::getline(std::cin, join_key)) return 64;
  // Pins that nobody finds afterwards.
  if (unshare(CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("bpf", "/sys/fs/bpf", "bpf", 0, nullptr) != 0)
    give_up("make a mount namespace");
  const auto network = network_of(argv[1], argv[2], join_key);
  const UniqueFd tun = open_tun();
  auto instance = make_instance("mesh0", "meshu0");
  if (!instance) give_up("name the instance", instance.error().message());
  auto access = AccessControl::open(*instance, IfIndex(if_nametoindex("mesh0")));
  if (!access) give_up("load the programs", access.error().message());
  auto loop = host::EventLoop::open();
  if (!loop) give_up("open the loop", loop.error().message());

  bool running = false;
  const auto enforce = [&](const NetmapPtr& map) { return access->apply(*map, host::wall_now()); };
  Member receiver(*loop, network, "receiver", enforce);
  // The other node's own rules are of no account here.
  Member sender(*loop, network, "sender", [](const NetmapPtr&) { return Status(); });
  const auto settle = [&]() -> std::optional<MonoTime> {
    if (running || !receiver.map() || !sender.map() || receiver.map()->peers.empty()) return {};
    running = true;
    const auto from = v4_of(sender.map()->self.addresses);
    const auto to = v4_of(receiver.map()->self.addresses);
    if (system(("ip address add " + to_string(to) + "/32 dev mesh0").c_str()) != 0)
      give_up("give mesh0 its address");
    std::thread(receive_at, to, argv[3]).detach();
    std::thread(send_to, tun.get(), datagram(from, to)).detach();
    std::puts("ready");
    std::fflush(stdout);
    return {};
  };
  const Status ran = loop->run(settle);
  return ran ? 0 : 1;
}
