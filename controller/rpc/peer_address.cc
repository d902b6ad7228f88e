// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/peer_address.h"

#include "controller/base/ip.h"

namespace kernmesh::rpc {

std::string peer_address(std::string_view grpc_peer) {
  const auto colon = grpc_peer.find(':');
  if (colon == std::string_view::npos) return {};
  std::string text(grpc_peer.substr(colon + 1));
  for (const auto& [escaped, plain] : {std::pair{"%5B", "["}, std::pair{"%5D", "]"}}) {
    if (const auto at = text.find(escaped); at != std::string::npos) text.replace(at, 3, plain);
  }
  const auto endpoint = Endpoint::parse(text);
  return endpoint ? to_string(*endpoint) : std::string();
}

}  // namespace kernmesh::rpc
