// SPDX-License-Identifier: Apache-2.0
// Datagrams in a stream of bytes, each behind its length (2, big-endian): what a relay and its
// clients say to each other over TLS (L1, pure; docs/adr/0009). Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "controller/base/byte_order.h"

namespace kernmesh::relay {

inline constexpr std::size_t kMostFramed = 9216;  // a jumbo frame's worth
inline constexpr std::size_t kFrameLengthBytes = 2;

// Appends the datagram to what is to be sent; not one that is empty or longer than kMostFramed.
void put_frame(Bytes& out, std::span<const std::uint8_t> datagram);

class FrameReader {
 public:
  enum class Verdict : std::uint8_t { kGood, kHostile };
  // The next bytes of the stream. kHostile: a length that nobody sends, so nothing that follows
  // means anything and the stream has to end.
  Verdict take(std::span<const std::uint8_t> bytes,
               const std::function<void(std::span<const std::uint8_t>)>& on_datagram);
  // Of a datagram that has not come whole; less than kMostFramed and its length.
  std::size_t kept_bytes() const { return rest_.size(); }

 private:
  Bytes rest_;
};

}  // namespace kernmesh::relay
