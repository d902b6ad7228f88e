// SPDX-License-Identifier: Apache-2.0
// WireGuard's generic netlink messages as bytes (L2, no system call; linux/wireguard.h). Split from
// the socket so that the decoder can be fuzzed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "controller/core/reconcile/device.h"

struct nlmsghdr;

namespace kernmesh::netlink {

// Adds what one message of a WG_CMD_GET_DEVICE dump says to `device`. A peer whose allowed-ips do
// not fit one message goes on in the next, under the same key. kCorrupt for bytes that do not
// parse; `device` may then be partly filled and must be thrown away.
Status decode_device(const nlmsghdr* message, std::size_t message_bytes,
                     reconcile::WireguardDevice& device);

// One WG_CMD_SET_DEVICE message each, no longer than kMaxMessageBytes. `ifindex` names the device.
inline constexpr std::size_t kMaxMessageBytes = 1 << 15;
using MessageSink = std::function<Status(std::span<const std::uint8_t>)>;

struct DeviceSettings {
  const X25519SecretKey* private_key = nullptr;  // borrowed; null: unchanged
  std::optional<Port> listen_port;
};
// Encodes the change into as few messages as fit and gives each to `send` in order. Buffers that
// held the private key are wiped.
Status encode_change(std::uint16_t family, IfIndex ifindex, const DeviceSettings& settings,
                     const reconcile::WireguardChange& change, const MessageSink& send);

// One message that sets the keepalive interval of a peer that is there, and nothing else.
Status encode_keepalive(std::uint16_t family, IfIndex ifindex, const NodePublicKey& peer,
                        std::uint16_t interval_s, const MessageSink& send);

}  // namespace kernmesh::netlink
