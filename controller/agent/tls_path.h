// SPDX-License-Identifier: Apache-2.0
// The way through relays over TLS, from WireGuard to the relay and back (L3): where UDP is blocked,
// packets pass this process, in batches. Opens nothing before some relay is reached that way.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "controller/agent/path_writer.h"
#include "controller/agent/relay_streams.h"
#include "controller/agent/stream_bridge.h"

namespace kernmesh::agent {

struct StreamTraffic {
  std::uint64_t rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0;
  MonoTime rx_last{};  // 0: nothing yet
};

struct StreamState {
  Endpoint relay;
  bool is_connected = false;
  std::string problem;  // of the last try; empty: none, or it is under way
};

class TlsPath {
 public:
  struct Events {
    // What is no message of WireGuard's: relays' words, and path discovery in channels. Nothing of
    // this object may be called from there; on_read follows when it may.
    std::function<void(std::span<const std::uint8_t>, const Endpoint& relay)> on_datagram;
    std::function<void()> on_read;
    // WireGuard's initiation to a peer, before it leaves.
    std::function<void(NodeId, std::span<const std::uint8_t>)> on_initiation;
    std::function<void()> on_closed;  // a connection ended, and with it what relays knew by it
  };
  // The two borrowed; they outlive this.
  struct Data {
    const PathWriter& paths;  // whose packets go by which stream, and whose come
    bpf::Underlay& underlay;
  };
  TlsPath(host::EventLoop& loop, IfIndex device, Data data, Events events);

  Status set_relays(RelayStreams::Relays relays);
  bool has(const Endpoint& relay) const { return streams_ && streams_->has(relay); }
  void send(const Endpoint& relay, std::span<const std::uint8_t> datagram);
  // Sends what waits, and follows `paths`. After every change of it.
  Status settle();
  void expire(MonoTime now);
  void on_moved() {
    if (streams_) streams_->on_moved();
  }
  // What was carried of the peer's, which no program has counted.
  const StreamTraffic& traffic(NodeId peer) const;
  // Of all peers since the start, also of those that have left.
  const StreamTraffic& traffic() const { return all_; }
  // Whose messages have come since the last call.
  std::set<NodeId> take_heard() { return std::exchange(heard_, {}); }
  void forget(NodeId peer) {
    traffic_.erase(peer);
    heard_.erase(peer);
  }
  // What is wrong with relays over TLS; success when nothing is.
  Status health() const;
  // Every relay that is reached over TLS now: connected, or why not.
  std::vector<StreamState> streams() const;

 private:
  Status open();
  void take_from_relay(std::span<const std::uint8_t> datagram, const Endpoint& relay);
  void take_from_wireguard(NodeId peer, std::span<const std::uint8_t> message);

  host::EventLoop& loop_;
  const IfIndex device_;
  const PathWriter& paths_;
  bpf::Underlay& underlay_;
  const Events events_;
  std::unique_ptr<RelayStreams> streams_;
  std::unique_ptr<StreamBridge> bridge_;
  std::set<NodeId> bridged_;
  std::map<NodeId, StreamTraffic> traffic_;
  StreamTraffic all_;
  std::set<NodeId> heard_;
};

}  // namespace kernmesh::agent
