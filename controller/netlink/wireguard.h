// SPDX-License-Identifier: Apache-2.0
// The WireGuard driver: its interfaces through rtnetlink, their peers through generic netlink (L2,
// libmnl). Not thread-safe; speaks for the network namespace in which it was opened.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "controller/core/reconcile/device.h"
#include "controller/netlink/socket.h"

struct mnl_socket;
struct nlmsghdr;

namespace kernmesh::netlink {

// Creates a WireGuard interface in the namespace of host_netns_fd whose UDP socket stays in the
// namespace of private_socket: the driver remembers where it was born
// (drivers/net/wireguard/device.c, creating_net). kUnsupported when the kernel has no WireGuard
// driver.
Status create_wireguard(const RouteSocket& private_socket, std::string_view name,
                        int host_netns_fd);

class WireguardSocket {
 public:
  // kUnsupported when the driver is not there (the message names the module and the kernel that has
  // it).
  static Result<WireguardSocket> open();

  // The whole device. Costs 25 us a peer: for start-up and after a loss, never for polling.
  Result<reconcile::WireguardDevice> dump(IfIndex device);

  // Applies a difference; `private_key` is sent only when the change asks for it. Peers are sent in
  // batches; an error leaves the batches before it applied, and the caller dumps and diffs again.
  Status apply(IfIndex device, const reconcile::WireguardChange& change,
               const X25519SecretKey& private_key);

  // Makes WireGuard begin a session with this peer now: it sends a keepalive when the interval
  // becomes one (wg_packet_send_keepalive() in drivers/net/wireguard/netlink.c), and the interval
  // is off again afterwards. Nothing for a peer that is not there.
  Status greet(IfIndex device, const NodePublicKey& peer);

  // Removes every peer in one message, without the RCU grace period per peer that deleting the
  // interface costs (10,000 peers: 184 s on 6.1).
  Status remove_all_peers(IfIndex device);

 private:
  struct SocketDeleter {
    void operator()(mnl_socket* socket) const;
  };
  WireguardSocket(std::unique_ptr<mnl_socket, SocketDeleter> socket, std::uint16_t family)
      : socket_(std::move(socket)), family_(family) {}
  Status transact(std::span<const std::uint8_t> message,
                  const std::function<Status(const nlmsghdr*)>& on_data);

  std::unique_ptr<mnl_socket, SocketDeleter> socket_;
  std::uint16_t family_;
  std::uint32_t sequence_ = 0;
};

}  // namespace kernmesh::netlink
