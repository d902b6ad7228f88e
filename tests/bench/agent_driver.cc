// SPDX-License-Identifier: Apache-2.0
// A node of the mesh with many peers for the benchmark: its device, gate, underlay maps and path
// engine, as in mesh-agent, without the server. Changes one peer whenever it is told to.
//   agent-driver COUNT      answers each line of its input, "step" or "whole"
// A change goes through NetmapReceiver (merge, validate, store on disk) and MeshNode::apply(), with
// what the receiver tells of the change ("step") or without ("whole"). The answer is microseconds:
// those of the receiver and those of the node. Before that one line for the parts of the receiver's
// work at COUNT peers: copy, validate, digest, store.
#include <sodium.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include "controller/agent/device_removal.h"
#include "controller/agent/mesh_node.h"
#include "controller/agent/saved_state.h"
#include "controller/core/netmap/digest.h"
#include "tests/unit/core/netmap/sample_netmap.h"

namespace {

using namespace kernmesh;
using namespace kernmesh::agent;
using Clock = std::chrono::steady_clock;

template <typename Work>
double us_of(const Work& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

class Bench {
 public:
  Bench(std::string state_dir, Identity identity, Instance instance, host::EventLoop loop)
      : state_dir_(std::move(state_dir)),
        identity_(std::move(identity)),
        instance_(std::move(instance)),
        loop_(std::move(loop)) {
    rules_.own = {machine_public_key(identity_.machine), node_public_key(identity_.node),
                  disco_public_key(identity_.disco)};
    receiver_.emplace(state_dir_, topology::CaFingerprint{}, rules_, nullptr,
                      NetmapReceiver::Events{[this](NetmapPtr map, std::optional<NetmapStep> step) {
                                               map_ = std::move(map);
                                               step_ = std::move(step);
                                             },
                                             [this](const Status& saved) { saved_ = saved; }});
  }
  ~Bench() {
    node_.reset();
    if (const Status removed = remove_device(instance_); !removed)
      std::fprintf(stderr, "agent-driver: %s\n", removed.error().message().c_str());
  }

  Status start(std::uint32_t count) {
    count_ = count;
    MeshNode::Events events;
    events.on_endpoints = [](const auto&) {};
    events.on_home = [](const auto&) {};
    events.on_gateway = [](const auto&, Port) {};
    events.on_lost = [] {};
    MESH_TRY_ASSIGN(node_,
                    MeshNode::start(loop_, instance_, identity_, Port(0), std::move(events)));
    MESH_TRY(receiver_->on_update(rpc::Update(netmap::sample_netmap(count + 1))));
    return node_->apply(map_, step_);
  }

  void print_parts() const {
    netmap::Netmap copy;
    std::printf("%.0f ", us_of([&] { copy = *map_; }));
    std::printf("%.0f ", us_of([&] { (void)netmap::validate(copy, rules_.own, rules_.limits); }));
    std::printf("%.0f ", us_of([&] { (void)netmap::section_digests(copy); }));
    std::printf("%.0f\n", us_of([&] { (void)save_netmap(state_dir_, {}, copy); }));
    std::fflush(stdout);
  }

  enum class Way { kStep, kWhole };
  Status change(Way way) {
    netmap::Delta delta;
    delta.from = map_->version;
    delta.to = {delta.from.epoch, Revision(delta.from.revision.value() + 1)};
    const auto peer = netmap::sample_peer(count_ + 2);
    if (map_->peers.contains(peer.id)) {
      delta.removed.push_back(peer.id);
    } else {
      delta.upserted.push_back(peer);
    }
    Status done;
    const double received =
        us_of([&] { done = receiver_->on_update(rpc::Update(std::move(delta))); });
    MESH_TRY(done);
    MESH_TRY(saved_);
    if (!step_) return Error(ErrorCode::kInvalid, "the receiver told no step");
    if (way == Way::kWhole) step_.reset();
    const double applied = us_of([&] { done = node_->apply(map_, step_); });
    step_.reset();
    MESH_TRY(done);
    std::printf("%.0f %.0f\n", received, applied);
    std::fflush(stdout);
    return {};
  }

 private:
  const std::string state_dir_;
  const Identity identity_;
  const Instance instance_;
  host::EventLoop loop_;
  netmap::MergeRules rules_;
  std::optional<NetmapReceiver> receiver_;
  std::unique_ptr<MeshNode> node_;
  NetmapPtr map_;
  std::optional<NetmapStep> step_;
  Status saved_;
  std::uint32_t count_ = 0;
};

Status run(const std::string& state_dir, std::uint32_t count) {
  MESH_TRY_ASSIGN(auto instance, make_instance("meshb0", "meshbu0"));
  MESH_TRY_ASSIGN(auto identity, load_or_create_identity(state_dir));
  MESH_TRY_ASSIGN(auto loop, host::EventLoop::open());
  Bench bench(state_dir, std::move(identity), std::move(instance), std::move(loop));
  MESH_TRY(bench.start(count));
  bench.print_parts();
  std::string way;
  while (std::getline(std::cin, way)) {
    MESH_TRY(bench.change(way == "step" ? Bench::Way::kStep : Bench::Way::kWhole));
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || sodium_init() < 0) return 64;
  spdlog::set_default_logger(spdlog::stderr_logger_mt("agent-driver"));  // answers go to stdout
  char state_dir[] = "/tmp/kernmesh-bench.XXXXXX";
  if (mkdtemp(state_dir) == nullptr) return 1;
  const Status done = run(state_dir, static_cast<std::uint32_t>(std::atoi(argv[1])));
  std::filesystem::remove_all(state_dir);
  if (done) return 0;
  std::fprintf(stderr, "agent-driver: %s\n", done.error().message().c_str());
  return 1;
}
