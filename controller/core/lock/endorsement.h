// SPDX-License-Identifier: Apache-2.0
// A signer's word that a node belongs to the network, and the node's own word that it has a new
// WireGuard key (L1, pure; docs/adr/0012). Peers of a locked network take in nobody without.
//
// Big-endian:  version 1 (1) · digest of the lock's beginning 32 · machine key 32 · node key 32 ·
//   count (1) and addresses: 4 or 6 (1) and 4 or 16 bytes · rotations before it 8 · signer 32 ·
//   its signature 64 · rotation number 8 · and unless that is 0: node key 32, signature of the
//   machine key 64
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
  std::uint64_t base = 0;  // the number of the node's last rotation then
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

// `base` is base_for() of the endorsement that the node has.
Endorsement endorse(const Chain& chain, const Claim& claim, std::uint64_t base,
                    const Ed25519SecretKey& signer);
// By the node itself, without a person; its number is one above the last and above `least`.
void rotate(Endorsement& endorsement, const NodePublicKey& node_key,
            const Ed25519SecretKey& machine, std::uint64_t least = 0);

// The key that it covers now, and how many rotations led to it.
const NodePublicKey& key_of(const Endorsement& endorsement);
std::uint64_t rotation_of(const Endorsement& endorsement);

// From where a new endorsement of the claim counts rotations, so that peers who have seen the node
// rotate take it in: as far as `present`, when that is the same machine's and its signatures hold,
// and one above when the key is another than it covers.
std::uint64_t base_for(const Endorsement& present, const Claim& claim);

// What a signer sees of a node and compares with what the node itself shows: 32 hexadecimal digits
// in groups of four, of everything that he signs. Half of a BLAKE2b-256, so that nobody makes keys
// to a fingerprint that is there (2^128 tries).
std::string fingerprint(const Claim& claim);

// Whether the endorsement covers the claim. kPermissionDenied in words: of another lock, by nobody
// who is trusted, a signature that does not verify, of another key or address, or older than
// `least_rotation`, the highest number that was seen of this machine key. Of a lock that has ended
// nothing is asked.
Status check_endorsement(const Chain& chain, const Endorsement& endorsement, const Claim& claim,
                         std::uint64_t least_rotation);
// Its two halves: the signatures, which cost two verifications and are the same for ever, and the
// rest, which costs comparisons.
Status check_signatures(const Endorsement& endorsement);
Status check_claim(const Chain& chain, const Endorsement& endorsement, const Claim& claim,
                   std::uint64_t least_rotation);

Bytes encode(const Endorsement& endorsement);
// kCorrupt unless the bytes are exactly what encode() makes of an endorsement within the bounds.
Result<Endorsement> parse_endorsement(std::span<const std::uint8_t> bytes);

}  // namespace kernmesh::lock
