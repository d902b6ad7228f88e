// SPDX-License-Identifier: Apache-2.0
// A signer's word that a node belongs to the network, and the node's own word that it has a new
// WireGuard key (L1, pure; docs/adr/0012). Peers of a locked network take in nobody without.
//
// Big-endian:  version 1 (1) · digest of the lock's beginning 32 · machine key 32 · node key 32 ·
//   count (1) and addresses: 4 or 6 (1) and 4 or 16 bytes · signer 32 · its signature 64 ·
//   rotation number 8 · and unless that is 0: node key 32, signature of the machine key 64
#pragma once

#include <optional>

#include "controller/base/ip.h"
#include "controller/core/lock/chain.h"

namespace kernmesh::lock {

inline constexpr std::size_t kMostEndorsedAddresses = 8;
inline constexpr std::size_t kMostEndorsementBytes = 512;

// A node key that the node itself put in the endorsed one's place. Numbers only grow.
struct Rotation {
  std::uint64_t number = 1;
  NodePublicKey node_key;
  Signature signature{};  // by the machine key
  bool operator==(const Rotation&) const = default;
};

struct Endorsement {
  Digest lock{};
  MachinePublicKey machine_key;
  NodePublicKey node_key;  // when it was endorsed
  std::vector<IpAddress> addresses;
  Signer signer;
  Signature signature{};
  std::optional<Rotation> rotation;
  bool operator==(const Endorsement&) const = default;
};

// What the server says of a node.
struct Claim {
  const MachinePublicKey& machine_key;
  const NodePublicKey& node_key;
  const std::vector<IpAddress>& addresses;
};

Endorsement endorse(const Chain& chain, const Claim& claim, const Ed25519SecretKey& signer);
// By the node itself, without a person; its number is one above the last.
void rotate(Endorsement& endorsement, const NodePublicKey& node_key,
            const Ed25519SecretKey& machine);

// Whether the endorsement covers the claim. kPermissionDenied in words: of another lock, by nobody
// who is trusted, a signature that does not verify, of another key or address, or older than
// `least_rotation`, the highest number that was seen of this machine key. Of a lock that has ended
// nothing is asked.
Status check_endorsement(const Chain& chain, const Endorsement& endorsement, const Claim& claim,
                         std::uint64_t least_rotation);

Bytes encode(const Endorsement& endorsement);
// kCorrupt unless the bytes are exactly what encode() makes of an endorsement within the bounds.
Result<Endorsement> parse_endorsement(std::span<const std::uint8_t> bytes);

}  // namespace kernmesh::lock
