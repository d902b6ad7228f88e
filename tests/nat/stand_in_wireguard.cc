// SPDX-License-Identifier: Apache-2.0
// Stands in for the kernel's WireGuard driver in nat-agent (test support): everything that
// controller/netlink/wireguard.h declares, over a TUN device and a socket in the private namespace.
// nat/tunnel.h speaks the protocol, on a thread of its own; one interface for each process, which
// ends with it.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>

#include "controller/host/event_loop.h"
#include "controller/host/socket_address.h"
#include "controller/netlink/netns.h"
#include "controller/netlink/wireguard.h"
#include "tests/nat/tunnel.h"

namespace kernmesh::netlink {
namespace {

class StandIn {
 public:
  StandIn(UniqueFd tun, UniqueFd socket)
      : tun_(std::move(tun)),
        socket_(std::move(socket)),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        tunnel_(std::random_device()()),
        thread_([this] { run(); }) {}
  ~StandIn() {
    stopping_ = true;
    wake();
    thread_.join();
  }

  reconcile::WireguardDevice dump() {
    const std::lock_guard lock(mutex_);
    return device_;
  }
  Status apply(const reconcile::WireguardChange& change, const X25519SecretKey& private_key) {
    const std::lock_guard lock(mutex_);
    if (change.set_private_key) {
      device_.public_key = node_public_key(private_key);
      tunnel_.set_own_key(device_.public_key);
    }
    if (change.listen_port) {
      sockaddr_in at{};
      at.sin_family = AF_INET;
      at.sin_port = htons(change.listen_port->value());
      if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
        return Error::from_errno("cannot bind the stand-in's socket", errno);
      device_.listen_port = *change.listen_port;
    }
    for (const auto& key : change.removed) {
      tunnel_.remove_peer(key);
      device_.peers.erase(key);
    }
    for (const auto& [key, peer] : change.upserted) {
      tunnel_.put_peer(key, peer);
      device_.peers[key] = peer;
    }
    wake();
    return {};
  }

 private:
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = write(wake_.get(), &one, sizeof one);
  }

  void run() {
    while (!stopping_) {
      pollfd ready[] = {
          {tun_.get(), POLLIN, 0}, {socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
      poll(ready, 3, wait_ms());
      std::uint64_t woken = 0;
      [[maybe_unused]] const ssize_t drained = read(wake_.get(), &woken, sizeof woken);
      const std::lock_guard lock(mutex_);
      const MonoTime now = host::mono_now();
      std::array<std::uint8_t, 65536> buffer;
      for (ssize_t got; (got = read(tun_.get(), buffer.data(), buffer.size())) > 0;)
        tunnel_.on_packet(now, Bytes(buffer.begin(), buffer.begin() + got));
      for (ssize_t got; (got = recv(socket_.get(), buffer.data(), buffer.size(), 0)) > 0;)
        tunnel_.on_message(now, std::span(buffer.data(), static_cast<std::size_t>(got)));
      tunnel_.tick(now);
      for (const auto& command : tunnel_.take_commands())
        std::visit([this](const auto& c) { obey(c); }, command);
    }
  }
  int wait_ms() {
    const std::lock_guard lock(mutex_);
    const auto due = tunnel_.next_deadline();
    if (!due) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - host::mono_now()).count();
    return static_cast<int>(std::max<std::int64_t>(left, 0));
  }
  // What cannot be sent now is lost, as in the driver.
  void obey(const nat::Tunnel::Send& send) {
    const auto to = host::to_sockaddr(send.to);
    (void)sendto(socket_.get(), send.message.data(), send.message.size(), 0, to.get(), to.length);
  }
  void obey(const nat::Tunnel::Deliver& deliver) {
    [[maybe_unused]] const ssize_t put =
        write(tun_.get(), deliver.packet.data(), deliver.packet.size());
  }

  const UniqueFd tun_, socket_, wake_;
  std::mutex mutex_;  // of the two below, between the agent's thread and this one's own
  nat::Tunnel tunnel_;
  reconcile::WireguardDevice device_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

std::unique_ptr<StandIn>& the_device() {
  static std::unique_ptr<StandIn> device;
  return device;
}

Result<UniqueFd> open_device(std::string_view name) {
  UniqueFd tun(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (!tun || ioctl(tun.get(), TUNSETIFF, &request) != 0)
    return Error::from_errno("cannot make the TUN device " + std::string(name), errno);
  return tun;
}

Error not_there() { return {ErrorCode::kNotFound, "the stand-in's interface is gone"}; }

}  // namespace

Status create_wireguard(const RouteSocket& private_socket, std::string_view name,
                        int host_netns_fd) {
  the_device().reset();
  UniqueFd tun, socket;
  MESH_TRY(run_in_netns(host_netns_fd, [&]() -> Status {
    MESH_TRY_ASSIGN(tun, open_device(name));
    return {};
  }));
  const UniqueFd born_in(ioctl(nl_socket_get_fd(private_socket.get()), SIOCGSKNS));
  if (!born_in) return Error::from_errno("cannot find the private namespace", errno);
  MESH_TRY(run_in_netns(born_in.get(), [&]() -> Status {
    socket.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return socket ? Status() : Status(Error::from_errno("cannot open a socket", errno));
  }));
  the_device() = std::make_unique<StandIn>(std::move(tun), std::move(socket));
  return {};
}

void WireguardSocket::SocketDeleter::operator()(mnl_socket*) const {}

Result<WireguardSocket> WireguardSocket::open() { return WireguardSocket(nullptr, 0); }

Result<reconcile::WireguardDevice> WireguardSocket::dump(IfIndex) {
  if (!the_device()) return not_there();
  return the_device()->dump();
}

Status WireguardSocket::apply(IfIndex, const reconcile::WireguardChange& change,
                              const X25519SecretKey& private_key) {
  return the_device() ? the_device()->apply(change, private_key) : Status(not_there());
}

// Nobody changes his key in the laboratory, so there is nothing to hurry.
Status WireguardSocket::greet(IfIndex, const NodePublicKey&) {
  return the_device() ? Status() : Status(not_there());
}

Status WireguardSocket::remove_all_peers(IfIndex) {
  if (!the_device()) return not_there();
  reconcile::WireguardChange change;
  for (const auto& [key, peer] : the_device()->dump().peers) change.removed.push_back(key);
  return the_device()->apply(change, {});
}

}  // namespace kernmesh::netlink
