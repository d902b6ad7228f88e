// SPDX-License-Identifier: Apache-2.0
// A daemon's sockets on its public UDP port, one for each IP family (L2): what passes here passes
// through the host's firewall like any socket's traffic. What programs take before it never comes
// here: WireGuard's packets at an agent, most data at a relay.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>

#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/base/unique_fd.h"

namespace kernmesh::host {

class PublicSocket {
 public:
  // Binds `port` on all addresses of both families; port 0 lets the kernel choose one that is free
  // for both. kAlreadyExists when the port is taken. Non-blocking.
  static Result<PublicSocket> open(Port port);

  Port port() const { return port_; }
  // For polling: IPv4, IPv6. The second is -1 on a host without IPv6.
  std::array<int, 2> fds() const { return {v4_.get(), v6_.get()}; }

  // from: the local address to send from; nullopt leaves it to routing. An error is the kernel's
  // word that there is no way now (no route, interface down), or that the firewall refused.
  Status send(const Endpoint& to, const std::optional<IpAddress>& from,
              std::span<const std::uint8_t> bytes);

  // Reads what is pending on `fd`, at most 256 datagrams, so that a flood cannot starve the loop.
  using Receive = std::function<void(std::span<const std::uint8_t>, const Endpoint& source,
                                     const IpAddress& local)>;
  void receive(int fd, const Receive& on_datagram);

 private:
  UniqueFd v4_;
  UniqueFd v6_;
  Port port_;
};

}  // namespace kernmesh::host
