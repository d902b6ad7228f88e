// SPDX-License-Identifier: Apache-2.0
// Where a node can be reached, and through which relays (the rest of mesh_node.h).
#include <algorithm>

#include "controller/agent/mesh_node.h"

namespace kernmesh::agent {
namespace {

// How many endpoints a node may report (controller/rpc/convert.h, kMaxEndpoints).
constexpr std::size_t kMostEndpoints = 32;

}  // namespace

RelayUse::Events MeshNode::relay_events() {
  RelayUse::Events events;
  // A relay that cannot be sent to does not answer, which is noticed soon enough.
  events.send = [this](const Endpoint& to, std::span<const std::uint8_t> bytes) {
    (void)socket_.send(to, std::nullopt, bytes);
  };
  events.on_ways = [this](const relay::SetRelayed& ways) {
    engine_.set_relayed(host::mono_now(), ways.peer, ways.ways, ways.leaving);
  };
  events.on_home = [this](std::optional<RelayId> home) { events_.on_home(home); };
  events.on_network = [this] { offer(); };
  return events;
}

void MeshNode::on_datagram(std::span<const std::uint8_t> bytes, const Endpoint& source,
                           const IpAddress& local) {
  const MonoTime now = host::mono_now();
  if (!relays_.on_datagram(now, bytes, source)) engine_.on_datagram(now, bytes, source, local);
}

// Ports that are only guessed go to peers that call, and not to everybody.
void MeshNode::offer() {
  if (!uplinks_) return;
  auto endpoints = reconcile::offered_endpoints(*uplinks_, socket_.port(), kMostEndpoints);
  const auto& report = relays_.report();
  if (report) {
    engine_.set_offer(host::mono_now(), netcheck::reachable_endpoints(*report, endpoints));
    for (const auto& seen : {report->v6, report->v4}) {
      if (seen && std::find(endpoints.begin(), endpoints.end(), *seen) == endpoints.end())
        endpoints.push_back(*seen);
    }
    endpoints.resize(std::min(endpoints.size(), kMostEndpoints));
  } else {
    engine_.set_offer(host::mono_now(), endpoints);
  }
  events_.on_endpoints(std::move(endpoints));
}

Status MeshNode::check_network(RelayUse::CheckDone done) {
  if (relays_.check(host::mono_now(), std::move(done))) {
    run_commands();
    return {};
  }
  return Error(ErrorCode::kNotFound,
               "this network has no relays to ask: `meshadm key create --relay` begins one");
}

}  // namespace kernmesh::agent
