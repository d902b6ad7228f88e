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
  return mesh::v1::RUN_STATE_UP;
}

std::string name_at(const netmap::Relays& relays, const Endpoint& endpoint) {
  const netmap::Relay* relay = netmap::relay_at(relays, endpoint);
  return relay != nullptr ? relay->name : "";
}

std::string name_of(const netmap::Relays& relays, std::optional<RelayId> id) {
  const auto found = relays.known.find(id.value_or(RelayId()));
  return found != relays.known.end() ? found->second.name : "";
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
      out.set_relay_name(name_at(node.netmap()->relays, path->way->endpoint));
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
      if (relayed) out.set_relay_name(name_at(node.netmap()->relays, hop.destination));
      *out.mutable_path() = rpc::to_proto(hop.destination);
    }
  }
  if (const auto traffic = underlay.traffic(synth); traffic && *traffic) {
    out.set_rx_bytes((*traffic)->rx_bytes);
    out.set_tx_bytes((*traffic)->tx_bytes);
    out.set_rx_packets((*traffic)->rx_pkts);
    out.set_tx_packets((*traffic)->tx_pkts);
    const MonoTime rx_last = std::max((*traffic)->rx_last, (*traffic)->rx_last_relayed);
    out.set_last_rx_age_ms(age_ms(rx_last, now));
    out.set_last_tx_age_ms(age_ms((*traffic)->tx_last, now));
  }
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
  if (relayed) response.set_relay_name(name_at(relays, result.way->endpoint));
}

void fill_netcheck(const netcheck::Report& report, const netmap::Relays& relays,
                   mesh::v1::NetcheckResponse& response) {
  using Response = mesh::v1::NetcheckResponse;
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
  response.set_home_relay(name_of(relays, report.home));
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

}  // namespace kernmesh::agent
