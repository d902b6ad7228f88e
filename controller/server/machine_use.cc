// SPDX-License-Identifier: Apache-2.0
#include "controller/server/machine_use.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "controller/server/audit.h"

namespace kernmesh::server {
namespace {

using Seat = topology::InstanceLedger::Seat;

// Ledgers of removed nodes are looked for when there are so many more than nodes.
constexpr std::size_t kLedgersToSpare = 1000;

Error key_is_shared() {
  return {ErrorCode::kAlreadyExists,
          "another machine uses this machine's key, as after copying its state directory or disk; "
          "on the copy run `meshadm logout` and join with a join key"};
}

Error taken_over() { return {ErrorCode::kConflict, "another stream of this node has taken over"}; }

}  // namespace

std::optional<topology::AgentInstance> instance_from(const std::string& bytes) {
  topology::AgentInstance instance{};
  if (bytes.size() != instance.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), instance.begin());
  return instance;
}

Result<MachineUse::Claim> MachineUse::claim(const rpc::Caller& caller, const std::string& bytes) {
  const auto instance = instance_from(bytes);
  if (!instance) return Claim{taken_over()};
  Seat seat = Seat::kTaken;
  {
    const std::lock_guard lock(mutex_);
    forget_removed();
    seat = ledgers_[caller.node].claim(*instance);
  }
  if (seat != Seat::kTaken) note(caller);
  if (seat == Seat::kRefused) return key_is_shared();
  return Claim{seat == Seat::kReturned ? key_is_shared() : taken_over()};
}

Status MachineUse::check(const MachinePublicKey& key, const std::string& bytes) {
  const auto instance = instance_from(bytes);
  if (!instance) return {};
  const auto id = directory_.read([&](const View& view) {
    const auto* node = view.network.find(key);
    return node == nullptr ? NodeId() : node->id;
  });
  const std::lock_guard lock(mutex_);
  const auto found = ledgers_.find(id);
  if (found == ledgers_.end() || !found->second.is_refused(*instance)) return {};
  return key_is_shared();
}

void MachineUse::note(const rpc::Caller& caller) {
  const WallTime now = clock_();
  const auto status =
      commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
        store::Commit commit;
        const auto found = view.nodes.find(caller.node);
        if (found == view.nodes.end()) return commit;
        const WallTime last = found->second.node.machine_key_shared_at;
        if (last != WallTime{} && now - last < kSharedKeyInterval) return commit;
        auto record = found->second;
        record.node.machine_key_shared_at = now;
        commit.audience = store::Audience::kNetwork;
        commit.audit = {
            event_by(caller, now,
                     {"node.shared_key", subject_of(record), "two machines use its machine key"})};
        commit.puts.emplace_back(std::move(record));
        return commit;
      });
  if (!status) spdlog::error("write that a key is used twice: {}", status.error().message());
}

// With the lock held.
void MachineUse::forget_removed() {
  directory_.read([&](const View& view) {
    if (ledgers_.size() < view.nodes.size() + kLedgersToSpare) return;
    std::erase_if(ledgers_, [&](const auto& entry) { return !view.nodes.contains(entry.first); });
  });
}

}  // namespace kernmesh::server
