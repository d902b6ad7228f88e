// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/machine_proof.h"

#include <string_view>

namespace kernmesh::signin {

std::vector<std::uint8_t> to_bytes(const MachineProof& proof) {
  constexpr std::string_view kLabel = "kernmesh sign-in v1";
  std::vector<std::uint8_t> message(kLabel.begin(), kLabel.end());
  message.insert(message.end(), proof.ca.begin(), proof.ca.end());
  message.push_back(static_cast<std::uint8_t>(proof.nonce.size() >> 8));
  message.push_back(static_cast<std::uint8_t>(proof.nonce.size()));
  message.insert(message.end(), proof.nonce.begin(), proof.nonce.end());
  message.insert(message.end(), proof.node_key.bytes().begin(), proof.node_key.bytes().end());
  message.insert(message.end(), proof.disco_key.bytes().begin(), proof.disco_key.bytes().end());
  return message;
}

}  // namespace kernmesh::signin
