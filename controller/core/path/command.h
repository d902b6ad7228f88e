// SPDX-License-Identifier: Apache-2.0
// The values that go into and come out of the path engine (L1, pure).
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/base/key.h"
#include "controller/core/path/disco.h"

namespace kernmesh::path {

// Who this node is to its peers. The attestation is made with attest() when the disco key is new
// or read from disk, so that the machine key need not stay in memory.
struct LocalIdentity {
  X25519SecretKey disco_secret;
  NodePublicKey node_key;
  Attestation attestation;
};

// A peer as the netmap has it.
struct PeerInfo {
  NodeId id;
  MachinePublicKey machine_key;
  NodePublicKey node_key;
  DiscoPublicKey disco_key;
  std::vector<Endpoint> endpoints;  // what it last reported; unusable ones are ignored
  bool operator==(const PeerInfo&) const = default;
};

enum class Loopback { kRefuse, kAllow };

struct Settings {
  Loopback loopback = Loopback::kRefuse;  // kAllow: paths inside one machine
  double probes_per_second = 500;         // discovery, all peers together; heartbeats come on top
  double probe_burst = 1000;
};

struct Traffic {
  std::optional<MonoTime> last_tx;
  std::optional<MonoTime> last_rx;
};

// A path's kind. Others (mapped by a NAT, relayed) join when the engine learns them.
enum class PathKind : std::uint8_t { kNone, kDirect };

struct PathStatus {
  PathKind kind = PathKind::kNone;
  std::optional<Endpoint> endpoint;
  std::optional<Duration> latency;  // round trip, smoothed
  std::optional<MonoTime> last_pong;
  bool trusted = false;  // answered within the last 6.5 s
  bool active = false;   // the session carried traffic within the last 45 s
  std::size_t candidates = 0;
};

using PingRequestId = StrongId<struct PingRequestIdTag, std::uint64_t>;  // 0 names no request

// Send the bytes from the public port; from: the local address to use, none leaves it to routing.
struct SendDatagram {
  NodeId peer;
  Endpoint to;
  std::optional<IpAddress> from;
  Bytes bytes;
};
// Where the peer's WireGuard packets go. With a secondary they go to both. Without a primary there
// is no path.
struct SetPath {
  NodeId peer;
  std::optional<Endpoint> primary;
  std::optional<Endpoint> secondary;
  bool operator==(const SetPath&) const = default;
};
// The whole set of remote endpoints that the peer's WireGuard packets are accepted from, sorted.
struct SetSources {
  NodeId peer;
  std::vector<Endpoint> sources;
};
// The end of a ping_now(); without latency: nothing answered.
struct PingResult {
  PingRequestId request;
  NodeId peer;
  std::optional<Endpoint> endpoint;
  std::optional<Duration> latency;
};
// For a removed peer nothing is sent: whoever removes it forgets its path and sources.
using Command = std::variant<SendDatagram, SetPath, SetSources, PingResult>;

}  // namespace kernmesh::path
