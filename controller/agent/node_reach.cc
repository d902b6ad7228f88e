// SPDX-License-Identifier: Apache-2.0
// Where a node can be reached, and through which relays (the rest of mesh_node.h).
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
    if (tls_.has(to)) return tls_.send(to, bytes);
    (void)socket_.send(to, std::nullopt, bytes);
  };
  events.on_streams = [this](RelayStreams::Relays relays) {
    problems_.note("the way through relays over TLS", tls_.set_relays(std::move(relays)));
  };
  events.on_ways = [this](const relay::SetRelayed& ways) {
    engine_.set_relayed(host::mono_now(), ways.peer, ways.ways, ways.leaving);
  };
  events.on_home = [this](std::optional<RelayId> home) { events_.on_home(home); };
  events.on_network = [this] { offer(); };
  return events;
}

TlsPath::Events MeshNode::tls_events() {
  TlsPath::Events events;
  // Of a local address nobody asks who is behind a relay.
  events.on_datagram = [this](std::span<const std::uint8_t> bytes, const Endpoint& relay) {
    on_datagram(bytes, relay, IpAddress());
  };
  events.on_read = [this] { run_commands(); };
  events.on_initiation = [this](NodeId peer, std::span<const std::uint8_t> message) {
    handshakes_.on_bridged(host::mono_now(), peer, message);
  };
  events.on_closed = [this] { relays_.on_stream_lost(host::mono_now()); };
  return events;
}

HandshakeKeeper::Events MeshNode::handshake_events() {
  HandshakeKeeper::Events events;
  // At once, and not when traffic is read the next time.
  events.on_wanted = [this](NodeId peer) {
    const MonoTime now = host::mono_now();
    engine_.on_traffic(now, peer, {now, std::nullopt, std::nullopt});
    if (netmap_ && netmap_->peers.contains(peer)) relays_.on_active(now, peer);
  };
  // What cannot be sent is lost.
  events.send = [this](const path::Way& way, std::span<const std::uint8_t> message) {
    const Bytes wrapped = way.is_relayed() ? relay::wrap_data(way.channel, message)
                                           : Bytes(message.begin(), message.end());
    if (tls_.has(way.endpoint)) return tls_.send(way.endpoint, wrapped);
    (void)socket_.send(way.endpoint, std::nullopt, wrapped);
  };
  return events;
}

void MeshNode::on_datagram(std::span<const std::uint8_t> bytes, const Endpoint& source,
                           const IpAddress& local) {
  const MonoTime now = host::mono_now();
  if (!relays_.on_datagram(now, bytes, source)) engine_.on_datagram(now, bytes, source, local);
}

void MeshNode::offer() {
  if (!uplinks_) return;
  auto endpoints = reconcile::offered_endpoints(*uplinks_, socket_.port(), kMostEndpoints);
  // First, because it is the likeliest to be reached when there are too many.
  if (mapped_) endpoints.insert(endpoints.begin(), *mapped_);
  const auto& report = relays_.report();
  engine_.set_offer(host::mono_now(),
                    netcheck::reachable_endpoints(report.value_or(netcheck::Report()), endpoints,
                                                  path::kMostOfferedEndpoints));
  events_.on_endpoints(netcheck::reported_endpoints(report, endpoints, kMostEndpoints));
}

void MeshNode::set_mapped(const std::optional<Endpoint>& external) {
  if (external == mapped_) return;
  mapped_ = external;
  offer();
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
