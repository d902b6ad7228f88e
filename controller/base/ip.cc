// SPDX-License-Identifier: Apache-2.0
#include "controller/base/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <optional>

namespace kernmesh {
namespace {

// The whole of text as a decimal number in [0, most].
std::optional<int> parse_number(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (value < 0 || value > most) return std::nullopt;
  return value;
}

Error not_a(std::string_view what, std::string_view text) {
  return {ErrorCode::kInvalid,
          "\"" + std::string(text.substr(0, 80)) + "\" is not " + std::string(what)};
}

// Clears the bits of bytes after the first `length`.
std::array<std::uint8_t, 16> masked(std::array<std::uint8_t, 16> bytes, int length) {
  for (int i = 0; i < 16; ++i) {
    const int keep = std::clamp(length - 8 * i, 0, 8);
    bytes[i] &= static_cast<std::uint8_t>(0xff00 >> keep);
  }
  return bytes;
}

IpAddress from_bytes(IpFamily family, const std::array<std::uint8_t, 16>& bytes) {
  if (family == IpFamily::kV6) return IpAddress::from_v6_bytes(bytes);
  return IpAddress::from_v4_bytes({bytes[0], bytes[1], bytes[2], bytes[3]});
}

}  // namespace

IpAddress IpAddress::from_v4_bytes(const std::array<std::uint8_t, 4>& bytes) {
  IpAddress a;
  std::copy(bytes.begin(), bytes.end(), a.bytes_.begin());
  return a;
}

IpAddress IpAddress::from_v6_bytes(const std::array<std::uint8_t, 16>& bytes) {
  IpAddress a;
  a.family_ = IpFamily::kV6;
  a.bytes_ = bytes;
  return a;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  IpAddress a;
  if (terminated.find('\0') != std::string::npos) return not_a("an IPv4 or IPv6 address", text);
  if (inet_pton(AF_INET, terminated.c_str(), a.bytes_.data()) == 1) return a;
  if (inet_pton(AF_INET6, terminated.c_str(), a.bytes_.data()) == 1) {
    a.family_ = IpFamily::kV6;
    return a;
  }
  return not_a("an IPv4 or IPv6 address", text);
}

std::uint32_t IpAddress::to_v4_number() const {
  assert(is_v4());
  return std::uint32_t{bytes_[0]} << 24 | std::uint32_t{bytes_[1]} << 16 |
         std::uint32_t{bytes_[2]} << 8 | bytes_[3];
}

bool IpAddress::is_unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t b) { return b == 0; });
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[0] == 127;
  return bytes_[15] == 1 &&
         std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t b) { return b == 0; });
}

bool IpAddress::is_link_local() const {
  if (is_v4()) return bytes_[0] == 169 && bytes_[1] == 254;
  return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool IpAddress::is_multicast() const {
  return is_v4() ? (bytes_[0] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
}

bool IpAddress::is_v4_mapped() const {
  return !is_v4() && bytes_[10] == 0xff && bytes_[11] == 0xff &&
         std::all_of(bytes_.begin(), bytes_.begin() + 10, [](std::uint8_t b) { return b == 0; });
}

std::string to_string(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(address.is_v4() ? AF_INET : AF_INET6, address.bytes().data(), text, sizeof text);
  return text;
}

Result<Prefix> Prefix::make(const IpAddress& address, int length) {
  if (length < 0 || length > address.bits()) {
    return Error(ErrorCode::kInvalid, "prefix length " + std::to_string(length) + " of " +
                                          to_string(address) + " is not in 0.." +
                                          std::to_string(address.bits()));
  }
  Prefix p;
  p.address_ = from_bytes(address.family(), masked(address.bytes(), length));
  p.length_ = length;
  return p;
}

Result<Prefix> Prefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return not_a("an address or prefix", text);
  if (slash == std::string_view::npos) return host(*address);
  const auto length = parse_number(text.substr(slash + 1), address->bits());
  if (!length) return not_a("an address or prefix", text);
  MESH_TRY_ASSIGN(auto prefix, make(*address, *length));
  if (prefix.address() != *address) {
    return Error(ErrorCode::kInvalid, "prefix \"" + std::string(text.substr(0, 80)) +
                                          "\" has bits set after its length; write " +
                                          to_string(prefix));
  }
  return prefix;
}

Prefix Prefix::host(const IpAddress& address) {
  Prefix p;
  p.address_ = address;
  p.length_ = address.bits();
  return p;
}

bool Prefix::contains(const IpAddress& address) const {
  return address.family() == address_.family() &&
         masked(address.bytes(), length_) == address_.bytes();
}

bool Prefix::overlaps(const Prefix& other) const {
  return length_ <= other.length_ ? contains(other.address_) : other.contains(address_);
}

std::string to_string(const Prefix& prefix) {
  return to_string(prefix.address()) + "/" + std::to_string(prefix.length());
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return not_a("HOST:PORT", text);
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  const auto port = parse_number(text.substr(colon + 1), 65535);
  if (!address || !port || bracketed == address->is_v4())
    return not_a("ADDRESS:PORT or [ADDRESS]:PORT", text);
  return Endpoint{*address, Port(static_cast<std::uint16_t>(*port))};
}

std::string to_string(const Endpoint& endpoint) {
  const std::string host = to_string(endpoint.address);
  const std::string port = std::to_string(endpoint.port.value());
  return endpoint.address.is_v4() ? host + ":" + port : "[" + host + "]:" + port;
}

}  // namespace kernmesh
