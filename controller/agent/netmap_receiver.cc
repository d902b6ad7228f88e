// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/netmap_receiver.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "controller/agent/saved_state.h"

namespace kernmesh::agent {

namespace {

// Who was left out before and is not any more, or the other way round, changes too.
void add_readmitted(const netmap::Netmap& before, const netmap::Netmap& after,
                    std::vector<NodeId>& touched) {
  const auto add = [&](const netmap::Netmap& map, const netmap::Netmap& other) {
    for (const auto& [id, peer] : map.left_out) {
      if (!other.left_out.contains(id)) touched.push_back(id);
    }
  };
  add(before, after);
  add(after, before);
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
}

}  // namespace

NetmapReceiver::NetmapReceiver(std::string state_dir, const topology::CaFingerprint& ca,
                               netmap::MergeRules rules, NetmapPtr stored, Events events)
    : state_dir_(std::move(state_dir)),
      ca_(ca),
      rules_(std::move(rules)),
      events_(std::move(events)),
      current_(std::move(stored)) {}

void NetmapReceiver::set_own(const netmap::OwnKeys& own) {
  const std::lock_guard lock(mutex_);
  rules_.own = own;
}

netmap::MergeRules NetmapReceiver::rules() const {
  const std::lock_guard lock(mutex_);
  return rules_;
}

std::optional<rpc::Held> NetmapReceiver::held() const {
  if (!current_) return std::nullopt;
  return rpc::Held{current_->version, netmap::section_digests(*current_)};
}

Status NetmapReceiver::on_update(Result<rpc::Update> update) {
  if (!update) return update.error().with_context("reading a netmap update");
  std::optional<netmap::Netmap> merged;
  std::optional<NetmapStep> step;
  if (auto* snapshot = std::get_if<netmap::Netmap>(&*update)) {
    const auto held = current_ ? std::optional<netmap::Netmap>(*current_) : std::nullopt;
    MESH_TRY_ASSIGN(merged, netmap::apply_snapshot(held, std::move(*snapshot), rules()));
  } else if (const auto* delta = std::get_if<netmap::Delta>(&*update)) {
    if (!current_) return Error(ErrorCode::kConflict, "the server sent a change before any netmap");
    MESH_TRY_ASSIGN(merged, netmap::apply_delta(*current_, *delta, rules()));
    // A step leads from one checked map to another (core/reconcile/step.h).
    auto touched = checked_ ? netmap::touched_by(*delta) : std::nullopt;
    if (touched) step = NetmapStep{current_, std::move(*touched)};
  } else {
    // A keepalive also says that a map held from before is still the newest.
    if (current_) events_.on_netmap(current_, std::nullopt);
    return {};
  }
  if (events_.admit) events_.admit(*merged);
  if (step) add_readmitted(*current_, *merged, step->touched.peers);
  previous_ = std::exchange(current_, std::make_shared<const netmap::Netmap>(std::move(*merged)));
  checked_ = true;
  events_.on_saved(save_netmap(state_dir_, ca_, *current_));
  events_.on_netmap(current_, std::move(step));
  return {};
}

}  // namespace kernmesh::agent
