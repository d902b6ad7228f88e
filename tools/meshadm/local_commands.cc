// SPDX-License-Identifier: Apache-2.0
// Verbs about this machine: down, logout, status, routes, version.
#include <memory>

#include "tools/meshadm/command.h"
#include "tools/meshadm/local_view.h"
#include "tools/meshadm/netcheck_view.h"

namespace kernmesh::adm {
namespace {

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
