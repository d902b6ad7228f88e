// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/status_report.h"

#include <algorithm>

#include "controller/rpc/convert.h"

namespace kernmesh::agent {
namespace {

constexpr std::uint32_t kNever = 0xffffffff;  // proto/mesh/v1/local.proto

std::uint32_t age_ms(MonoTime at, MonoTime now) {
  if (at == MonoTime{}) return kNever;
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - at).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(age, 0, kNever - 1));
}

std::uint32_t to_us(Duration duration) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(us, 1, kNever));
}

mesh::v1::RunState run_state(const StatusFacts& facts) {
  if (!facts.logged_in) return mesh::v1::RUN_STATE_LOGGED_OUT;
  if (!facts.wanted_up) return mesh::v1::RUN_STATE_DOWN;
  if (facts.node == nullptr || !facts.node->netmap()) return mesh::v1::RUN_STATE_STARTING;
  const WallTime expiry = facts.node->netmap()->self.key_expires_at;
  if (expiry != WallTime{} && expiry <= facts.wall_now) return mesh::v1::RUN_STATE_EXPIRED;
  if (facts.node->netmap()->self.awaits_approval) return mesh::v1::RUN_STATE_PENDING;
  return mesh::v1::RUN_STATE_UP;
}

std::string name_at(const netmap::Relays& relays, const Endpoint& endpoint) {
  const netmap::Relay* relay = netmap::relay_at(relays, endpoint);
  return relay != nullptr ? relay->name : "";
}

// Of PeerStatus or PingResponse.
template <typename Message>
void put_relay(const netmap::Relays& relays, const Endpoint& endpoint, Message& out) {
  const netmap::Relay* relay = netmap::relay_at(relays, endpoint);
  if (relay == nullptr) return;
  out.set_relay_name(relay->name);
  out.set_relay_over_tls(netmap::is_over_tls(*relay, endpoint));
}

std::string name_of(const netmap::Relays& relays, std::optional<RelayId> id) {
  const auto found = relays.known.find(id.value_or(RelayId()));
  return found != relays.known.end() ? found->second.name : "";
}

// The programs count what goes by UDP, the agent what it carries itself.
void fill_traffic(const Result<std::optional<bpf::Traffic>>& counted, const StreamTraffic& carried,
                  MonoTime now, mesh::v1::PeerStatus& out) {
  if (!counted || !*counted) return;
  const bpf::Traffic& by_udp = **counted;
  out.set_rx_bytes(by_udp.rx_bytes + carried.rx_bytes);
  out.set_tx_bytes(by_udp.tx_bytes + carried.tx_bytes);
  out.set_rx_packets(by_udp.rx_pkts + carried.rx_packets);
  out.set_tx_packets(by_udp.tx_pkts + carried.tx_packets);
  const MonoTime rx_last = std::max({by_udp.rx_last, by_udp.rx_last_relayed, carried.rx_last});
  out.set_last_rx_age_ms(age_ms(rx_last, now));
  out.set_last_tx_age_ms(age_ms(by_udp.tx_last, now));
}

void fill_peer(const MeshNode& node, const netmap::Peer& peer, MonoTime now,
               mesh::v1::PeerStatus& out) {
  *out.mutable_peer() = rpc::to_proto(peer);
  const IpAddress synth = reconcile::synthetic_address(peer.id);
  out.set_synthetic_address(rpc::to_wire(synth));
  out.set_last_rx_age_ms(kNever);
  out.set_last_tx_age_ms(kNever);
  if (const auto path = node.engine().status(now, peer.id)) {
    out.set_session_active(path->active);
    if (path->way) *out.mutable_path() = rpc::to_proto(path->way->endpoint);
    if (path->latency) out.set_latency_us(to_us(*path->latency));
    if (path->loss) out.set_loss(*path->loss);
    if (path->message_limit != 0)
      out.set_mtu(std::min(node.mtu(), reconcile::mtu_of_message(path->message_limit)));
    if (path->kind == path::PathKind::kDirect)
      out.set_path_kind(mesh::v1::PeerStatus::PATH_KIND_DIRECT);
    if (path->kind == path::PathKind::kRelayed) {
      out.set_path_kind(mesh::v1::PeerStatus::PATH_KIND_RELAY);
      put_relay(node.netmap()->relays, path->way->endpoint, out);
    }
  }
  const auto& underlay = node.device().underlay();
  if (out.path_kind() == mesh::v1::PeerStatus::PATH_KIND_NONE) {
    // After a restart the kernel still has the path of before, until a probe confirms or replaces
    // it.
    if (const auto kept = underlay.path(synth); kept && *kept) {
      const auto& hop = (*kept)->primary;
      const bool relayed = hop.channel != 0;
      out.set_path_kind(relayed ? mesh::v1::PeerStatus::PATH_KIND_RELAY
                                : mesh::v1::PeerStatus::PATH_KIND_DIRECT);
      if (relayed) put_relay(node.netmap()->relays, hop.destination, out);
      *out.mutable_path() = rpc::to_proto(hop.destination);
    }
  }
  fill_traffic(underlay.traffic(synth), node.tls().traffic(peer.id), now, out);
}

}  // namespace

void fill_status(const StatusFacts& facts, mesh::v1::StatusResponse& response) {
  response.set_state(run_state(facts));
  const netmap::Netmap* map =
      facts.node != nullptr && facts.node->netmap() ? facts.node->netmap().get() : facts.stored;
  if (map != nullptr) *response.mutable_self() = rpc::to_proto(map->self);
  if (facts.node == nullptr) return;
  response.set_public_port(facts.node->public_port().value());
  response.set_attach_kind(facts.node->device().attach_kind());
  response.set_mtu(facts.node->mtu());
  if (facts.mapping) fill_mapping(*facts.mapping, *response.mutable_port_mapping());
  for (const auto& address : facts.node->uplinks().addresses) {
    *response.add_local_endpoints() = rpc::to_proto(Endpoint{address, facts.node->public_port()});
  }
  if (map == nullptr) return;
  response.set_home_relay(name_of(map->relays, facts.node->relays().home()));
  if (!facts.node->netmap()) return;
  for (const auto& [id, peer] : map->peers)
    fill_peer(*facts.node, peer, facts.now, *response.add_peers());
}

void fill_ping(const path::PingResult& result, const netmap::Relays& relays,
               mesh::v1::PingResponse& response) {
  response.set_timed_out(!result.latency);
  if (!result.latency) return;
  response.set_latency_us(to_us(*result.latency));
  const bool relayed = result.way && result.way->is_relayed();
  response.set_path_kind(relayed ? mesh::v1::PeerStatus::PATH_KIND_RELAY
                                 : mesh::v1::PeerStatus::PATH_KIND_DIRECT);
  if (result.way) *response.mutable_path() = rpc::to_proto(result.way->endpoint);
  if (relayed) put_relay(relays, result.way->endpoint, response);
}

void fill_netcheck(const netcheck::Report& report, const MeshNode* node,
                   mesh::v1::NetcheckResponse& response) {
  using Response = mesh::v1::NetcheckResponse;
  const bool has_map = node != nullptr && node->netmap();
  const netmap::Relays relays = has_map ? node->netmap()->relays : netmap::Relays();
  response.set_udp(report.udp);
  if (report.v4) *response.mutable_v4() = rpc::to_proto(*report.v4);
  if (report.v6) *response.mutable_v6() = rpc::to_proto(*report.v6);
  switch (report.mapping) {
    case netcheck::Mapping::kUnknown:
      break;
    case netcheck::Mapping::kIndependent:
      response.set_mapping(Response::MAPPING_SAME);
      break;
    case netcheck::Mapping::kSequential:
      response.set_mapping(Response::MAPPING_VARIES_IN_STEPS);
      break;
    case netcheck::Mapping::kRandom:
      response.set_mapping(Response::MAPPING_VARIES);
      break;
  }
  response.set_home_relay(name_of(relays, has_map ? node->relays().home() : report.home));
  if (has_map && !node->relays().udp_works()) {
    for (const auto& stream : node->tls().streams()) {
      auto* entry = response.add_tls_relays();
      entry->set_relay_name(name_at(relays, stream.relay));
      *entry->mutable_endpoint() = rpc::to_proto(stream.relay);
      entry->set_connected(stream.is_connected);
      entry->set_problem(stream.problem);
    }
  }
  for (const auto& latency : report.latencies) {
    auto* entry = response.add_latencies();
    const auto relay = relays.known.find(latency.relay);
    if (relay != relays.known.end()) {
      entry->set_relay_name(relay->second.name);
      entry->set_region(relay->second.region);
    }
    entry->set_latency_us(to_us(latency.round_trip));
  }
  response.set_relays(static_cast<std::uint32_t>(relays.known.size()));
}

void fill_mapping(const portmap::Mapping& mapping, mesh::v1::PortMapping& out) {
  switch (mapping.protocol) {
    case portmap::Protocol::kPcp:
      out.set_protocol(mesh::v1::PortMapping::PROTOCOL_PCP);
      break;
    case portmap::Protocol::kNatPmp:
      out.set_protocol(mesh::v1::PortMapping::PROTOCOL_NAT_PMP);
      break;
    case portmap::Protocol::kUpnp:
      out.set_protocol(mesh::v1::PortMapping::PROTOCOL_UPNP);
      break;
  }
  *out.mutable_external() = rpc::to_proto(mapping.external);
}

Status fill_routes(const MeshNode& node, const std::string& mesh_name,
                   mesh::v1::RoutesResponse& response) {
  if (!node.netmap()) return {};
  MESH_TRY_ASSIGN(const auto installed, node.device().installed_routes());
  const auto add = [&](const Prefix& destination, const std::string& peer, bool present) {
    auto* route = response.add_routes();
    *route->mutable_destination() = rpc::to_proto(destination);
    route->set_peer_name(peer);
    route->set_device(mesh_name);
    route->set_table(reconcile::kRouteTable);
    route->set_installed(present);
  };
  for (const auto& prefix : node.netmap()->self.overlay_prefixes) {
    const reconcile::Route wanted{prefix, node.device().mesh_index(), reconcile::kRouteTable};
    const bool present = std::find(installed.begin(), installed.end(), wanted) != installed.end();
    add(prefix, "", present);
    for (const auto& [id, peer] : node.netmap()->peers) {
      for (const auto& address : peer.addresses) {
        if (prefix.contains(address)) add(Prefix::host(address), peer.name, present);
      }
    }
  }
  return {};
}

mesh::v1::UpResponse up_answer(const netmap::Netmap* map, Duration took) {
  mesh::v1::UpResponse response;
  if (map != nullptr) {
    *response.mutable_self() = rpc::to_proto(map->self);
    response.set_peer_count(static_cast<std::uint32_t>(map->peers.size()));
  }
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(took);
  response.set_elapsed_ms(static_cast<std::uint32_t>(elapsed.count()));
  return response;
}

}  // namespace kernmesh::agent
