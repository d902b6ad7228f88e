// SPDX-License-Identifier: Apache-2.0
// Verbs about this machine: up, down, logout, status, routes, version.
#include <chrono>
#include <memory>
#include <thread>

#include "controller/core/topology/registration.h"
#include "tools/meshadm/command.h"
#include "tools/meshadm/local_view.h"
#include "tools/meshadm/netcheck_view.h"

namespace kernmesh::adm {
namespace {

struct UpOptions {
  std::string key;
  std::string hostname;
  std::string ca_fingerprint;
};

constexpr auto kApprovalPoll = std::chrono::seconds(1);

// At a terminal until somebody has approved the node, or Ctrl-C; the agent goes on by itself either
// way, so a script need not wait.
Result<Outcome> await_approval(Session& session, rpc::LocalClient& agent) {
  if (!session.surroundings().out_is_tty || session.renderer().format() == Format::kJson) {
    return Outcome::kDone;
  }
  for (;;) {
    std::this_thread::sleep_for(kApprovalPoll);
    MESH_TRY_ASSIGN(const auto status, agent.status());
    if (status.state() == mesh::v1::RUN_STATE_PENDING) continue;
    session.renderer().show(status_document(status, session.now()));
    return Outcome::kDone;
  }
}

// What can be known to be wrong without asking anybody.
Result<mesh::v1::UpRequest> up_request(const std::string& server, const UpOptions& options) {
  mesh::v1::UpRequest request;
  if (!server.empty()) {
    MESH_TRY_ASSIGN(*request.mutable_server(), with_port(server));
  }
  if (!options.key.empty()) {
    const auto ticket = topology::parse_ticket(options.key);
    if (!ticket) return ticket.error().with_context("read --key");
    if (ticket->kind != topology::TicketKind::kJoinKey) {
      return Error(ErrorCode::kInvalid,
                   "read --key: this is an administrator token (ma-…); make a key from it with "
                   "`meshadm key create --user USER`");
    }
  }
  if (!options.ca_fingerprint.empty()) {
    const auto parsed = topology::parse_fingerprint(options.ca_fingerprint);
    if (!parsed) return parsed.error().with_context("read --ca-fingerprint");
    request.set_ca_fingerprint(to_hex(*parsed));
  }
  request.set_join_key(options.key);
  request.set_hostname(options.hostname);
  return request;
}

void add_up(CLI::App& root, Invocation& invocation) {
  auto& command =
      add_command(root, {"up", "Join the network, or come back up after `down`",
                         "meshadm up --server vpn.example:8443 --key mk-…   join with a key\n"
                         "meshadm up                                        come back up\n"
                         "meshadm up --server vpn.example:8443 --key mk-… --hostname db-1"});
  // Shared by the parser, which fills it, and the action, which reads it. So in every command.
  auto options = std::make_shared<UpOptions>();
  command.add_option("--server", invocation.target.server, "The server; without it the last one")
      ->type_name("HOST:PORT")
      ->check(check_server);
  auto* key = command.add_option("--key", options->key, "Join key, needed the first time")
                  ->type_name("mk-…");
  command
      .add_option("--hostname", options->hostname, "Name in the network; else the machine's own")
      ->type_name("NAME");
  command
      .add_option("--ca-fingerprint", options->ca_fingerprint,
                  "SHA-256 of the server's authority, when there is no key to say it")
      ->type_name("HEX")
      ->excludes(key);
  command.callback([&invocation, options] {
    invocation.action = [&invocation, options](Session& session) -> Result<Outcome> {
      MESH_TRY_ASSIGN(const auto request, up_request(invocation.target.server, *options));
      MESH_TRY_ASSIGN(auto agent, session.agent());
      MESH_TRY_ASSIGN(const auto response, agent.up(request));
      session.renderer().show(up_document(response));
      if (!response.self().awaits_approval()) return Outcome::kDone;
      return await_approval(session, agent);
    };
  });
}

// A verb without options of its own, whose action is `action`.
void add_plain(CLI::App& root, Invocation& invocation, const CommandWords& words, Action action) {
  add_command(root, words).callback([&invocation, action = std::move(action)] {
    invocation.action = action;
  });
}

Result<Outcome> run_down(Session& session) {
  MESH_TRY_ASSIGN(auto agent, session.agent());
  MESH_TRY(agent.down());
  session.renderer().show(down_document());
  return Outcome::kDone;
}

Result<Outcome> run_logout(Session& session) {
  MESH_TRY_ASSIGN(auto agent, session.agent());
  MESH_TRY_ASSIGN(const auto response, agent.logout());
  session.renderer().show(logout_document(response));
  return Outcome::kDone;
}

Result<Outcome> run_status(Session& session) {
  MESH_TRY_ASSIGN(auto agent, session.agent());
  MESH_TRY_ASSIGN(const auto response, agent.status());
  session.renderer().show(status_document(response, session.now()));
  return Outcome::kDone;
}

Result<Outcome> run_netcheck(Session& session) {
  MESH_TRY_ASSIGN(auto agent, session.agent());
  MESH_TRY_ASSIGN(const auto response, agent.netcheck());
  session.renderer().show(netcheck_document(response));
  return reaches_a_relay(response) ? Outcome::kDone : Outcome::kFailed;
}

Result<Outcome> run_routes(Session& session) {
  MESH_TRY_ASSIGN(auto agent, session.agent());
  MESH_TRY_ASSIGN(const auto response, agent.routes());
  session.renderer().show(routes_document(response));
  return Outcome::kDone;
}

// Without an agent our own version is still an answer.
Result<Outcome> run_version(Session& session) {
  auto agent = session.agent();
  if (!agent) {
    session.renderer().show(version_document(nullptr));
    session.renderer().remark("agent    not asked: " + agent.error().message());
    return Outcome::kDone;
  }
  MESH_TRY_ASSIGN(const auto response, agent->version());
  session.renderer().show(version_document(&response));
  return Outcome::kDone;
}

}  // namespace

void add_local_commands(CLI::App& root, Invocation& invocation) {
  add_up(root, invocation);
  add_plain(root, invocation,
            {"down", "Take the mesh down; keys and netmap are kept", "meshadm down"}, run_down);
  add_plain(root, invocation, {"logout", "Leave the network and forget the keys", "meshadm logout"},
            run_logout);
  add_plain(root, invocation,
            {"status", "Show this node, its server and its peers",
             "meshadm status\n"
             "meshadm status --json | jq '.peers[] | {name, state}'\n"
             "meshadm status --socket /run/kernmesh/other.sock"},
            run_status);
  add_plain(root, invocation,
            {"netcheck", "Ask the relays what kind of network this node is in", "meshadm netcheck"},
            run_netcheck);
  add_plain(
      root, invocation,
      {"routes", "Show the routes into the mesh and whether the kernel has them", "meshadm routes"},
      run_routes);
  add_plain(root, invocation,
            {"version", "Show the versions of meshadm and of the agent", "meshadm version --json"},
            run_version);
}

}  // namespace kernmesh::adm
