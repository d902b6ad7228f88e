// SPDX-License-Identifier: Apache-2.0
// Random policy texts over the names of random networks, so that the parser is part of what is
// tested, and packets near the edges of what they say.
#pragma once

#include <string>

#include "controller/core/policy/inventory.h"
#include "controller/core/policy/packet.h"
#include "tests/oracle/random_network.h"

namespace kernmesh::policy {

struct RandomPolicy {
  std::string text;
  std::string flaw;  // not empty: what in the text makes that it must be rejected
};

RandomPolicy random_policy(const Choice& choice);

// Source and destination are of one family, on or just beside addresses and prefixes of the network
// and of the policies; ports on or just beside the ends of the policies' ranges.
Packet random_packet(const Choice& choice, const Inventory& inventory);

std::string to_string(const Packet& packet);

}  // namespace kernmesh::policy
