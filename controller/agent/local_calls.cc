// SPDX-License-Identifier: Apache-2.0
// What meshadm asks of the agent (L3): each call hands its work to the loop and waits for the
// answer.
#include <spdlog/spdlog.h>

#include <chrono>
#include <future>

#include "bpf/abi/addr.h"
#include "controller/agent/agent.h"
#include "controller/agent/host_check.h"
#include "controller/agent/host_view.h"
#include "controller/agent/loop_call.h"
#include "controller/agent/status_report.h"

namespace kernmesh::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How long `up` waits for the first netmap; a join takes a few round trips.
constexpr auto kJoinDeadline = seconds(45);

}  // namespace

void Agent::begin_up(Join join, UpDone done) {
  if (joining_) {
    done(Error(ErrorCode::kConflict, "another `meshadm up` is under way"));
    return;
  }
  if (!node_) {
    if (const Status able = check_host(); !able) {
      done(able);
      return;
    }
  }
  const bool is_up = node_ && node_->netmap() && session_ && settings_.wanted == Wanted::kUp;
  Settings& wanted = join.settings;
  const bool is_new_proof = join.proof == Proof::kNew;
  if (is_up && !is_new_proof && wanted.hostname == settings_.hostname) {
    done({});
    return;
  }
  joining_ = Joining{std::move(done), settings_, host::mono_now() + kJoinDeadline, std::nullopt};
  const bool same_network = wanted.ca_pem == settings_.ca_pem;
  settings_ = std::move(wanted);
  if (!same_network) forget_stored();
  if (const Status saved = save_settings(options_.state_dir, settings_); !saved) {
    finish_joining(saved);
    return;
  }
  // A node that was up before comes back with what it has; the server may be gone.
  if (!is_new_proof && stored_) {
    on_netmap(stored_);
    if (!joining_) return;
    if (node_) finish_joining({});
  }
  end_session();
  start_session(std::move(join.join_key));
}

Status Agent::bring_up(const Join& join, const std::function<bool()>& is_wanted) {
  auto promise = std::make_shared<std::promise<Result<bool>>>();  // shared with the loop
  auto future = promise->get_future();
  const auto is_over = std::make_shared<bool>(false);  // shared with the loop, which alone uses it
  loop_.post([this, promise, is_over, join] {
    begin_up(join, [promise, is_over](const Status& status) {
      *is_over = true;
      promise->set_value(status ? Result<bool>(true) : Result<bool>(status.error()));
    });
  });
  while (is_wanted && is_wanted() && !stopping_) {
    if (future.wait_for(milliseconds(50)) == std::future_status::ready) break;
  }
  if (is_wanted && !is_wanted()) {
    // While ours is not over, what is under way is ours.
    loop_.post([this, is_over] {
      if (!*is_over) finish_joining(Error(ErrorCode::kConflict, "it was given up"));
    });
  }
  MESH_TRY(await(std::move(future), stopping_));
  return {};
}

Result<mesh::v1::UpResponse> Agent::up(const mesh::v1::UpRequest& request) {
  const MonoTime began = host::mono_now();
  MESH_TRY_ASSIGN(auto settings,
                  on_loop<Settings>([this]() -> Result<Settings> { return settings_; }));
  MESH_TRY_ASSIGN(const auto join, prepare_join(request, std::move(settings)));
  MESH_TRY(bring_up(join, nullptr));
  return on_loop<mesh::v1::UpResponse>([this, began]() -> Result<mesh::v1::UpResponse> {
    return up_answer(stored_.get(), host::mono_now() - began);
  });
}

// An `up` that is under way is over, and nothing is put back.
void Agent::abandon_joining(std::string_view by) {
  person_.abandon("`meshadm " + std::string(by) + "`");
  if (!joining_) return;
  const Joining joining = std::move(*joining_);
  joining_.reset();
  joining.done(Error(ErrorCode::kConflict, "`meshadm " + std::string(by) + "` came in between"));
}

Result<mesh::v1::DownResponse> Agent::down() {
  return on_loop<mesh::v1::DownResponse>([this]() -> Result<mesh::v1::DownResponse> {
    abandon_joining("down");
    settings_.wanted = Wanted::kDown;
    const Status removed = take_down();
    MESH_TRY(save_settings(options_.state_dir, settings_));
    MESH_TRY(removed);
    return mesh::v1::DownResponse();
  });
}

Result<mesh::v1::LogoutResponse> Agent::logout() {
  return on_loop<mesh::v1::LogoutResponse>([this]() -> Result<mesh::v1::LogoutResponse> {
    abandon_joining("logout");
    mesh::v1::LogoutResponse response;
    // Whose key another machine uses is a copy of it: the node is that one's.
    if (!settings_.server.empty() && !displaced_) {
      const Status left =
          session_ ? session_->leave() : Status(Error(ErrorCode::kUnavailable, "the node is down"));
      if (!left) {
        response.set_warning("the server was not told (" + left.error().message() +
                             "); remove the node there with `meshadm node remove`");
      }
    }
    // A node that has left is not to come up again from its stored netmap when that fails.
    settings_.wanted = Wanted::kDown;
    if (const Status removed = take_down(); !removed) {
      note_saved(save_settings(options_.state_dir, settings_));
      return removed.error();
    }
    MESH_TRY(forget_saved_state(options_.state_dir));
    MESH_TRY(forget_identity(options_.state_dir));
    lock_.reset();
    MESH_TRY(forget_locks(options_.state_dir));
    settings_ = Settings();
    stored_.reset();
    received_ = {};
    endpoints_.clear();
    server_error_.reset();
    displaced_ = false;
    clock_guard_.forgive();
    MESH_TRY_ASSIGN(identity_, load_or_create_identity(options_.state_dir));
    return response;
  });
}

Result<mesh::v1::StatusResponse> Agent::status() {
  return on_loop<mesh::v1::StatusResponse>([this]() -> Result<mesh::v1::StatusResponse> {
    mesh::v1::StatusResponse response;
    StatusFacts facts;
    facts.logged_in = !settings_.server.empty();
    facts.wanted_up = settings_.wanted == Wanted::kUp;
    facts.node = node_.get();
    facts.stored = stored_.get();
    if (mapping_) facts.mapping = mapping_->mapping();
    facts.now = host::mono_now();
    facts.wall_now = host::wall_now();
    fill_status(facts, response);
    response.set_server(settings_.server);
    response.set_server_connected(connected_);
    if (!connected_ && server_error_) response.set_server_error(server_error_->message());
    if (!connected_ && session_) {
      response.set_server_missing_s(static_cast<std::uint64_t>(
          std::chrono::floor<std::chrono::seconds>(facts.now - unconnected_since_).count()));
    }
    *response.mutable_received() = rpc::to_proto(received_);
    *response.mutable_applied() = rpc::to_proto(applied_);
    response.set_interface_name(options_.mesh_name);
    response.set_underlay_name(options_.underlay_name);
    response.set_agent_version(KERNMESH_VERSION);
    response.set_kernel_release(kernel_release());
    if (lock_) *response.mutable_lock() = lock_->status();
    for (const auto& problem : problems()) response.add_problems(problem);
    return response;
  });
}

Result<mesh::v1::PingResponse> Agent::ping(const std::string& target) {
  auto promise =
      std::make_shared<std::promise<Result<mesh::v1::PingResponse>>>();  // shared with the loop
  auto future = promise->get_future();
  loop_.post([this, promise, target] {
    const auto peer = find_peer(target);
    if (!peer) {
      promise->set_value(peer.error());
      return;
    }
    mesh::v1::PingResponse response;
    const auto& known = node_->netmap()->peers.at(*peer);
    response.set_peer_name(known.name);
    if (!known.addresses.empty()) response.set_peer_address(rpc::to_wire(known.addresses.front()));
    const Status sent =
        node_->ping(*peer, [this, promise, response](const path::PingResult& result) mutable {
          const bool has_map = node_ && node_->netmap();
          fill_ping(result, has_map ? node_->netmap()->relays : netmap::Relays(), response);
          promise->set_value(response);
        });
    if (!sent) promise->set_value(sent.error());
  });
  return await(std::move(future), stopping_);
}

Result<mesh::v1::NetcheckResponse> Agent::netcheck() {
  auto promise =
      std::make_shared<std::promise<Result<mesh::v1::NetcheckResponse>>>();  // shared with the loop
  auto future = promise->get_future();
  loop_.post([this, promise] {
    if (!node_ || !node_->netmap()) {
      promise->set_value(Error(ErrorCode::kUnavailable, "this node is not up; run `meshadm up`"));
      return;
    }
    const Status asked = node_->check_network([this, promise](const netcheck::Report& report) {
      mesh::v1::NetcheckResponse response;
      fill_netcheck(report, node_.get(), response);
      if (mapping_ && mapping_->mapping())
        fill_mapping(*mapping_->mapping(), *response.mutable_port_mapping());
      promise->set_value(response);
    });
    if (!asked) promise->set_value(asked.error());
  });
  return await(std::move(future), stopping_);
}

Result<mesh::v1::RoutesResponse> Agent::routes() {
  return on_loop<mesh::v1::RoutesResponse>([this]() -> Result<mesh::v1::RoutesResponse> {
    if (!node_) return Error(ErrorCode::kUnavailable, "this node is not up; run `meshadm up`");
    mesh::v1::RoutesResponse response;
    MESH_TRY(fill_routes(*node_, options_.mesh_name, response));
    return response;
  });
}

mesh::v1::VersionResponse Agent::version() {
  mesh::v1::VersionResponse response;
  response.set_agent_version(KERNMESH_VERSION);
  response.set_protocol_minor(rpc::kProtocolMinor);
  response.set_abi_version(MESH_ABI_VERSION);
  response.set_kernel_release(kernel_release());
  return response;
}

}  // namespace kernmesh::agent
