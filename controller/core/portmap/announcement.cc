// SPDX-License-Identifier: Apache-2.0
#include "controller/core/portmap/announcement.h"

#include "controller/base/byte_order.h"
#include "controller/core/portmap/pcp.h"

namespace kernmesh::portmap {
namespace {

constexpr std::uint8_t kAnnounceAnswer = 0x80;  // opcode 0 and the answer's bit, in both protocols

std::optional<Announcement> parse_pcp(ByteReader& in) {
  (void)in.take<1>();
  const auto result = in.take_number<1>();
  (void)in.take<4>();
  Announcement out;
  out.is_pcp = true;
  out.epoch_s = static_cast<std::uint32_t>(in.take_number<4>());
  (void)in.take<12>();
  return in.ran_short() || result != 0 ? std::nullopt : std::optional(out);
}

std::optional<Announcement> parse_nat_pmp(ByteReader& in) {
  const auto result = in.take_number<2>();
  Announcement out;
  out.epoch_s = static_cast<std::uint32_t>(in.take_number<4>());
  out.external = IpAddress::from_v4_bytes(in.take<4>());
  return in.ran_short() || result != 0 ? std::nullopt : std::optional(out);
}

}  // namespace

std::optional<Announcement> parse_announcement(std::span<const std::uint8_t> bytes) {
  if (bytes.size() > kMostAnswerBytes) return std::nullopt;
  ByteReader in(bytes);
  const auto version = in.take_number<1>();
  if (in.take_number<1>() != kAnnounceAnswer || in.ran_short()) return std::nullopt;
  if (version == 2) return parse_pcp(in);
  return version == 0 ? parse_nat_pmp(in) : std::nullopt;
}

}  // namespace kernmesh::portmap
