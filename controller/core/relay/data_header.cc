// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/data_header.h"

namespace kernmesh::relay {
namespace {

constexpr std::array<std::uint8_t, 2> kDataMagic{0xd1, 0x01};
constexpr std::size_t kSumAt = 6;

// RFC 1071 over network-order words, folded, not complemented.
std::uint16_t ones_sum(std::span<const std::uint8_t> bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += bytes[i] << 8 | bytes[i + 1];
  if (bytes.size() % 2 != 0) sum += bytes.back() << 8;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

}  // namespace

Bytes wrap_data(Channel channel, std::span<const std::uint8_t> message) {
  Bytes out(kDataMagic.begin(), kDataMagic.end());
  out.reserve(kDataHeaderBytes + message.size());
  put_number(out, channel.value(), 4);
  put_number(out, 0, 2);
  put_bytes(out, message);
  const auto sum = static_cast<std::uint16_t>(~ones_sum(out));
  const std::uint16_t field = sum != 0 ? sum : 0xffff;  // 0 would say "not filled"
  out[kSumAt] = static_cast<std::uint8_t>(field >> 8);
  out[kSumAt + 1] = static_cast<std::uint8_t>(field);
  return out;
}

std::optional<Data> parse_data(std::span<const std::uint8_t> datagram) {
  ByteReader reader(datagram);
  const auto magic = reader.take<2>();
  const Channel channel(static_cast<std::uint32_t>(reader.take_number<4>()));
  reader.take<2>();
  if (reader.ran_short() || magic != kDataMagic || channel.value() == 0) return std::nullopt;
  return Data{channel, reader.rest()};
}

}  // namespace kernmesh::relay
