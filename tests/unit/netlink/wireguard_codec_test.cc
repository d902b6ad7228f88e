// SPDX-License-Identifier: Apache-2.0
// The encoder's messages are what the decoder reads, apart from headers: both follow
// linux/wireguard.h.
#include "controller/netlink/wireguard_codec.h"

#include <gtest/gtest.h>
#include <libmnl/libmnl.h>

#include <algorithm>
#include <cstring>

namespace kernmesh::netlink {
namespace {

using reconcile::WireguardDevice;
using reconcile::WireguardPeer;

NodePublicKey key_of(std::uint32_t n) {
  std::array<std::uint8_t, 32> bytes{};
  bytes[0] = static_cast<std::uint8_t>(n);
  bytes[1] = static_cast<std::uint8_t>(n >> 8);
  bytes[2] = 1;
  return NodePublicKey(bytes);
}

WireguardDevice device_of(std::uint32_t peers, std::uint32_t addresses) {
  WireguardDevice device;
  device.listen_port = Port(24240);
  for (std::uint32_t n = 0; n < peers; ++n) {
    WireguardPeer peer;
    peer.endpoint = {IpAddress::from_v4_number(0xf0000001u + n), Port(24240)};
    peer.keepalive_interval_s = static_cast<std::uint16_t>(n % 30);
    for (std::uint32_t a = 0; a < addresses; ++a) {
      peer.allowed_ips.push_back(
          Prefix::host(IpAddress::from_v4_number(0x0a000000u + n * addresses + a)));
    }
    peer.allowed_ips.push_back(*Prefix::parse("fd7a:6b6d:0:" + std::to_string(n % 9999) + "::/64"));
    std::sort(peer.allowed_ips.begin(), peer.allowed_ips.end());
    device.peers.emplace(key_of(n), peer);
  }
  return device;
}

std::vector<std::vector<std::uint8_t>> encoded(const WireguardDevice& device) {
  std::vector<std::vector<std::uint8_t>> messages;
  const Status done = encode_change(42, IfIndex(3), {}, reconcile::diff(device, {}),
                                    [&](std::span<const std::uint8_t> message) -> Status {
                                      messages.emplace_back(message.begin(), message.end());
                                      return {};
                                    });
  EXPECT_TRUE(done);
  return messages;
}

TEST(WireguardCodec, decodes_what_it_encoded_for_few_and_many_peers) {
  for (const auto& [peers, addresses] :
       {std::pair{0u, 0u}, {1u, 1u}, {3u, 2u}, {2000u, 2u}, {2u, 3000u}}) {
    auto device = device_of(peers, addresses);
    device.listen_port = Port(0);  // a setting of the device, not of the change under test
    WireguardDevice read;
    for (const auto& message : encoded(device)) {
      ASSERT_LE(message.size(), kMaxMessageBytes);
      const auto* header = reinterpret_cast<const nlmsghdr*>(message.data());
      const Status decoded = decode_device(header, message.size(), read);
      ASSERT_TRUE(decoded) << decoded.error().message();
    }
    EXPECT_EQ(read, device) << peers << " peers with " << addresses;
  }
}

TEST(WireguardCodec, keepalive_of_one_peer_is_all_that_a_greeting_sets) {
  WireguardDevice read;
  const Status done =
      encode_keepalive(42, IfIndex(3), key_of(7), 25, [&](std::span<const std::uint8_t> message) {
        const auto* header = reinterpret_cast<const nlmsghdr*>(message.data());
        return decode_device(header, message.size(), read);
      });
  ASSERT_TRUE(done) << done.error().message();
  ASSERT_EQ(read.peers.size(), 1u);
  WireguardPeer expected;
  expected.keepalive_interval_s = 25;
  EXPECT_EQ(read.peers.at(key_of(7)), expected);
}

TEST(WireguardCodec, refuses_every_truncation_without_reading_past_the_end) {
  const auto message = encoded(device_of(2, 2)).front();
  for (std::size_t length = 0; length < message.size(); ++length) {
    std::vector<std::uint8_t> cut(message.begin(),
                                  message.begin() + static_cast<std::ptrdiff_t>(length));
    cut.resize(std::max<std::size_t>(length, sizeof(nlmsghdr)));
    WireguardDevice read;
    const auto* header = reinterpret_cast<const nlmsghdr*>(cut.data());
    EXPECT_FALSE(decode_device(header, length, read)) << length;
  }
}

TEST(WireguardCodec, refuses_lengths_that_do_not_fit_their_message) {
  auto message = encoded(device_of(1, 1)).front();
  const std::size_t first_attribute = sizeof(nlmsghdr) + 4;
  for (const std::uint16_t length : {0, 1, 3, 60000}) {
    auto bad = message;
    std::memcpy(bad.data() + first_attribute, &length, sizeof length);
    WireguardDevice read;
    EXPECT_FALSE(decode_device(reinterpret_cast<const nlmsghdr*>(bad.data()), bad.size(), read))
        << length;
  }
}

}  // namespace
}  // namespace kernmesh::netlink
