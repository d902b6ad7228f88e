// SPDX-License-Identifier: Apache-2.0
// Nodes as administrators see and change them (L3, thread-safe). A member sees his own. Everything
// that changes something is audited.
#pragma once

#include <functional>

#include "controller/rpc/admin_handlers.h"
#include "controller/server/directory.h"
#include "controller/server/presence.h"
#include "controller/server/wall_clock.h"

namespace kernmesh::server {

class NodeAdministration : public rpc::NodeHandler {
 public:
  // All outlive it.
  NodeAdministration(const Directory& directory, store::Store& store, const Presence& presence,
                     WallClock clock)
      : directory_(directory), store_(store), presence_(presence), clock_(std::move(clock)) {}

  Result<mesh::v1::ListNodesResponse> list_nodes(const rpc::Caller&,
                                                 const mesh::v1::ListNodesRequest&) override;
  Result<mesh::v1::Node> get_node(const rpc::Caller&, const mesh::v1::GetNodeRequest&) override;
  Result<mesh::v1::Node> rename_node(const rpc::Caller&,
                                     const mesh::v1::RenameNodeRequest&) override;
  Result<mesh::v1::Node> expire_node(const rpc::Caller&,
                                     const mesh::v1::ExpireNodeRequest&) override;
  Result<mesh::v1::RemoveNodeResponse> remove_node(const rpc::Caller&,
                                                   const mesh::v1::RemoveNodeRequest&) override;
  Result<mesh::v1::Node> tag_node(const rpc::Caller&, const mesh::v1::TagNodeRequest&) override;
  Result<mesh::v1::Node> approve_node(const rpc::Caller&,
                                      const mesh::v1::ApproveNodeRequest&) override;
  Result<mesh::v1::Node> renew_node(const rpc::Caller&, const mesh::v1::RenewNodeRequest&) override;
  Result<mesh::v1::Node> set_node_expiry(const rpc::Caller&,
                                         const mesh::v1::SetNodeExpiryRequest&) override;
  Result<mesh::v1::Node> rotate_node_key(const rpc::Caller&,
                                         const mesh::v1::RotateNodeKeyRequest&) override;

 private:
  struct Change {
    const rpc::Caller& caller;
    const std::string& node;  // as the caller names it
    const char* action;
  };
  mesh::v1::Node describe(const View& view, const store::NodeRecord& record) const;
  // Changes that node and tells the network.
  using Edit = std::function<Status(const View&, topology::Node&)>;
  Result<mesh::v1::Node> edit_node(const Change& change, const Edit& edit);

  const Directory& directory_;
  store::Store& store_;
  const Presence& presence_;
  WallClock clock_;
};

}  // namespace kernmesh::server
