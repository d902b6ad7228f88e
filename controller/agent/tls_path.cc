// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/tls_path.h"

#include "controller/core/reconcile/desired.h"
#include "controller/core/relay/data_header.h"

namespace kernmesh::agent {
namespace {

constexpr std::size_t kLeastMessage = 32;  // WireGuard's data message without data
constexpr std::uint8_t kInitiation = 1, kLastType = 4;

// A type of 1 to 4 and three zeros.
bool is_wireguard(std::span<const std::uint8_t> message) {
  return message.size() >= kLeastMessage && message[0] >= 1 && message[0] <= kLastType &&
         message[1] == 0 && message[2] == 0 && message[3] == 0;
}

}  // namespace

TlsPath::TlsPath(host::EventLoop& loop, IfIndex device, Data data, Events events)
    : loop_(loop),
      device_(device),
      paths_(data.paths),
      underlay_(data.underlay),
      events_(std::move(events)) {}

Status TlsPath::open() {
  RelayStreams::Events of_streams;
  of_streams.on_datagram = [this](std::span<const std::uint8_t> datagram, const Endpoint& relay) {
    take_from_relay(datagram, relay);
  };
  of_streams.on_read = [this] {
    bridge_->flush();
    events_.on_read();
  };
  of_streams.on_closed = events_.on_closed;
  StreamBridge::Events of_bridge;
  of_bridge.on_message = [this](NodeId peer, std::span<const std::uint8_t> message) {
    take_from_wireguard(peer, message);
  };
  of_bridge.on_read = [this] { streams_->flush(); };
  MESH_TRY_ASSIGN(auto streams, RelayStreams::make(loop_, std::move(of_streams)));
  MESH_TRY_ASSIGN(bridge_, StreamBridge::open(loop_, device_, std::move(of_bridge)));
  streams_ = std::move(streams);
  return {};
}

Status TlsPath::set_relays(RelayStreams::Relays relays) {
  if (!streams_ && relays.empty()) return {};
  if (!streams_) MESH_TRY(open());
  streams_->set_relays(std::move(relays));
  return {};
}

void TlsPath::send(const Endpoint& relay, std::span<const std::uint8_t> datagram) {
  if (streams_) streams_->send(relay, datagram);
}

Status TlsPath::settle() {
  if (!streams_) return {};
  streams_->flush();
  std::set<NodeId> wanted;
  for (const auto& [peer, way] : paths_.bridged()) wanted.insert(peer);
  if (wanted == bridged_) return {};
  MESH_TRY(bridge_->set_peers(wanted));
  bridged_ = std::move(wanted);
  return {};
}

void TlsPath::expire(MonoTime now) {
  if (streams_) streams_->expire(now);
}

const StreamTraffic& TlsPath::traffic(NodeId peer) const {
  static const StreamTraffic kNone;
  const auto found = traffic_.find(peer);
  return found == traffic_.end() ? kNone : found->second;
}

Status TlsPath::health() const {
  if (!streams_ || streams_->problems().empty()) return {};
  return streams_->problems().begin()->second;
}

std::vector<StreamState> TlsPath::streams() const {
  std::vector<StreamState> states;
  if (!streams_) return states;
  for (const auto& [relay, fingerprint] : streams_->relays()) {
    const auto problem = streams_->problems().find(relay);
    const bool is_well = problem == streams_->problems().end();
    states.push_back(
        {relay, streams_->is_connected(relay), is_well ? "" : problem->second.message()});
  }
  return states;
}

void TlsPath::take_from_relay(std::span<const std::uint8_t> datagram, const Endpoint& relay) {
  const auto data = relay::parse_data(datagram);
  if (!data || !is_wireguard(data->message)) {
    events_.on_datagram(datagram, relay);
    return;
  }
  const NodeId peer = paths_.owner_of({relay, data->channel});
  if (peer == NodeId(0)) return;
  if (data->message[0] == kInitiation &&
      underlay_.gives_way(host::mono_now(), reconcile::synthetic_address(peer), data->message))
    return;
  for (StreamTraffic* traffic : {&traffic_[peer], &all_}) {
    ++traffic->rx_packets;
    traffic->rx_bytes += data->message.size();
    traffic->rx_last = host::mono_now();
  }
  heard_.insert(peer);
  bridge_->deliver(peer, data->message);
}

void TlsPath::take_from_wireguard(NodeId peer, std::span<const std::uint8_t> message) {
  const auto way = paths_.bridged().find(peer);
  if (way == paths_.bridged().end()) return;
  if (message[0] == kInitiation) events_.on_initiation(peer, message);
  for (StreamTraffic* traffic : {&traffic_[peer], &all_}) {
    ++traffic->tx_packets;
    traffic->tx_bytes += message.size();
  }
  streams_->send(way->second.endpoint, relay::wrap_data(way->second.channel, message));
}

}  // namespace kernmesh::agent
