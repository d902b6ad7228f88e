// SPDX-License-Identifier: Apache-2.0
// What administrators ask of policies (L3, thread-safe). Texts are read, compiled and tested
// without a lock; only putting one in force takes the directory's.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "controller/rpc/admin_handlers.h"
#include "controller/server/directory.h"
#include "controller/server/gatekeeper.h"
#include "controller/server/presence.h"

namespace kernmesh::server {

// The network as far as a policy can name it.
policy::Inventory inventory_of(const View& view);

// For the metrics page; written by PolicyAdministration.
struct PolicyCounts {
  std::atomic<std::uint64_t> rejected = 0;
  std::atomic<double> compile_seconds = 0;  // of the last text read, compiled and tested
};

class PolicyAdministration : public rpc::PolicyHandler {
 public:
  // All outlive it.
  PolicyAdministration(const Directory& directory, store::Store& store, const Presence& presence,
                       PolicyCounts& counts, WallClock clock)
      : directory_(directory),
        store_(store),
        presence_(presence),
        counts_(counts),
        clock_(std::move(clock)) {}

  Result<mesh::v1::Policy> get_policy(const rpc::Caller&,
                                      const mesh::v1::GetPolicyRequest&) override;
  Result<mesh::v1::SetPolicyResponse> set_policy(const rpc::Caller&,
                                                 const mesh::v1::SetPolicyRequest&) override;
  Result<mesh::v1::CheckPolicyResponse> check_policy(const rpc::Caller&,
                                                     const mesh::v1::CheckPolicyRequest&) override;
  Result<mesh::v1::ListPoliciesResponse> list_policies(
      const rpc::Caller&, const mesh::v1::ListPoliciesRequest&) override;
  Result<mesh::v1::GetRolloutResponse> get_rollout(const rpc::Caller&,
                                                   const mesh::v1::GetRolloutRequest&) override;
  Result<mesh::v1::Inventory> get_inventory(const rpc::Caller&,
                                            const mesh::v1::GetInventoryRequest&) override;

 private:
  std::optional<policy::AcceptedPolicy> read(const std::string& text,
                                             policy::Diagnostics& diagnostics);
  Status put_in_force(const rpc::Caller& caller, store::PolicyRecord record, PolicyRevision above);

  const Directory& directory_;
  store::Store& store_;
  const Presence& presence_;
  PolicyCounts& counts_;
  WallClock clock_;
  // Held while a policy is put in force: those of one server come one after the other, so that a
  // text without an expected revision is never refused because another was faster.
  std::mutex setting_;
};

}  // namespace kernmesh::server
