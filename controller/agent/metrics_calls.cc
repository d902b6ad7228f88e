// SPDX-License-Identifier: Apache-2.0
// What a scraper and a probe ask of the agent (L3): each call comes on the page server's thread,
// hands its work to the loop and waits for the answer.
#include <spdlog/spdlog.h>

#include <chrono>
#include <future>

#include "controller/agent/acl_report.h"
#include "controller/agent/agent.h"
#include "controller/agent/loop_call.h"
#include "controller/agent/metrics.h"
#include "controller/core/maplayout/image_view.h"

namespace kernmesh::agent {
namespace {

std::uint64_t& of_kind(NodeNumbers& numbers, path::PathKind kind) {
  switch (kind) {
    case path::PathKind::kDirect:
      return numbers.direct_peers;
    case path::PathKind::kRelayed:
      return numbers.relayed_peers;
    case path::PathKind::kNone:
      break;
  }
  return numbers.pathless_peers;
}

Result<PeerNumbers> numbers_of_peer(const MeshNode& node, const netmap::Peer& peer,
                                    const std::optional<path::PathStatus>& path) {
  PeerNumbers numbers;
  numbers.name = peer.name;
  if (path) {
    numbers.path = path->kind;
    numbers.latency = path->latency;
    numbers.loss = path->loss;
  }
  MESH_TRY_ASSIGN(const auto traffic,
                  node.device().underlay().traffic(reconcile::synthetic_address(peer.id)));
  const StreamTraffic& carried = node.tls().traffic(peer.id);
  numbers.rx_bytes = carried.rx_bytes + (traffic ? traffic->rx_bytes : 0);
  numbers.tx_bytes = carried.tx_bytes + (traffic ? traffic->tx_bytes : 0);
  return numbers;
}

Status put_peer_numbers(const MeshNode& node, MonoTime now, std::uint32_t most_told,
                        NodeNumbers& numbers) {
  if (!node.netmap()) return {};
  const auto& peers = node.netmap()->peers;
  const bool told = peers.size() <= most_told;
  for (const auto& [id, peer] : peers) {
    const auto path = node.engine().status(now, id);
    ++of_kind(numbers, path ? path->kind : path::PathKind::kNone);
    if (!told) continue;
    MESH_TRY_ASSIGN(auto of_peer, numbers_of_peer(node, peer, path));
    numbers.peers.push_back(std::move(of_peer));
  }
  return {};
}

StreamNumbers numbers_of_streams(const TlsPath& tls) {
  const StreamTraffic& all = tls.traffic();
  StreamNumbers numbers{.rx_packets = all.rx_packets,
                        .tx_packets = all.tx_packets,
                        .rx_bytes = all.rx_bytes,
                        .tx_bytes = all.tx_bytes};
  for (const auto& stream : tls.streams())
    ++(stream.is_connected ? numbers.connected : numbers.unconnected);
  return numbers;
}

LockNumbers numbers_of(const mesh::v1::LockStatus& lock) {
  LockNumbers numbers;
  numbers.is_in_force = lock.state() == mesh::v1::LockStatus::STATE_IN_FORCE;
  numbers.is_refused = !lock.problem().empty();
  numbers.is_endorsed = lock.is_endorsed();
  numbers.left_out = static_cast<std::uint64_t>(lock.left_out_size());
  numbers.statements = lock.number();
  return numbers;
}

Result<NodeNumbers> numbers_of(const MeshNode& node, MonoTime now, std::uint32_t most_told) {
  NodeNumbers numbers;
  MESH_TRY(put_peer_numbers(node, now, most_told, numbers));
  numbers.streams = numbers_of_streams(node.tls());
  const auto& programs = node.device().access().programs();
  MESH_TRY_ASSIGN(numbers.underlay, node.device().underlay().counters());
  MESH_TRY_ASSIGN(numbers.acl, programs.counters());
  MESH_TRY_ASSIGN(numbers.flows, programs.count_flows());
  numbers.max_flows = programs.max_flows();
  const maplayout::ImageView image(programs.live());
  if (const auto header = image.at<mesh_acl_header>(0, 0)) numbers.generation = header->generation;
  numbers.rules = rule_count(programs.live());
  numbers.image_bytes = programs.live().size_bytes();
  numbers.is_policy_in_force = node.is_policy_in_force();
  numbers.policy_failed_at = node.policy_failed_at();
  if (node.netmap()) numbers.key_expires_at = node.netmap()->self.key_expires_at;
  return numbers;
}

}  // namespace

std::string Agent::metrics() {
  const auto text = on_loop<std::string>([this]() -> Result<std::string> {
    AgentNumbers numbers;
    numbers.connected = connected_;
    numbers.received = received_;
    numbers.applied = applied_;
    numbers.problems = problems().size();
    if (lock_) numbers.lock = numbers_of(lock_->status());
    if (mapping_ && mapping_->mapping()) numbers.mapped_by = mapping_->mapping()->protocol;
    if (node_) {
      MESH_TRY_ASSIGN(numbers.node, numbers_of(*node_, host::mono_now(), options_.most_peers_told));
    }
    return render_metrics(numbers);
  });
  if (text) return *text;
  spdlog::warn("no metrics: {}", text.error().message());
  return "";
}

bool Agent::is_healthy() {
  const auto healthy = on_loop<bool>([this]() -> Result<bool> {
    return settings_.wanted != Wanted::kUp ||
           (node_ && node_->netmap() && node_->is_policy_in_force() &&
            !lease_.has_ended(host::mono_now()));
  });
  return healthy && *healthy;
}

}  // namespace kernmesh::agent
