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
#include "controller/rpc/pinned_ca.h"

namespace kernmesh::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kConnectTimeout = seconds(10);
// How long `up` waits for the first netmap; a join takes a few round trips.
constexpr auto kJoinDeadline = seconds(45);

// What `up` was asked for, with the server's authority fetched and checked.
struct Join {
  Settings settings;
  std::string join_key;
};

Result<topology::CaFingerprint> requested_fingerprint(const mesh::v1::UpRequest& request) {
  if (!request.join_key().empty()) {
    MESH_TRY_ASSIGN(const auto ticket, topology::parse_ticket(request.join_key()));
    if (ticket.kind != topology::TicketKind::kJoinKey) {
      return Error(ErrorCode::kInvalid,
                   "this is an administrator token (ma-…); joining takes a join key (mk-…), made "
                   "with `meshadm key create`");
    }
    return ticket.ca;
  }
  if (!request.ca_fingerprint().empty())
    return topology::parse_fingerprint(request.ca_fingerprint());
  return Error(ErrorCode::kInvalid,
               "joining takes a join key: `meshadm up --server HOST:PORT --key mk-…`");
}

Result<Join> prepare_join(const mesh::v1::UpRequest& request, Settings settings) {
  Join join{std::move(settings), request.join_key()};
  if (!request.hostname().empty()) join.settings.hostname = request.hostname();
  join.settings.wanted = Wanted::kUp;
  const bool known = !join.settings.server.empty();
  if (request.server().empty() && !known) {
    return Error(ErrorCode::kInvalid,
                 "this node belongs to no network yet: `meshadm up --server HOST:PORT --key mk-…`");
  }
  if (known && !request.server().empty() && request.server() != join.settings.server) {
    return Error(ErrorCode::kConflict, "this node belongs to the network of " +
                                           join.settings.server +
                                           "; run `meshadm logout` before joining another");
  }
  if (known && request.join_key().empty()) return join;
  if (!known) join.settings.server = request.server();
  MESH_TRY_ASSIGN(const auto ca, requested_fingerprint(request));
  MESH_TRY_ASSIGN(join.settings.ca_pem,
                  rpc::fetch_ca_pem(join.settings.server, ca, kConnectTimeout));
  return join;
}

}  // namespace

void Agent::begin_up(Settings wanted, std::string join_key, UpDone done) {
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
  if (is_up && join_key.empty() && wanted.hostname == settings_.hostname) {
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
  if (join_key.empty() && stored_) {
    on_netmap(stored_);
    if (!joining_) return;
    if (node_) finish_joining({});
  }
  end_session();
  start_session(std::move(join_key));
}

Result<mesh::v1::UpResponse> Agent::up(const mesh::v1::UpRequest& request) {
  const auto started = std::chrono::steady_clock::now();
  MESH_TRY_ASSIGN(auto settings,
                  on_loop<Settings>([this]() -> Result<Settings> { return settings_; }));
  MESH_TRY_ASSIGN(auto join, prepare_join(request, std::move(settings)));
  auto promise = std::make_shared<std::promise<Result<bool>>>();  // shared with the loop
  auto future = promise->get_future();
  loop_.post([this, promise, join] {
    begin_up(join.settings, join.join_key, [promise](const Status& status) {
      promise->set_value(status ? Result<bool>(true) : Result<bool>(status.error()));
    });
  });
  MESH_TRY_ASSIGN([[maybe_unused]] const bool joined, await(std::move(future), stopping_));
  MESH_TRY_ASSIGN(auto response,
                  on_loop<mesh::v1::UpResponse>([this]() -> Result<mesh::v1::UpResponse> {
                    mesh::v1::UpResponse result;
                    if (stored_) {
                      *result.mutable_self() = rpc::to_proto(stored_->self);
                      result.set_peer_count(static_cast<std::uint32_t>(stored_->peers.size()));
                    }
                    return result;
                  }));
  const auto elapsed =
      std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - started);
  response.set_elapsed_ms(static_cast<std::uint32_t>(elapsed.count()));
  return response;
}

// An `up` that is under way is over, and nothing is put back.
void Agent::abandon_joining(std::string_view by) {
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
    if (!settings_.server.empty()) {
      const Status left =
          session_ ? session_->leave() : Status(Error(ErrorCode::kUnavailable, "the node is down"));
      if (!left) {
        response.set_warning("the server was not told (" + left.error().message() +
                             "); remove the node there with `meshadm node remove`");
      }
    }
    MESH_TRY(take_down());
    MESH_TRY(forget_saved_state(options_.state_dir));
    MESH_TRY(forget_identity(options_.state_dir));
    settings_ = Settings();
    stored_.reset();
    received_ = {};
    endpoints_.clear();
    server_error_.reset();
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
    *response.mutable_received() = rpc::to_proto(received_);
    *response.mutable_applied() = rpc::to_proto(applied_);
    response.set_interface_name(options_.mesh_name);
    response.set_underlay_name(options_.underlay_name);
    response.set_agent_version(KERNMESH_VERSION);
    response.set_kernel_release(kernel_release());
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
