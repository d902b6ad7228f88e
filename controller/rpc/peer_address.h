// SPDX-License-Identifier: Apache-2.0
// Where a call comes from (L2, pure).
#pragma once

#include <string>
#include <string_view>

namespace kernmesh::rpc {

// gRPC's "ipv4:127.0.0.1:41000" or "ipv6:%5B::1%5D:41000" as "127.0.0.1:41000", "[::1]:41000". Any
// other form gives nothing.
std::string peer_address(std::string_view grpc_peer);

}  // namespace kernmesh::rpc
