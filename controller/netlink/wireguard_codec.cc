// SPDX-License-Identifier: Apache-2.0
#include "controller/netlink/wireguard_codec.h"

#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <sodium.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "controller/netlink/attributes.h"

namespace kernmesh::netlink {
namespace {

Error corrupt(std::string_view what) {
  return {ErrorCode::kCorrupt,
          "the WireGuard driver's answer does not parse: " + std::string(what)};
}

// The payload of exactly T's size, or nullopt.
template <typename T>
std::optional<T> payload_as(const nlattr* attr) {
  if (mnl_attr_get_payload_len(attr) != sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, mnl_attr_get_payload(attr), sizeof value);
  return value;
}

using KeyBytes = std::array<std::uint8_t, 32>;

std::optional<Endpoint> decode_endpoint(const nlattr* attr) {
  if (const auto v4 = payload_as<sockaddr_in>(attr); v4 && v4->sin_family == AF_INET) {
    return Endpoint{IpAddress::from_v4_number(ntohl(v4->sin_addr.s_addr)),
                    Port(ntohs(v4->sin_port))};
  }
  if (const auto v6 = payload_as<sockaddr_in6>(attr); v6 && v6->sin6_family == AF_INET6) {
    std::array<std::uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &v6->sin6_addr, bytes.size());
    return Endpoint{IpAddress::from_v6_bytes(bytes), Port(ntohs(v6->sin6_port))};
  }
  return std::nullopt;
}

Status decode_allowed_ip(const nlattr* nest, std::vector<Prefix>& into) {
  std::optional<IpAddress> address;
  std::optional<std::uint8_t> length;
  MESH_TRY(for_each_nested(nest, [&](const nlattr* attr) -> Status {
    if (mnl_attr_get_type(attr) == WGALLOWEDIP_A_IPADDR) {
      if (const auto v4 = payload_as<std::array<std::uint8_t, 4>>(attr)) {
        address = IpAddress::from_v4_bytes(*v4);
      } else if (const auto v6 = payload_as<std::array<std::uint8_t, 16>>(attr)) {
        address = IpAddress::from_v6_bytes(*v6);
      } else {
        return corrupt("allowed address");
      }
    } else if (mnl_attr_get_type(attr) == WGALLOWEDIP_A_CIDR_MASK) {
      length = payload_as<std::uint8_t>(attr);
    }
    return {};
  }));
  if (!address || !length) return corrupt("allowed address without its length");
  MESH_TRY_ASSIGN(auto prefix, Prefix::make(*address, *length));
  into.push_back(prefix);
  return {};
}

Status decode_peer(const nlattr* nest, reconcile::WireguardDevice& device) {
  std::optional<KeyBytes> key;
  reconcile::WireguardPeer peer;
  MESH_TRY(for_each_nested(nest, [&](const nlattr* attr) -> Status {
    switch (mnl_attr_get_type(attr)) {
      case WGPEER_A_PUBLIC_KEY:
        key = payload_as<KeyBytes>(attr);
        return {};
      case WGPEER_A_ENDPOINT:
        if (const auto endpoint = decode_endpoint(attr)) peer.endpoint = *endpoint;
        return {};
      case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
        peer.keepalive_interval_s = payload_as<std::uint16_t>(attr).value_or(0);
        return {};
      case WGPEER_A_PRESHARED_KEY: {
        const auto secret = payload_as<KeyBytes>(attr);
        peer.has_preshared_key = secret && *secret != KeyBytes{};
        return {};
      }
      case WGPEER_A_ALLOWEDIPS:
        return for_each_nested(
            attr, [&](const nlattr* one) { return decode_allowed_ip(one, peer.allowed_ips); });
      default:
        return {};
    }
  }));
  if (!key) return corrupt("a peer without its key");
  auto [found, inserted] = device.peers.try_emplace(NodePublicKey(*key), peer);
  auto& ips = found->second.allowed_ips;
  if (!inserted) ips.insert(ips.end(), peer.allowed_ips.begin(), peer.allowed_ips.end());
  std::sort(ips.begin(), ips.end());
  return {};
}

// Builds WG_CMD_SET_DEVICE messages one after the other.
class Writer {
 public:
  Writer(std::uint16_t family, IfIndex ifindex, const MessageSink& send)
      : family_(family), ifindex_(ifindex), send_(send) {
    start();
  }
  ~Writer() { wipe(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void put_settings(const DeviceSettings& settings) {
    if (settings.private_key != nullptr) {
      mnl_attr_put(header_, WGDEVICE_A_PRIVATE_KEY, 32, settings.private_key->bytes().data());
      dirty_ = true;
    }
    if (settings.listen_port) {
      mnl_attr_put_u16(header_, WGDEVICE_A_LISTEN_PORT, settings.listen_port->value());
      dirty_ = true;
    }
  }

  Status remove_peer(const NodePublicKey& key) {
    MESH_TRY(make_room(kPeerBytes));
    nlattr* peer = open_peer(key, WGPEER_F_REMOVE_ME);
    mnl_attr_nest_end(header_, peer);
    return {};
  }

  // A peer whose allowed-ips do not fit goes on in the next message, which then only adds.
  Status put_peer(const NodePublicKey& key, const reconcile::WireguardPeer& config) {
    MESH_TRY(make_room(kPeerBytes + kAllowedIpBytes));
    std::uint32_t flags = WGPEER_F_REPLACE_ALLOWEDIPS;
    std::size_t next = 0;
    do {
      nlattr* peer = open_peer(key, flags);
      if (next == 0) put_peer_settings(config);
      nlattr* ips = mnl_attr_nest_start(header_, WGPEER_A_ALLOWEDIPS);
      for (; next < config.allowed_ips.size() && room() >= kAllowedIpBytes; ++next) {
        put_allowed_ip(config.allowed_ips[next]);
      }
      mnl_attr_nest_end(header_, ips);
      mnl_attr_nest_end(header_, peer);
      if (next < config.allowed_ips.size()) MESH_TRY(flush());
      flags = 0;
    } while (next < config.allowed_ips.size());
    return {};
  }

  void put_keepalive(const NodePublicKey& key, std::uint16_t interval_s) {
    nlattr* peer = open_peer(key, WGPEER_F_UPDATE_ONLY);
    mnl_attr_put_u16(header_, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, interval_s);
    mnl_attr_nest_end(header_, peer);
  }

  Status flush() {
    if (!dirty_) return {};
    if (peers_ != nullptr) mnl_attr_nest_end(header_, peers_);
    const Status sent = send_(std::span(buffer_.get(), header_->nlmsg_len));
    wipe();
    start();
    return sent;
  }

 private:
  // Upper bounds of one peer without allowed-ips, and of one allowed-ip, with attribute headers.
  static constexpr std::size_t kPeerBytes = 160;
  static constexpr std::size_t kAllowedIpBytes = 48;

  std::size_t room() const { return kMaxMessageBytes - header_->nlmsg_len - 64; }

  // The private key may be in it. What was not written needs no wiping, and most messages are
  // short.
  void wipe() { sodium_memzero(buffer_.get(), header_->nlmsg_len); }

  void start() {
    header_ = mnl_nlmsg_put_header(buffer_.get());
    header_->nlmsg_type = family_;
    header_->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    auto* genl = static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(header_, sizeof(genlmsghdr)));
    genl->cmd = WG_CMD_SET_DEVICE;
    genl->version = WG_GENL_VERSION;
    mnl_attr_put_u32(header_, WGDEVICE_A_IFINDEX, ifindex_.value());
    peers_ = nullptr;
    dirty_ = false;
  }

  // A nest is limited by its 16-bit length, hence kMaxMessageBytes below 64 KiB.
  Status make_room(std::size_t bytes) {
    if (room() >= bytes) return {};
    return flush();
  }

  nlattr* open_peer(const NodePublicKey& key, std::uint32_t flags) {
    if (peers_ == nullptr) peers_ = mnl_attr_nest_start(header_, WGDEVICE_A_PEERS);
    dirty_ = true;
    nlattr* peer = mnl_attr_nest_start(header_, 0);
    mnl_attr_put(header_, WGPEER_A_PUBLIC_KEY, key.bytes().size(), key.bytes().data());
    if (flags != 0) mnl_attr_put_u32(header_, WGPEER_A_FLAGS, flags);
    return peer;
  }

  void put_peer_settings(const reconcile::WireguardPeer& config) {
    sockaddr_in address{};
    address.sin_family = AF_INET;  // synthetic endpoints are IPv4
    address.sin_port = htons(config.endpoint.port.value());
    address.sin_addr.s_addr = htonl(config.endpoint.address.to_v4_number());
    mnl_attr_put(header_, WGPEER_A_ENDPOINT, sizeof address, &address);
    mnl_attr_put_u16(header_, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, config.keepalive_interval_s);
  }

  void put_allowed_ip(const Prefix& prefix) {
    nlattr* one = mnl_attr_nest_start(header_, 0);
    const bool v4 = prefix.address().is_v4();
    mnl_attr_put_u16(header_, WGALLOWEDIP_A_FAMILY, v4 ? AF_INET : AF_INET6);
    mnl_attr_put(header_, WGALLOWEDIP_A_IPADDR, v4 ? 4 : 16, prefix.address().bytes().data());
    mnl_attr_put_u8(header_, WGALLOWEDIP_A_CIDR_MASK, static_cast<std::uint8_t>(prefix.length()));
    mnl_attr_nest_end(header_, one);
  }

  std::uint16_t family_;
  IfIndex ifindex_;
  const MessageSink& send_;
  // libmnl writes every byte up to nlmsg_len, padding too.
  std::unique_ptr<std::uint8_t[]> buffer_ =
      std::make_unique_for_overwrite<std::uint8_t[]>(kMaxMessageBytes);
  nlmsghdr* header_ = nullptr;
  nlattr* peers_ = nullptr;
  bool dirty_ = false;
};

}  // namespace

Status decode_device(const nlmsghdr* message, std::size_t message_bytes,
                     reconcile::WireguardDevice& device) {
  if (message_bytes < MNL_NLMSG_HDRLEN + sizeof(genlmsghdr) || message->nlmsg_len > message_bytes ||
      message->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(genlmsghdr)) {
    return corrupt("message length");
  }
  const std::size_t bytes = message->nlmsg_len - MNL_NLMSG_HDRLEN - MNL_ALIGN(sizeof(genlmsghdr));
  return for_each_attribute(
      mnl_nlmsg_get_payload_offset(message, sizeof(genlmsghdr)), bytes,
      [&](const nlattr* attr) -> Status {
        switch (mnl_attr_get_type(attr)) {
          case WGDEVICE_A_PUBLIC_KEY: {
            const auto key = payload_as<KeyBytes>(attr);
            if (!key) return corrupt("public key length");
            device.public_key = NodePublicKey(*key);
            return {};
          }
          case WGDEVICE_A_LISTEN_PORT:
            device.listen_port = Port(payload_as<std::uint16_t>(attr).value_or(0));
            return {};
          case WGDEVICE_A_PEERS:
            return for_each_nested(attr,
                                   [&](const nlattr* peer) { return decode_peer(peer, device); });
          default:
            return {};
        }
      });
}

Status encode_change(std::uint16_t family, IfIndex ifindex, const DeviceSettings& settings,
                     const reconcile::WireguardChange& change, const MessageSink& send) {
  Writer writer(family, ifindex, send);
  writer.put_settings(settings);
  for (const auto& key : change.removed) MESH_TRY(writer.remove_peer(key));
  for (const auto& [key, peer] : change.upserted) MESH_TRY(writer.put_peer(key, peer));
  return writer.flush();
}

Status encode_keepalive(std::uint16_t family, IfIndex ifindex, const NodePublicKey& peer,
                        std::uint16_t interval_s, const MessageSink& send) {
  Writer writer(family, ifindex, send);
  writer.put_keepalive(peer, interval_s);
  return writer.flush();
}

}  // namespace kernmesh::netlink
