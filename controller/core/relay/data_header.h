// SPDX-License-Identifier: Apache-2.0
// The header of data on its way through a relay (L1, pure): magic d1 01 · channel 4 · sum 2, then
// the message, WireGuard's or disco's. `sum` makes header and message add up to all ones (RFC
// 1071), so the checksum of the UDP header around them depends on that and the addresses alone; the
// kernel programs rest on it (bpf/lib/outer.h). 0 there: not filled yet by a device.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "controller/base/byte_order.h"
#include "controller/base/ids.h"

namespace kernmesh::relay {

inline constexpr std::size_t kDataHeaderBytes = 8;

// A client's name for one of its pairs; chosen by the relay. 0 names none.
using Channel = StrongId<struct ChannelTag, std::uint32_t>;

// Header and message as they leave.
Bytes wrap_data(Channel channel, std::span<const std::uint8_t> message);

struct Data {
  Channel channel;
  std::span<const std::uint8_t> message;  // borrowed from the datagram
};
// Nothing when the datagram is no data, or names channel 0. `sum` is not checked: UDP's checksum
// covers it, and what it protects is authenticated.
std::optional<Data> parse_data(std::span<const std::uint8_t> datagram);

}  // namespace kernmesh::relay
