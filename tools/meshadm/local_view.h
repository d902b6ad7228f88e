// SPDX-License-Identifier: Apache-2.0
// The agent's answers as documents (pure). docs/json.md describes the objects.
#pragma once

#include <cstdint>
#include <string>

#include "controller/base/clock.h"
#include "mesh/v1/local.pb.h"
#include "tools/meshadm/document.h"

namespace kernmesh::adm {

Document up_document(const mesh::v1::UpResponse& response);
// Where a person is to sign in; and the answer of `up` when that was done.
Document invitation_document(const mesh::v1::SignInResponse::Invitation& invitation);
Document signed_in_document(const mesh::v1::UpResponse& response);
Document down_document();
Document logout_document(const mesh::v1::LogoutResponse& response);
Document status_document(const mesh::v1::StatusResponse& response, WallTime now);
Document routes_document(const mesh::v1::RoutesResponse& response);
// `response` is null when the agent was not reached.
Document version_document(const mesh::v1::VersionResponse* response);

// "expired" (its key), "active" (a session carries packets), "idle", "offline".
std::string peer_state(const mesh::v1::PeerStatus& peer, WallTime now);

// Where packets to a peer go: "direct 198.51.100.7:41000", "relay fra1", "none". A relay without a
// name is one that the network has no more.
struct PathFacts {
  mesh::v1::PeerStatus::PathKind kind;
  const mesh::v1::Endpoint& endpoint;
  const std::string& relay_name;
  bool relay_over_tls = false;
};
std::string path_text(const PathFacts& path);
Json path_json(const PathFacts& path);

// How the gateway forwards a port to this node: "PCP, 198.51.100.7:41000", "none".
std::string mapping_text(const mesh::v1::PortMapping& mapping);
Json mapping_json(const mesh::v1::PortMapping& mapping);

// One answer to a ping; counted by PingCount.
Document ping_document(const mesh::v1::PingResponse& answer);

// What a ping's last line says.
struct PingCount {
  std::uint32_t sent = 0;
  std::uint32_t received = 0;
  std::uint32_t least_us = 0;
  std::uint32_t most_us = 0;
  std::uint64_t sum_us = 0;
  void add(const mesh::v1::PingResponse& answer);
};
Document ping_summary(const std::string& target, const PingCount& count);

}  // namespace kernmesh::adm
