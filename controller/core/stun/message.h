// SPDX-License-Identifier: Apache-2.0
// STUN binding requests and answers (RFC 8489) as bytes and as values (L1, pure). Only what a node
// needs to learn how its public port looks from outside: no long-term credentials, no TCP framing,
// no servers of RFC 3489, which know no magic cookie.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/base/byte_order.h"
#include "controller/base/ip.h"

namespace kernmesh::stun {

using TransactionId = std::array<std::uint8_t, 12>;

inline constexpr std::size_t kHeaderBytes = 20;  // RFC 8489 section 5
// What a datagram without fragments carries at least (RFC 8489 section 6.1, IPv6's 1,280).
inline constexpr std::size_t kMostMessageBytes = 1232;

struct BindingRequest {
  TransactionId tx{};
  bool operator==(const BindingRequest&) const = default;
};
struct BindingSuccess {
  TransactionId tx{};
  Endpoint mapped;  // the request's source as the server saw it
  bool operator==(const BindingSuccess&) const = default;
};
struct BindingError {
  TransactionId tx{};
  std::uint16_t code = 0;  // 300..699
  bool operator==(const BindingError&) const = default;
};
using Message = std::variant<BindingRequest, BindingSuccess, BindingError>;

// Why a datagram is none of the messages above.
enum class Defect : std::uint8_t {
  kTooShort,
  kTooLong,
  kNotStun,           // another first byte or magic cookie
  kLength,            // the header's length is not the datagram's, or not a multiple of four
  kOtherMethod,       // STUN, but no binding request or answer to one
  kAttribute,         // an attribute reaches over the end or has an impossible value
  kUnknownAttribute,  // one that has to be understood and is not (RFC 8489 section 14)
  kFingerprint,       // does not fit, or is not the last attribute
  kIncomplete,        // an answer without mapped address or error code
};
std::string_view to_string(Defect defect);

// Could it be STUN at all? Tells it from WireGuard's and disco's messages on the same port.
bool is_stun(std::span<const std::uint8_t> datagram);

std::variant<Message, Defect> parse(std::span<const std::uint8_t> datagram);

enum class Fingerprint : std::uint8_t { kNone, kAppend };  // RFC 8489 section 14.7

Bytes to_bytes(const Message& message, Fingerprint fingerprint = Fingerprint::kNone);

}  // namespace kernmesh::stun
