// SPDX-License-Identifier: Apache-2.0
// Control messages between a client and a relay (L1, pure; docs/adr/0009). They share a UDP port
// with STUN, disco, WireGuard and relayed data. Numbers are big-endian.
//
//   0   4  magic d4 60 0d 16
//   4   1  version, 1
//   5   1  kind
//   6  32  the client's disco public key
//   kind 1  hello      zeros up to 128 bytes
//   kind 2  challenge  cookie 24
//   kind 3  request    cookie 24 · nonce 24 · box
//   kind 4  answer     nonce 24 · box
// A box is crypto_box (X25519, XSalsa20-Poly1305) between the client's disco key and the relay's
// key. A request's box is sealed with BLAKE2b-24(cookie · nonce), so that nobody can put a captured
// box behind a cookie of his own address; an answer's with the nonce itself. A request is padded to
// 128 bytes and is longer than any answer to it. Bytes after a body are ignored, so that later
// versions may add fields.
#pragma once

#include <string_view>
#include <variant>

#include "controller/base/byte_order.h"
#include "controller/base/key.h"
#include "controller/core/path/disco.h"
#include "controller/core/relay/exchange.h"

namespace kernmesh::relay {

using path::RandomStream;
using path::SharedKey;
using Cookie = std::array<std::uint8_t, 24>;
inline constexpr std::size_t kLeastRequestBytes = 128;  // of hellos, too
inline constexpr std::size_t kMostControlBytes = 512;
inline constexpr std::size_t kChallengeBytes = 62;
static_assert(kChallengeBytes < kLeastRequestBytes, "an answer is never longer than its request");

// Why a datagram is not a message. Nothing is allocated before authentication.
enum class Defect : std::uint8_t {
  kTooShort,
  kTooLong,
  kNotControl,  // another magic
  kVersion,     // a version that this build does not speak
  kUnknownKind,
  kNotAuthentic,  // the box does not open
  kUnknownType,   // authentic, of a type that this build does not know
  kTruncated,     // authentic, shorter than its type asks for
  kBadValue,      // authentic, with an address family, state or reason that does not exist
};
std::string_view to_string(Defect defect);
template <typename T>
using Parsed = std::variant<T, Defect>;

struct Hello {
  DiscoPublicKey client;
};
struct Challenge {
  DiscoPublicKey client;
  Cookie cookie{};
};
// The sealed ones borrow the datagram's bytes.
struct SealedRequest {
  DiscoPublicKey client;
  Cookie cookie{};
  std::span<const std::uint8_t, 24> nonce;
  std::span<const std::uint8_t> box;
};
struct SealedAnswer {
  DiscoPublicKey client;
  std::span<const std::uint8_t, 24> nonce;
  std::span<const std::uint8_t> box;
};
using Datagram = std::variant<Hello, Challenge, SealedRequest, SealedAnswer>;
bool is_control(std::span<const std::uint8_t> datagram);  // by its magic
Parsed<Datagram> parse_datagram(std::span<const std::uint8_t> datagram);
Bytes encode(const Hello& hello);
Bytes encode(const Challenge& challenge);

// `client` is the client's key in both; the nonce is drawn from `random`.
Bytes seal(const Request& request, const DiscoPublicKey& client, const Cookie& cookie,
           const SharedKey& key, RandomStream& random);
Bytes seal(const Answer& answer, const DiscoPublicKey& client, const SharedKey& key,
           RandomStream& random);
Parsed<Request> open(const SealedRequest& sealed, const SharedKey& key);
Parsed<Answer> open(const SealedAnswer& sealed, const SharedKey& key);

// The key of both directions; none when theirs is a point of low order.
std::optional<SharedKey> shared_key(const RelayPublicKey& relay, const X25519SecretKey& client);
std::optional<SharedKey> shared_key(const DiscoPublicKey& client, const X25519SecretKey& relay);
RelayPublicKey relay_public_key(const X25519SecretKey& relay);

}  // namespace kernmesh::relay
