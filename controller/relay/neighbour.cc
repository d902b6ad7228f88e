// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/neighbour.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "controller/base/unique_fd.h"

namespace kernmesh::relay {
namespace {

// /proc/net/route: name, destination, gateway as a number in network order, printed in hexadecimal.
std::optional<IpAddress> gateway_of(const std::string& interface) {
  std::ifstream routes("/proc/net/route");
  std::string line;
  while (std::getline(routes, line)) {
    std::istringstream fields(line);
    std::string name;
    std::uint32_t destination = 0, gateway_be = 0;
    fields >> name >> std::hex >> destination >> gateway_be;
    if (fields && name == interface && gateway_be != 0) {
      return IpAddress::from_v4_number(ntohl(gateway_be));
    }
  }
  return std::nullopt;
}

// /proc/net/arp: address, type, flags, hardware address, mask, name.
std::optional<IpAddress> known_on(const std::string& interface) {
  std::ifstream known("/proc/net/arp");
  std::string line;
  while (std::getline(known, line)) {
    std::istringstream fields(line);
    std::string address, type, flags, hardware, mask, name;
    fields >> address >> type >> flags >> hardware >> mask >> name;
    const auto parsed = IpAddress::parse(address);
    if (fields && name == interface && flags != "0x0" && parsed && parsed->is_v4()) return *parsed;
  }
  return std::nullopt;
}

struct InterfaceFacts {
  std::array<std::uint8_t, 6> mac{};
  std::uint32_t address_be = 0;
  int index = 0;
};

Result<InterfaceFacts> facts_of(int socket, const std::string& interface) {
  InterfaceFacts facts;
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  if (ioctl(socket, SIOCGIFHWADDR, &request) != 0) {
    return Error::from_errno("read the Ethernet address of " + interface, errno);
  }
  std::memcpy(facts.mac.data(), request.ifr_hwaddr.sa_data, facts.mac.size());
  if (ioctl(socket, SIOCGIFINDEX, &request) != 0) {
    return Error::from_errno("find " + interface, errno);
  }
  facts.index = request.ifr_ifindex;
  if (ioctl(socket, SIOCGIFADDR, &request) != 0) {
    return Error::from_errno("read the IPv4 address of " + interface, errno);
  }
  facts.address_be = reinterpret_cast<const sockaddr_in&>(request.ifr_addr).sin_addr.s_addr;
  return facts;
}

}  // namespace

std::optional<IpAddress> find_neighbour(const std::string& interface) {
  if (const auto gateway = gateway_of(interface)) return gateway;
  return known_on(interface);
}

Status send_arp_request(const std::string& interface, const IpAddress& neighbour) {
  const UniqueFd plain(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const UniqueFd raw(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!plain || !raw) return Error::from_errno("make a socket for ARP", errno);
  MESH_TRY_ASSIGN(const InterfaceFacts facts, facts_of(plain.get(), interface));
  ether_arp request{};
  request.arp_hrd = htons(ARPHRD_ETHER);
  request.arp_pro = htons(ETHERTYPE_IP);
  request.arp_hln = 6;
  request.arp_pln = 4;
  request.arp_op = htons(ARPOP_REQUEST);
  std::memcpy(request.arp_sha, facts.mac.data(), 6);
  std::memcpy(request.arp_spa, &facts.address_be, 4);
  const std::uint32_t target_be = htonl(neighbour.to_v4_number());
  std::memcpy(request.arp_tpa, &target_be, 4);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETHERTYPE_ARP);
  to.sll_ifindex = facts.index;
  to.sll_halen = 6;
  std::memset(to.sll_addr, 0xff, 6);
  if (sendto(raw.get(), &request, sizeof request, 0, reinterpret_cast<const sockaddr*>(&to),
             sizeof to) < 0) {
    return Error::from_errno("send ARP on " + interface, errno);
  }
  return {};
}

}  // namespace kernmesh::relay
