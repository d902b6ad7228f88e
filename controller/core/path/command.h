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
#include "controller/core/path/way.h"

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

// last_rx is of direct ways alone. A shell that cannot tell the ways of arrival apart gives both
// the same time; then a direct way that answers pings and swallows data is not noticed.
struct Traffic {
  std::optional<MonoTime> last_tx;
  std::optional<MonoTime> last_rx;
  std::optional<MonoTime> last_rx_relayed;
};

enum class PathKind : std::uint8_t { kNone, kDirect, kRelayed };

struct PathStatus {
  PathKind kind = PathKind::kNone;
  std::optional<Way> way;
  std::optional<Duration> latency;  // round trip, smoothed
  // Of the probes on it within the last two minutes, those without an answer: 0 to 1.
  std::optional<double> loss;
  std::optional<MonoTime> last_pong;
  bool trusted = false;  // answered within the last 6.5 s
  bool active = false;   // the session carried traffic within the last 45 s
  // Both this and a relayed way are used until the peer says that data arrives on this one.
  bool provisional = false;
  std::uint32_t message_limit = 0;  // the largest WireGuard message that gets through, bytes
  std::size_t candidates = 0;
};

using PingRequestId = StrongId<struct PingRequestIdTag, std::uint64_t>;  // 0 names no request

// Send the bytes from the public port; from: the local address to use, none leaves it to routing.
// On a relayed way the bytes carry the relay's header already: they go to `to.endpoint` as they
// are.
struct SendDatagram {
  NodeId peer;
  Way to;
  std::optional<IpAddress> from;
  Bytes bytes;
  bool is_padded = false;  // to learn whether it arrives; that it cannot be sent says that, too
};
enum class Use : std::uint8_t { kPrimary, kBoth };
// Where the peer's WireGuard packets go. Without a primary there is no path. With a deadline they
// take both ways past it, whoever is alive to say so: it moves on with every proof of the primary.
struct SetPath {
  NodeId peer;
  std::optional<Way> primary;
  std::optional<Way> secondary;
  Use use = Use::kPrimary;  // kBoth only with a secondary
  std::optional<MonoTime> deadline;
  bool operator==(const SetPath&) const = default;
};
// The whole set of ways that the peer's WireGuard packets are accepted on, sorted.
struct SetSources {
  NodeId peer;
  std::vector<Way> sources;
};
// A relayed way does not answer: whoever holds it had better look at its relay.
struct DoubtRelay {
  NodeId peer;
  Way way;
};
// The end of a ping_now(); without latency: nothing answered.
struct PingResult {
  PingRequestId request;
  NodeId peer;
  std::optional<Way> way;
  std::optional<Duration> latency;
};
// The largest WireGuard message that gets through to the peer. What Engine::set_largest_message()
// said holds for a peer of which nothing else was said.
struct SetMessageLimit {
  NodeId peer;
  std::uint32_t bytes = 0;
};
// For a removed peer nothing is sent: whoever removes it forgets its path and sources.
using Command =
    std::variant<SendDatagram, SetPath, SetSources, SetMessageLimit, DoubtRelay, PingResult>;

}  // namespace kernmesh::path
