// SPDX-License-Identifier: Apache-2.0
#include "controller/core/stun/message.h"

#include <algorithm>
#include <optional>

namespace kernmesh::stun {
namespace {

constexpr std::uint32_t kMagicCookie = 0x2112a442;
constexpr std::uint32_t kFingerprintMask = 0x5354554e;
constexpr std::size_t kAttributeHeaderBytes = 4;

// RFC 8489 section 5: class and method interleaved in one field.
enum Type : std::uint16_t { kRequest = 0x0001, kSuccess = 0x0101, kError = 0x0111 };

// RFC 8489 section 18.3. Below 0x8000 a receiver has to understand them.
enum Attribute : std::uint16_t {
  kMappedAddress = 0x0001,
  kErrorCode = 0x0009,
  kXorMappedAddress = 0x0020,
  kFirstOptional = 0x8000,
  kFingerprintAttribute = 0x8028,
};

std::uint16_t number16(std::span<const std::uint8_t> at) {
  return static_cast<std::uint16_t>(at[0] << 8 | at[1]);
}
std::uint32_t number32(std::span<const std::uint8_t> at) {
  return static_cast<std::uint32_t>(number16(at)) << 16 | number16(at.subspan(2));
}
// The CRC of ITU V.42 that FINGERPRINT is made of.
std::uint32_t crc32(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const auto byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  }
  return ~crc;
}

std::uint32_t fingerprint_of(std::span<const std::uint8_t> before) {
  return crc32(before) ^ kFingerprintMask;
}

// Cookie and transaction id: what an address is hidden with from NATs that rewrite addresses which
// they find in payloads (RFC 8489 section 14.2).
std::array<std::uint8_t, 16> mask_of(const TransactionId& tx) {
  std::array<std::uint8_t, 16> mask{0x21, 0x12, 0xa4, 0x42};
  std::copy(tx.begin(), tx.end(), mask.begin() + 4);
  return mask;
}

std::optional<Endpoint> take_xor_mapped(std::span<const std::uint8_t> value,
                                        const TransactionId& tx) {
  if (value.size() < 2) return std::nullopt;
  const bool v4 = value[1] == 1;
  if (!v4 && value[1] != 2) return std::nullopt;
  const std::size_t length = v4 ? 4 : 16;
  if (value.size() != 4 + length) return std::nullopt;
  const Port port(static_cast<std::uint16_t>(number16(value.subspan(2)) ^ kMagicCookie >> 16));
  const auto mask = mask_of(tx);
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < length; ++i)
    bytes[i] = static_cast<std::uint8_t>(value[4 + i] ^ mask[i]);
  if (!v4) return Endpoint{IpAddress::from_v6_bytes(bytes), port};
  return Endpoint{IpAddress::from_v4_bytes({bytes[0], bytes[1], bytes[2], bytes[3]}), port};
}

std::optional<std::uint16_t> take_error_code(std::span<const std::uint8_t> value) {
  if (value.size() < 4) return std::nullopt;
  const int hundreds = value[2] & 7;
  if (hundreds < 3 || hundreds > 6 || value[3] > 99) return std::nullopt;
  return static_cast<std::uint16_t>(hundreds * 100 + value[3]);
}

struct Attributes {
  std::optional<Endpoint> mapped;
  std::optional<std::uint16_t> error;
};

// The first of each kind counts (RFC 8489 section 14).
std::optional<Defect> take_attribute(Attributes& out, std::uint16_t type,
                                     std::span<const std::uint8_t> value, const TransactionId& tx) {
  switch (type) {
    case kXorMappedAddress: {
      const auto mapped = take_xor_mapped(value, tx);
      if (!mapped) return Defect::kAttribute;
      if (!out.mapped) out.mapped = mapped;
      return std::nullopt;
    }
    case kErrorCode: {
      const auto error = take_error_code(value);
      if (!error) return Defect::kAttribute;
      if (!out.error) out.error = error;
      return std::nullopt;
    }
    case kMappedAddress:
      return std::nullopt;
    default:
      if (type < kFirstOptional) return Defect::kUnknownAttribute;
      return std::nullopt;
  }
}

std::variant<Attributes, Defect> parse_attributes(std::span<const std::uint8_t> datagram,
                                                  const TransactionId& tx) {
  Attributes found;
  std::size_t at = kHeaderBytes;
  while (at < datagram.size()) {
    const auto rest = datagram.subspan(at);
    if (rest.size() < kAttributeHeaderBytes) return Defect::kAttribute;
    const auto type = number16(rest);
    const std::size_t length = number16(rest.subspan(2));
    const std::size_t padded = (length + 3) & ~std::size_t{3};
    if (padded > rest.size() - kAttributeHeaderBytes) return Defect::kAttribute;
    const auto value = rest.subspan(kAttributeHeaderBytes, length);
    at += kAttributeHeaderBytes + padded;
    if (type == kFingerprintAttribute) {
      const bool fits = length == 4 && at == datagram.size() &&
                        number32(value) == fingerprint_of(datagram.first(at - 8));
      if (!fits) return Defect::kFingerprint;
    } else if (const auto defect = take_attribute(found, type, value, tx)) {
      return *defect;
    }
  }
  return found;
}

struct BodyWriter {
  Bytes& out;
  void operator()(const BindingRequest&) const {}
  void operator()(const BindingSuccess& success) const {
    const auto& address = success.mapped.address;
    const std::size_t length = address.is_v4() ? 4 : 16;
    put_number(out, kXorMappedAddress, 2);
    put_number(out, static_cast<std::uint32_t>(4 + length), 2);
    put_number(out, address.is_v4() ? 1 : 2, 2);
    put_number(out, success.mapped.port.value() ^ kMagicCookie >> 16, 2);
    const auto mask = mask_of(success.tx);
    for (std::size_t i = 0; i < length; ++i)
      out.push_back(static_cast<std::uint8_t>(address.bytes()[i] ^ mask[i]));
  }
  void operator()(const BindingError& error) const {
    put_number(out, kErrorCode, 2);
    put_number(out, 4, 2);
    put_number(out, 0, 2);
    out.push_back(static_cast<std::uint8_t>(error.code / 100));
    out.push_back(static_cast<std::uint8_t>(error.code % 100));
  }
};

void set_length(Bytes& message, std::size_t body_bytes) {
  message[2] = static_cast<std::uint8_t>(body_bytes >> 8);
  message[3] = static_cast<std::uint8_t>(body_bytes);
}

}  // namespace

std::string_view to_string(Defect defect) {
  switch (defect) {
    case Defect::kTooShort:
      return "too short";
    case Defect::kTooLong:
      return "too long";
    case Defect::kNotStun:
      return "not STUN";
    case Defect::kLength:
      return "wrong length";
    case Defect::kOtherMethod:
      return "not about a binding";
    case Defect::kAttribute:
      return "bad attribute";
    case Defect::kUnknownAttribute:
      return "unknown attribute that must be understood";
    case Defect::kFingerprint:
      return "bad fingerprint";
    case Defect::kIncomplete:
      return "answer without content";
  }
  return "unknown";
}

bool is_stun(std::span<const std::uint8_t> datagram) {
  return datagram.size() >= kHeaderBytes && (datagram[0] & 0xc0) == 0 &&
         number32(datagram.subspan(4)) == kMagicCookie;
}

std::variant<Message, Defect> parse(std::span<const std::uint8_t> datagram) {
  if (datagram.size() < kHeaderBytes) return Defect::kTooShort;
  if (datagram.size() > kMostMessageBytes) return Defect::kTooLong;
  if (!is_stun(datagram)) return Defect::kNotStun;
  const std::size_t length = number16(datagram.subspan(2));
  if (length % 4 != 0 || length + kHeaderBytes != datagram.size()) return Defect::kLength;
  const auto type = number16(datagram);
  if (type != kRequest && type != kSuccess && type != kError) return Defect::kOtherMethod;
  TransactionId tx;
  std::copy_n(datagram.begin() + 8, tx.size(), tx.begin());
  const auto parsed = parse_attributes(datagram, tx);
  if (const auto* defect = std::get_if<Defect>(&parsed)) return *defect;
  const auto& attributes = std::get<Attributes>(parsed);
  if (type == kRequest) return BindingRequest{tx};
  if (type == kSuccess && attributes.mapped) return BindingSuccess{tx, *attributes.mapped};
  if (type == kError && attributes.error) return BindingError{tx, *attributes.error};
  return Defect::kIncomplete;
}

Bytes to_bytes(const Message& message, Fingerprint fingerprint) {
  constexpr std::array<Type, 3> kTypes{kRequest, kSuccess, kError};
  Bytes out;
  put_number(out, kTypes[message.index()], 2);
  put_number(out, 0, 2);
  put_number(out, kMagicCookie, 4);
  const auto tx = std::visit([](const auto& m) { return m.tx; }, message);
  out.insert(out.end(), tx.begin(), tx.end());
  std::visit(BodyWriter{out}, message);
  const bool append = fingerprint == Fingerprint::kAppend;
  // The CRC covers the header with the length that the whole message will have.
  set_length(out, out.size() - kHeaderBytes + (append ? 8 : 0));
  if (!append) return out;
  const auto crc = fingerprint_of(out);
  put_number(out, kFingerprintAttribute, 2);
  put_number(out, 4, 2);
  put_number(out, crc, 4);
  return out;
}

}  // namespace kernmesh::stun
