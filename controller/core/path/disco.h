// SPDX-License-Identifier: Apache-2.0
// Path-discovery messages on the wire (L1, pure). They share a UDP port with WireGuard and STUN:
// the first byte is neither one of WireGuard's types 1..4 nor below 0x40 as STUN's is (RFC 8489).
//
// Datagram, numbers big-endian, at most 9,216 bytes:
//   0   4  magic d4 60 0d 15
//   4   1  version, 1
//   5  32  sender's disco public key
//  37  24  nonce
//  61   -  crypto_box (X25519, XSalsa20-Poly1305): 16 bytes of tag, then the sealed body
// Sealed body: 1 byte type, then
//   1 ping          tx id 12 · node key 32 · issue time 8 (seconds since 1970) · signature 64 ·
//                   padding of any length, ignored
//   2 pong          tx id 12 · family 1 (4 or 6) · port 2 · address 16 (IPv4: first 4) ·
//                   data age 4 (ms since WireGuard data last came from the pinger; ffffffff: never)
//   3 call-me-maybe count 1 (<= 32) · count times (family 1 · port 2 · address 16)
// Bytes after a pong or a call-me-maybe are ignored, so that later versions may add fields. The
// signature is the sender's machine key's over "kernmesh disco v1" · disco key · node key · time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/base/byte_order.h"
#include "controller/base/clock.h"
#include "controller/base/ip.h"
#include "controller/base/key.h"
#include "controller/core/path/random_stream.h"

namespace kernmesh::path {

inline constexpr std::size_t kMostDatagramBytes = 9216;  // padded pings on jumbo frames
inline constexpr std::size_t kSealedOverheadBytes = 61 + 16;
inline constexpr std::size_t kPingBytes = kSealedOverheadBytes + 117;  // without padding
inline constexpr std::size_t kPongBytes = kSealedOverheadBytes + 36;
inline constexpr std::size_t kMostOfferedEndpoints = 32;
static_assert(kPongBytes < kPingBytes, "an answer must never be larger than its question");

using TransactionId = std::array<std::uint8_t, 12>;
using SharedKey = SecretBytes<32>;

// The machine key's word that a disco key belongs to a node since a time.
struct Attestation {
  WallTime issued_at{};
  Signature signature{};
};
Attestation attest(const Ed25519SecretKey& machine_secret, const DiscoPublicKey& disco_key,
                   const NodePublicKey& node_key, WallTime issued_at);
bool attested(const MachinePublicKey& machine_key, const DiscoPublicKey& disco_key,
              const NodePublicKey& node_key, const Attestation& attestation);

struct Ping {
  TransactionId tx{};
  NodePublicKey node_key;
  Attestation attestation;
  std::size_t padding_bytes = 0;
};
struct Pong {
  TransactionId tx{};
  Endpoint observed;  // the ping's source as it was seen
  std::optional<std::chrono::milliseconds> data_age;
};
struct CallMeMaybe {
  std::vector<Endpoint> endpoints;
};
using Message = std::variant<Ping, Pong, CallMeMaybe>;

// Why a datagram is not a message. Values only: nothing is allocated before authentication.
enum class Defect : std::uint8_t {
  kTooShort,
  kTooLong,
  kNotDisco,        // another magic
  kVersion,         // a version that this build does not speak
  kNotAuthentic,    // the box does not open
  kUnknownType,     // authentic, of a type that this build does not know
  kTruncated,       // authentic, shorter than its type asks for
  kBadEndpoint,     // authentic, with an address family other than 4 and 6
  kTooManyOffered,  // authentic, more than 32 endpoints
};
std::string_view to_string(Defect defect);

template <typename T>
using Parsed = std::variant<T, Defect>;

// A sealed message, borrowing the datagram's bytes.
struct Envelope {
  DiscoPublicKey sender;
  std::span<const std::uint8_t, 24> nonce;
  std::span<const std::uint8_t> box;
};
Parsed<Envelope> parse_envelope(std::span<const std::uint8_t> datagram);

// The key of both directions; none when theirs is a point of low order.
std::optional<SharedKey> shared_key(const DiscoPublicKey& theirs, const X25519SecretKey& ours);

Parsed<Message> open(const Envelope& envelope, const SharedKey& key);

// The nonce is drawn from `random`. A ping's padding is cut to kMostDatagramBytes; asserts that at
// most kMostOfferedEndpoints are offered.
Bytes seal(const Message& message, const DiscoPublicKey& sender, const SharedKey& key,
           RandomStream& random);

}  // namespace kernmesh::path
