// SPDX-License-Identifier: Apache-2.0
// Everything the server knows, in memory (L3): loaded from the store once, then kept up to date by
// its feed. Thread-safe; readers share.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "controller/core/lock/history.h"
#include "controller/core/topology/network.h"
#include "controller/store/store.h"

namespace kernmesh::server {

// A consistent state. `network` holds what nodes are told, the rest what only the server needs.
struct View {
  store::MetaRecord meta;
  topology::Network network;
  std::map<NodeId, store::NodeRecord> nodes;
  std::map<UserId, store::UserRecord> users;
  std::map<JoinKeyId, store::JoinKeyRecord> join_keys;
  std::map<store::Hash, JoinKeyId> join_key_ids;
  std::map<TokenId, store::TokenRecord> tokens;
  std::map<store::Hash, TokenId> token_ids;
  std::map<netmap::RelayId, store::RelayRecord> relays;
  Revision relays_changed;  // the network's revision at which nodes were last to hear of them
  std::unordered_map<NodePublicKey, NodeId> by_node_key;
  std::unordered_map<DiscoPublicKey, NodeId> by_disco_key;
  store::HighestIds highest;
  std::vector<store::PolicyHead> policies;  // ascending; the last one is in force
  policy::AcceptedPolicy policy;            // that one
  lock::History lock{};
  Revision lock_changed{};  // as relays_changed
  std::map<store::LockDigest, store::LockProposalRecord> lock_proposals{};
};

class Directory {
 public:
  // `contents` has meta, `policy` is its newest one and `lock` what its statements come to.
  // Subscribes to the store, which outlives the directory.
  static std::unique_ptr<Directory> open(store::Store& store, store::Contents contents,
                                         policy::AcceptedPolicy policy, lock::History lock = {});

  // `read` must not call the store and must not keep references.
  template <typename Read>
  auto read(const Read& read) const {
    const std::shared_lock lock(mutex_);
    return read(view_);
  }

  // Called after each change that nodes are to hear of, on the committing thread, without a lock of
  // the directory. Set once, before the first commit.
  void on_network_change(std::function<void()> listener) { listener_ = std::move(listener); }
  // The same for each change that has added to the audit log.
  void on_audit(std::function<void()> listener) { audit_listener_ = std::move(listener); }

 private:
  explicit Directory(View view) : view_(std::move(view)) {}
  void apply(const store::Change& change);

  mutable std::shared_mutex mutex_;
  View view_;
  std::function<void()> listener_;
  std::function<void()> audit_listener_;
};

// Plans a commit from a consistent state and commits it; plans again when somebody else was faster.
// `plan(view)` gives a Result<Commit>; an empty commit is not written.
inline constexpr int kCommitAttempts = 16;
template <typename Plan>
Status commit_planned(const Directory& directory, store::Store& store, const Plan& plan) {
  Status status;
  for (int attempt = 0; attempt < kCommitAttempts; ++attempt) {
    const Result<store::Commit> commit = directory.read(plan);
    if (!commit) return commit.error();
    if (commit->puts.empty() && commit->removals.empty()) return {};
    status = store.commit(*commit);
    const bool again = !status && (status.error().code() == ErrorCode::kConflict ||
                                   status.error().code() == ErrorCode::kAlreadyExists);
    if (!again) break;
  }
  return status;
}

}  // namespace kernmesh::server
