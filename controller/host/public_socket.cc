// SPDX-License-Identifier: Apache-2.0
#include "controller/host/public_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "controller/host/socket_address.h"

namespace kernmesh::host {
namespace {

Result<UniqueFd> bind_one(int family, Port port) {
  UniqueFd fd(socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Error::from_errno("cannot make a UDP socket", errno);
  const int on = 1;
  // Never in fragments, and never smaller than asked for because of what some ICMP message said:
  // whether a size arrives is for the caller to find out (RFC 8899).
  if (family == AF_INET) {
    const int probe = IP_PMTUDISC_PROBE;
    setsockopt(fd.get(), IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof probe);
    setsockopt(fd.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  } else {
    const int probe = IPV6_PMTUDISC_PROBE;
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof probe);
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  }
  const IpAddress any = family == AF_INET ? IpAddress() : IpAddress::from_v6_bytes({});
  const SocketAddress address = to_sockaddr({any, port});
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0) {
    const std::string attempt = "cannot bind UDP port " + to_string(port);
    if (errno != EADDRINUSE) return Error::from_errno(attempt, errno);
    return Error(ErrorCode::kAlreadyExists,
                 attempt + ": another program has it; choose another port");
  }
  return fd;
}

Result<Port> bound_port(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
    return Error::from_errno("cannot read a socket's port", errno);
  }
  return from_sockaddr(storage).port;
}

// Puts the local address that a reply must leave from into the control area.
void put_source(msghdr& message, std::span<std::uint8_t> control, const IpAddress& from) {
  message.msg_control = control.data();
  const auto put = [&](int level, int type, const auto& info) {
    message.msg_controllen = CMSG_SPACE(sizeof info);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
  };
  if (from.is_v4()) {
    in_pktinfo info{};
    info.ipi_spec_dst.s_addr = htonl(from.to_v4_number());
    put(IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, from.bytes().data(), 16);
    put(IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

std::optional<IpAddress> local_address(msghdr& message) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      return IpAddress::from_v4_number(ntohl(info.ipi_addr.s_addr));
    }
    if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      return from_in6(info.ipi6_addr);
    }
  }
  return std::nullopt;
}

}  // namespace

Result<PublicSocket> PublicSocket::open(Port port) {
  constexpr int kTries = 16;  // a port that is free for IPv4 may be taken for IPv6
  for (int i = 0; i < kTries; ++i) {
    PublicSocket result;
    MESH_TRY_ASSIGN(result.v4_, bind_one(AF_INET, port));
    MESH_TRY_ASSIGN(result.port_, bound_port(result.v4_.get()));
    auto v6 = bind_one(AF_INET6, result.port_);
    if (v6) {
      result.v6_ = std::move(*v6);
      return result;
    }
    if (v6.error().code() != ErrorCode::kAlreadyExists) return result;  // no IPv6 on this host
    if (port.value() != 0) return v6.error();
  }
  return Error(ErrorCode::kAlreadyExists, "no UDP port is free for both IPv4 and IPv6");
}

Status PublicSocket::send(const Endpoint& to, const std::optional<IpAddress>& from,
                          std::span<const std::uint8_t> bytes) {
  const int fd = to.address.is_v4() ? v4_.get() : v6_.get();
  if (fd < 0)
    return Error(ErrorCode::kUnavailable,
                 "cannot send to " + to_string(to) + ": no IPv6 on this host");
  SocketAddress address = to_sockaddr(to);
  iovec data{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<std::uint8_t, 64> control{};
  msghdr message{};
  message.msg_name = &address.storage;
  message.msg_namelen = address.length;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (from) put_source(message, control, *from);
  if (sendmsg(fd, &message, MSG_DONTWAIT) >= 0) return {};
  // A full queue drops like any network and says nothing about the way.
  if (errno == EAGAIN || errno == ENOBUFS) return {};
  return Error::from_errno("cannot send to " + to_string(to), errno);
}

void PublicSocket::receive(int fd, const Receive& on_datagram) {
  constexpr int kAtOnce = 256;
  std::array<std::uint8_t, 9216> buffer;  // a relay's clients may have jumbo frames
  alignas(cmsghdr) std::array<std::uint8_t, 256> control;
  for (int i = 0; i < kAtOnce; ++i) {
    sockaddr_storage source{};
    iovec data{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_name = &source;
    message.msg_namelen = sizeof source;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return;  // nothing more, or a pending ICMP error of an earlier send
    const auto local = local_address(message);
    if (!local || (message.msg_flags & MSG_TRUNC) != 0) continue;
    on_datagram(std::span(buffer.data(), static_cast<std::size_t>(got)), from_sockaddr(source),
                *local);
  }
}

}  // namespace kernmesh::host
