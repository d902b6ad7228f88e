// SPDX-License-Identifier: Apache-2.0
#include "controller/portmap/announcements.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "controller/core/portmap/pcp.h"

namespace kernmesh::portmap {
namespace {

constexpr std::uint16_t kListenPort = 5350;
constexpr std::uint32_t kAllHosts = 0xe0000001;  // every host is a member
constexpr int kMostAtOnce = 16;

}  // namespace

Result<Announcements> Announcements::open() {
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Error::from_errno("make a UDP socket", errno);
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // Not on all addresses: nobody from elsewhere can send to that one.
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_port = htons(kListenPort);
  local.sin_addr.s_addr = htonl(kAllHosts);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof(local)) != 0)
    return Error::from_errno("listen at 224.0.0.1:5350", errno);
  return Announcements(std::move(fd));
}

void Announcements::receive(const Receive& on_announcement) {
  for (int i = 0; i < kMostAtOnce; ++i) {
    std::array<std::uint8_t, kMostAnswerBytes + 1> buffer;
    sockaddr_in source{};
    socklen_t length = sizeof(source);
    const ssize_t size = recvfrom(fd_.get(), buffer.data(), buffer.size(), 0,
                                  reinterpret_cast<sockaddr*>(&source), &length);
    if (size < 0) return;
    if (ntohs(source.sin_port) != kGatewayPort.value()) continue;
    const auto bytes = std::span(buffer).first(static_cast<std::size_t>(size));
    if (const auto announcement = parse_announcement(bytes))
      on_announcement(IpAddress::from_v4_number(ntohl(source.sin_addr.s_addr)), *announcement);
  }
}

}  // namespace kernmesh::portmap
