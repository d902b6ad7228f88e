// SPDX-License-Identifier: Apache-2.0
#include "controller/core/portmap/pcp.h"

#include <algorithm>

namespace kernmesh::portmap {
namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::uint8_t kMap = 1;
constexpr std::uint8_t kAnswerBit = 0x80;
constexpr std::uint8_t kUdp = 17;
constexpr std::size_t kHeaderBytes = 24;

// Both families stand in 16 bytes, IPv4 as ::ffff:a.b.c.d (section 5).
std::array<std::uint8_t, 16> wide(const IpAddress& address) {
  if (!address.is_v4()) return address.bytes();
  std::array<std::uint8_t, 16> out{};
  out[10] = out[11] = 0xff;
  std::copy_n(address.bytes().begin(), 4, out.begin() + 12);
  return out;
}
IpAddress narrow(const std::array<std::uint8_t, 16>& bytes) {
  const auto address = IpAddress::from_v6_bytes(bytes);
  if (!address.is_v4_mapped()) return address;
  return IpAddress::from_v4_bytes({bytes[12], bytes[13], bytes[14], bytes[15]});
}

}  // namespace

Bytes to_bytes(const MapRequest& request) {
  Bytes out;
  out.reserve(kMapBytes);
  put_number(out, kVersion, 1);
  put_number(out, kMap, 1);
  put_number(out, 0, 2);
  put_number(out, request.lifetime_s, 4);
  put_bytes(out, wide(request.client));
  put_bytes(out, request.nonce);
  put_number(out, kUdp, 1);
  put_number(out, 0, 3);
  put_number(out, request.internal.value(), 2);
  // "Any address of this family" when there is no wish (section 11.1).
  const auto any = request.client.is_v4() ? IpAddress() : IpAddress::from_v6_bytes({});
  const auto wish = request.wish.value_or(Endpoint{any, Port()});
  put_number(out, wish.port.value(), 2);
  put_bytes(out, wide(wish.address));
  return out;
}

std::variant<MapAnswer, Refusal, Defect> parse_answer(std::span<const std::uint8_t> bytes) {
  if (bytes.size() > kMostAnswerBytes) return Defect::kTooLong;
  if (bytes.size() < 4) return Defect::kTooShort;
  ByteReader in(bytes);
  if (in.take_number<1>() != kVersion) return Defect::kOtherVersion;
  if (bytes.size() < kHeaderBytes) return Defect::kTooShort;
  if (bytes.size() % 4 != 0) return Defect::kLength;
  if (in.take_number<1>() != (kAnswerBit | kMap)) return Defect::kNotAnAnswer;
  (void)in.take<1>();
  const auto result = static_cast<std::uint8_t>(in.take_number<1>());
  const auto lifetime_s = static_cast<std::uint32_t>(in.take_number<4>());
  if (result != 0) return Refusal{result, lifetime_s};
  if (bytes.size() < kMapBytes) return Defect::kTooShort;
  MapAnswer answer;
  answer.lifetime_s = lifetime_s;
  answer.epoch_s = static_cast<std::uint32_t>(in.take_number<4>());
  (void)in.take<12>();
  answer.nonce = in.take<12>();
  if (in.take_number<1>() != kUdp) return Defect::kOtherProtocol;
  (void)in.take<3>();
  answer.internal = Port(static_cast<std::uint16_t>(in.take_number<2>()));
  answer.external.port = Port(static_cast<std::uint16_t>(in.take_number<2>()));
  answer.external.address = narrow(in.take<16>());
  return answer;
}

std::string_view to_string(Defect defect) {
  switch (defect) {
    case Defect::kTooShort:
      return "too short";
    case Defect::kTooLong:
      return "too long";
    case Defect::kLength:
      return "not a multiple of four bytes";
    case Defect::kOtherVersion:
      return "of another version than 2";
    case Defect::kNotAnAnswer:
      return "no answer to a MAP request";
    case Defect::kOtherProtocol:
      return "not about UDP";
  }
  return "";
}

std::string_view result_text(std::uint8_t result) {
  static constexpr std::array<std::string_view, 14> kTexts{
      "success",
      "unsupported version",
      "not authorized",
      "malformed request",
      "unsupported opcode",
      "unsupported option",
      "malformed option",
      "network failure",
      "no resources",
      "unsupported protocol",
      "quota exceeded",
      "cannot provide that external address",
      "address mismatch: another NAT is in between",
      "excessive remote peers"};
  return result < kTexts.size() ? kTexts[result] : "unknown result";
}

}  // namespace kernmesh::portmap
