// SPDX-License-Identifier: Apache-2.0
// A node with many peers of which one or none is spoken to, for the benchmark: its device, tables
// and path engine as in mesh-agent, a stand-in for the WireGuard driver, no server. Prints the
// processor time of its loop, system calls included, as microseconds for each second.
//   idle-driver PEERS SECONDS silent|talking|reading
// Talking: ten datagrams a second to one peer. Reading: silent, and each peer's traffic is read
// once a second by system calls of its own, to compare with. No peer has an endpoint, so nobody is
// probed.
#include <netinet/in.h>
#include <sodium.h>
#include <sys/socket.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "controller/agent/device_removal.h"
#include "controller/agent/mesh_node.h"
#include "controller/host/socket_address.h"
#include "tests/unit/core/netmap/sample_netmap.h"

namespace {

using namespace kernmesh;
using namespace kernmesh::agent;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The first readings of the host and of WireGuard are behind it then.
constexpr auto kSettling = seconds(5);
constexpr auto kPause = milliseconds(100);

double thread_us() {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) * 1e6 + static_cast<double>(spent.tv_nsec) / 1e3;
}

enum class Course { kSilent, kTalking, kReading };

class IdleNode {
 public:
  IdleNode(host::EventLoop& loop, std::unique_ptr<MeshNode> node, IpAddress spoken_to)
      : loop_(loop),
        node_(std::move(node)),
        spoken_to_(spoken_to),
        voice_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}

  Status run(Course course, int length_s) {
    const MonoTime began = host::mono_now() + kSettling;
    MonoTime next_word = began;
    int passed = -1;
    double spent = 0;
    return loop_.run([&]() -> std::optional<MonoTime> {
      const MonoTime now = host::mono_now();
      auto due = node_->settle(now);
      for (; now >= began + seconds(passed + 1); ++passed) {
        if (course == Course::kReading) read_each();
        const double all = thread_us();
        if (passed >= 0) std::printf("%.0f\n", all - spent);
        spent = all;
        if (passed + 1 == length_s) loop_.stop();
      }
      if (course == Course::kTalking && now >= next_word) {
        speak();
        next_word = now + kPause;
      }
      const MonoTime own = course == Course::kTalking ? next_word : began + seconds(passed + 1);
      return due ? std::min(*due, own) : own;
    });
  }

 private:
  void speak() {
    const auto to = host::to_sockaddr({spoken_to_, Port(9)});
    (void)sendto(voice_.get(), "word", 4, 0, to.get(), to.length);
  }

  void read_each() {
    for (const auto& [id, peer] : node_->netmap()->peers)
      (void)node_->device().underlay().traffic(reconcile::synthetic_address(id));
  }

  host::EventLoop& loop_;
  std::unique_ptr<MeshNode> node_;
  const IpAddress spoken_to_;
  const UniqueFd voice_;
};

NetmapPtr map_of(std::uint32_t peers) {
  auto map = netmap::sample_netmap(peers + 1);
  for (auto& [id, peer] : map.peers) peer.endpoints.clear();
  return std::make_shared<const netmap::Netmap>(std::move(map));
}

Status run(const std::string& state_dir, std::uint32_t peers, int length_s, Course course) {
  MESH_TRY_ASSIGN(auto instance, make_instance("meshi0", "meshiu0"));
  MESH_TRY_ASSIGN(auto identity, load_or_create_identity(state_dir));
  MESH_TRY_ASSIGN(auto loop, host::EventLoop::open());
  MeshNode::Events events;
  events.on_endpoints = [](const auto&) {};
  events.on_home = [](const auto&) {};
  events.on_gateway = [](const auto&, Port) {};
  events.on_lost = [] {};
  events.on_packets = [](const auto&) {};
  MESH_TRY_ASSIGN(auto node, MeshNode::start(loop, instance, identity, Port(0), std::move(events)));
  const NetmapPtr map = map_of(peers);
  MESH_TRY(node->apply(map, {}));
  const auto spoken_to = map->peers.begin()->second.addresses.front();
  const Status ran = IdleNode(loop, std::move(node), spoken_to).run(course, length_s);
  MESH_TRY(remove_device(instance));
  return ran;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 || sodium_init() < 0) return 64;
  const std::string word = argv[3];
  const Course course = word == "talking"   ? Course::kTalking
                        : word == "reading" ? Course::kReading
                                            : Course::kSilent;
  char state_dir[] = "/tmp/kernmesh-idle.XXXXXX";
  if (mkdtemp(state_dir) == nullptr) return 1;
  const Status done =
      run(state_dir, static_cast<std::uint32_t>(std::atoi(argv[1])), std::atoi(argv[2]), course);
  std::filesystem::remove_all(state_dir);
  if (done) return 0;
  std::fprintf(stderr, "idle-driver: %s\n", done.error().message().c_str());
  return 1;
}
