// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/ipv6_switch.h"

#include <sys/socket.h>

#include <cerrno>
#include <fstream>

#include "controller/base/unique_fd.h"

namespace kernmesh::agent {

reconcile::Ipv6 read_ipv6(const std::string& interface) {
  // net/ipv6/af_inet6.c registers the family unless `ipv6.disable=1` was on the command line.
  const UniqueFd probe(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!probe && errno == EAFNOSUPPORT) return reconcile::Ipv6::kAbsent;
  for (const auto& name : {interface, std::string("default")}) {
    std::ifstream file("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6");
    int is_off = 0;
    if (file >> is_off) return is_off != 0 ? reconcile::Ipv6::kOff : reconcile::Ipv6::kOn;
  }
  return reconcile::Ipv6::kOn;
}

}  // namespace kernmesh::agent
