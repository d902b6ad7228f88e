// SPDX-License-Identifier: Apache-2.0
// How joining ends, and what a node does that lost its place; what is wrong in words (the rest of
// agent.h).
#include <spdlog/spdlog.h>

#include "controller/agent/agent.h"
#include "controller/agent/device_removal.h"

namespace kernmesh::agent {

void Agent::on_disconnected(const Error& error) {
  if (connected_) unconnected_since_ = host::mono_now();
  connected_ = false;
  server_error_ = error;
  spdlog::warn("no connection to {}: {}", settings_.server, error.message());
  if (!joining_) {
    if (error.code() == ErrorCode::kAlreadyExists) step_aside();
    return;
  }
  joining_->last_error = error;
  if (ControlSession::is_final(error)) finish_joining(error);
}

void Agent::finish_joining(const Status& status) {
  const Joining joining = std::move(*joining_);
  joining_.reset();
  if (!status) give_up_joining(joining.before);
  joining.done(status);
}

// As if it had never been tried; but a join key that was good for once is used up.
void Agent::give_up_joining(const Settings& before) {
  // A node that this very `up` made, or is making; one that leaves needs nobody to remove it.
  if (session_ && before.server.empty()) {
    const Status left = session_->leave();
    if (!left && left.error().code() != ErrorCode::kNotFound) {
      spdlog::warn(
          "`meshadm up` was given up, and the server was not told ({}): if `meshadm node list` has "
          "this machine, `meshadm node remove` takes it out",
          left.error().message());
    }
  }
  end_session();
  const bool same_network = before.ca_pem == settings_.ca_pem;
  if (before.wanted == Wanted::kDown || !same_network) {
    if (const Status removed = take_down(); !removed)
      spdlog::error("{}", removed.error().message());
  }
  if (!same_network) forget_stored();
  settings_ = before;
  note_saved(save_settings(options_.state_dir, settings_));
  if (settings_.wanted == Wanted::kUp) resume();
}

// Two machines with the same keys would take each other's packets: the newcomer yields until
// somebody looks after it.
void Agent::step_aside() {
  spdlog::error("another machine uses this machine's key: taking the mesh down");
  if (const Status removed = take_down(); !removed) spdlog::error("{}", removed.error().message());
  displaced_ = true;
}

std::vector<std::string> Agent::problems() const {
  std::vector<std::string> result;
  if (node_) result = node_->problems();
  if (start_error_) result.push_back("cannot bring the mesh up: " + start_error_->message());
  if (displaced_) {
    result.emplace_back(
        "another machine uses this machine's key, as after copying its state directory or disk, so "
        "this one has taken its mesh down. If this is the copy: `meshadm logout`, then join with a "
        "join key. If it is the original: end the agent on the copy, then `meshadm up` here");
  }
  if (stored_ && stored_->self.machine_key_shared && !displaced_) {
    result.emplace_back(
        "another machine has tried to use this machine's key within the last day, as after copying "
        "its state directory or disk; on the copy run `meshadm logout`, or remove this node with "
        "`meshadm node remove` if the key was stolen");
  }
  if (lease_.has_ended(host::mono_now())) {
    result.emplace_back(
        "the server was not heard for longer than --max-policy-age allows: everything in the mesh "
        "is dropped until it answers");
  }
  // When it is only the policy, the node's own problems say so.
  if (node_ && apply_error_ && node_->netmap() != stored_)
    result.push_back("the newest netmap is not in force: " + apply_error_->message());
  if (lock_) {
    for (auto& problem : lock_->problems()) result.push_back(std::move(problem));
  }
  if (save_error_) result.push_back("state could not be stored: " + save_error_->message());
  return result;
}

}  // namespace kernmesh::agent
