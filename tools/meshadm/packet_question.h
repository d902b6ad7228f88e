// SPDX-License-Identifier: Apache-2.0
// The packet that somebody asks about on a command line (pure).
#pragma once

#include <cstdint>
#include <string>

#include "controller/base/result.h"
#include "controller/core/policy/service.h"

namespace kernmesh::adm {

struct PacketQuestion {
  std::string destination;  // as it was written, without brackets; empty only where it may be
  std::uint16_t port = 0;
  std::uint8_t protocol = policy::kProtocolTcp;
};

// "web-1:443", "tag:db:5432/tcp", "[fd7a::1]:53/udp", "web-1:0/icmp".
Result<PacketQuestion> read_question(const std::string& text);
// As above, or only a port for this node's own address: "443", ":443", ":53/udp".
Result<PacketQuestion> read_question_here(const std::string& text);
// For the parser of the command line: "" or what is wrong.
std::string check_question(const std::string& text);
std::string check_question_here(const std::string& text);

// "tcp/443", "icmp".
std::string service_text(std::uint8_t protocol, std::uint32_t port);

}  // namespace kernmesh::adm
