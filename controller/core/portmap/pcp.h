// SPDX-License-Identifier: Apache-2.0
// The MAP request of the Port Control Protocol and its answers (RFC 6887) as bytes and as values
// (L1, pure). UDP alone, version 2, no options.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "controller/base/byte_order.h"
#include "controller/base/ip.h"

namespace kernmesh::portmap {

inline constexpr Port kGatewayPort{5351};              // section 19; NAT-PMP's as well
inline constexpr std::size_t kMapBytes = 60;           // header 24 and MAP 36, both directions
inline constexpr std::size_t kMostAnswerBytes = 1100;  // section 7

// Proves to the gateway that a renewal comes from who made the mapping.
using Nonce = std::array<std::uint8_t, 12>;

struct MapRequest {
  std::uint32_t lifetime_s = 0;  // 0 takes the mapping away
  IpAddress client;              // the request's source; a NAT on the way to the gateway shows
  Nonce nonce{};
  Port internal;
  std::optional<Endpoint> wish;  // the external endpoint to get if possible
  bool operator==(const MapRequest&) const = default;
};
Bytes to_bytes(const MapRequest& request);

struct MapAnswer {
  std::uint32_t lifetime_s = 0;
  std::uint32_t epoch_s = 0;  // since the gateway forgot all mappings
  Nonce nonce{};
  Port internal;
  Endpoint external;
  bool operator==(const MapAnswer&) const = default;
};
struct Refusal {
  std::uint8_t result = 0;  // section 7.4, never 0
  std::uint32_t retry_after_s = 0;
  bool operator==(const Refusal&) const = default;
};
// Why bytes are neither.
enum class Defect : std::uint8_t {
  kTooShort,
  kTooLong,
  kLength,         // not a multiple of four
  kOtherVersion,   // of a gateway that knows NAT-PMP alone, for example
  kNotAnAnswer,    // to a MAP request
  kOtherProtocol,  // a mapping of something else than UDP
};
std::variant<MapAnswer, Refusal, Defect> parse_answer(std::span<const std::uint8_t> bytes);

std::string_view to_string(Defect defect);
// The RFC's word for a result code, lower case.
std::string_view result_text(std::uint8_t result);

}  // namespace kernmesh::portmap
