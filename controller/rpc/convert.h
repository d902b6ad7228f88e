// SPDX-License-Identifier: Apache-2.0
// Messages of proto/mesh/v1 as values of core and back (L2, pure). from_proto() checks that every
// value is well formed and within bounds, and names the field that is not; whether a well-formed
// netmap makes sense for this node is for the receiver to judge.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/base/result.h"
#include "controller/core/netmap/digest.h"
#include "controller/core/netmap/netmap.h"
#include "controller/core/netmap/relay.h"
#include "mesh/v1/coordination.pb.h"
#include "mesh/v1/types.pb.h"

namespace kernmesh::rpc {

// Bounds on what one message may hold. Ten times the largest network that is planned for (10,000
// nodes), so that a hostile server cannot make an agent allocate without end.
inline constexpr std::size_t kMaxPeers = 100'000;
inline constexpr std::size_t kMaxEndpoints = 32;  // of one node: addresses of a multi-homed host
inline constexpr std::size_t kMaxAddresses = 8;   // overlay addresses of one node
inline constexpr std::size_t kMaxOverlayPrefixes = 8;
inline constexpr std::size_t kMaxRelays = 256;
inline constexpr std::size_t kMaxRelayEndpoints = 8;
inline constexpr std::size_t kMaxLockStatements = 4096;  // core/lock/history.h, both
inline constexpr std::size_t kMaxLockBytes = 1 << 20;
inline constexpr std::size_t kMaxEndorsementBytes = 512;  // core/lock/endorsement.h
inline constexpr std::size_t kMaxNodeName = 63;           // one DNS label, RFC 1035 2.3.4
inline constexpr std::size_t kMaxUserName = 254;          // as long as an e-mail address, RFC 5321

// The 4 or 16 bytes in network order.
std::string to_wire(const IpAddress& address);
Result<IpAddress> address_from_wire(std::string_view bytes);
template <typename Tag>
std::string to_wire(const PublicKey<Tag>& key) {
  return {reinterpret_cast<const char*>(key.bytes().data()), key.bytes().size()};
}
std::string to_wire(const netmap::Digest& digest);
std::string to_wire(const Bytes& bytes);
Bytes bytes_from_wire(std::string_view bytes);
// The 32 bytes; an all-zero key is refused.
Result<MachinePublicKey> machine_key_from_wire(std::string_view bytes);
Result<NodePublicKey> node_key_from_wire(std::string_view bytes);
Result<DiscoPublicKey> disco_key_from_wire(std::string_view bytes);
Result<RelayPublicKey> relay_key_from_wire(std::string_view bytes);
Result<TicketPublicKey> ticket_key_from_wire(std::string_view bytes);
Result<netmap::CertificateFingerprint> tls_fingerprint_from_wire(std::string_view bytes);

// Seconds since 1970, 0: never.
std::int64_t to_wire(WallTime time);
// From 0 to the end of the year 9999.
Result<WallTime> time_from_wire(std::int64_t seconds);

mesh::v1::Prefix to_proto(const Prefix& prefix);
mesh::v1::Endpoint to_proto(const Endpoint& endpoint);
mesh::v1::MapVersion to_proto(const MapVersion& version);
mesh::v1::Self to_proto(const netmap::Self& self);
mesh::v1::Peer to_proto(const netmap::Peer& peer);
mesh::v1::RelayPlace to_proto(const netmap::Relay& relay);
mesh::v1::RelayMap to_proto(const netmap::Relays& relays);
mesh::v1::LockChain to_proto(const netmap::LockStatements& statements);

Result<Prefix> from_proto(const mesh::v1::Prefix& message);
// Port 0, unspecified, multicast and IPv4-mapped addresses are refused.
Result<Endpoint> from_proto(const mesh::v1::Endpoint& message);
Result<std::vector<Endpoint>> from_proto(const mesh::v1::EndpointList& message);
MapVersion from_proto(const mesh::v1::MapVersion& message);
Result<netmap::Self> from_proto(const mesh::v1::Self& message);
Result<netmap::Peer> from_proto(const mesh::v1::Peer& message);

Result<netmap::Relay> from_proto(const mesh::v1::RelayPlace& message);
// A ticket of another length is of a later version, and left out.
Result<netmap::Relays> from_proto(const mesh::v1::RelayMap& message);
// Bytes within bounds; what they say is for core/lock to judge.
Result<netmap::LockStatements> from_proto(const mesh::v1::LockChain& message);

// What a Watch stream brings: a whole map, a change, or a sign of life with the newest version.
struct Keepalive {
  MapVersion version;
  bool operator==(const Keepalive&) const = default;
};
using Update = std::variant<netmap::Netmap, netmap::Delta, Keepalive>;

// With the peers that the node's lock has left out: what the server sent.
mesh::v1::NetmapUpdate to_proto(const netmap::Netmap& map);
mesh::v1::NetmapUpdate to_proto(const netmap::Delta& delta);
mesh::v1::NetmapUpdate to_proto(const Keepalive& keepalive);
// Refuses a peer or removed id that appears twice, and an update without a body.
Result<Update> from_proto(const mesh::v1::NetmapUpdate& message);

// The stored form of a map is that of a snapshot message.
Result<netmap::Netmap> netmap_from_proto(const mesh::v1::NetmapUpdate& message);

}  // namespace kernmesh::rpc
