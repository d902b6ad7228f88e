// SPDX-License-Identifier: Apache-2.0
// IP addresses, prefixes and UDP endpoints as values (L0). Bytes are in network order throughout.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "controller/base/ids.h"
#include "controller/base/result.h"

namespace kernmesh {

enum class IpFamily : std::uint8_t { kV4 = 4, kV6 = 6 };

class IpAddress {
 public:
  constexpr IpAddress() = default;  // 0.0.0.0

  static IpAddress from_v4_bytes(const std::array<std::uint8_t, 4>& bytes);
  static IpAddress from_v6_bytes(const std::array<std::uint8_t, 16>& bytes);
  // host_order: 0x7f000001 is 127.0.0.1.
  static constexpr IpAddress from_v4_number(std::uint32_t host_order) {
    IpAddress a;
    for (int i = 0; i < 4; ++i) a.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
    return a;
  }
  // Textual form of RFC 4291 or dotted quad, without zone or prefix length.
  static Result<IpAddress> parse(std::string_view text);

  constexpr IpFamily family() const { return family_; }
  constexpr bool is_v4() const { return family_ == IpFamily::kV4; }
  constexpr int bits() const { return is_v4() ? 32 : 128; }
  // The first 4 bytes hold an IPv4 address, the rest is zero then.
  constexpr const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  // Only for IPv4; asserts.
  std::uint32_t to_v4_number() const;

  bool is_unspecified() const;
  bool is_loopback() const;
  bool is_link_local() const;
  bool is_multicast() const;
  // ::ffff:a.b.c.d
  bool is_v4_mapped() const;

  constexpr auto operator<=>(const IpAddress&) const = default;

 private:
  IpFamily family_ = IpFamily::kV4;
  std::array<std::uint8_t, 16> bytes_{};
};

std::string to_string(const IpAddress& address);

// An address and a length; the bits after the length are zero by construction.
class Prefix {
 public:
  Prefix() = default;
  // kInvalid when length is out of range for the family. Host bits are cleared.
  static Result<Prefix> make(const IpAddress& address, int length);
  // "10.0.0.0/8"; a bare address is its full-length prefix. Host bits that are set are an error,
  // because the writer meant something else.
  static Result<Prefix> parse(std::string_view text);
  static Prefix host(const IpAddress& address);

  const IpAddress& address() const { return address_; }
  int length() const { return length_; }
  bool contains(const IpAddress& address) const;
  bool overlaps(const Prefix& other) const;
  auto operator<=>(const Prefix&) const = default;

 private:
  IpAddress address_;
  int length_ = 0;
};

std::string to_string(const Prefix& prefix);

// A UDP or TCP endpoint.
struct Endpoint {
  IpAddress address;
  Port port;
  // "192.0.2.1:4500" or "[2001:db8::1]:4500".
  static Result<Endpoint> parse(std::string_view text);
  auto operator<=>(const Endpoint&) const = default;
};

std::string to_string(const Endpoint& endpoint);

}  // namespace kernmesh

template <>
struct std::hash<kernmesh::IpAddress> {
  std::size_t operator()(const kernmesh::IpAddress& a) const noexcept {
    return std::hash<std::string_view>{}(std::string_view(
               reinterpret_cast<const char*>(a.bytes().data()), a.bytes().size())) ^
           static_cast<std::size_t>(a.family());
  }
};

template <>
struct std::hash<kernmesh::Endpoint> {
  std::size_t operator()(const kernmesh::Endpoint& e) const noexcept {
    return std::hash<kernmesh::IpAddress>{}(e.address) * 31 + e.port.value();
  }
};
