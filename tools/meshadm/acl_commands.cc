// SPDX-License-Identifier: Apache-2.0
// acl show, explain, stats: the policy that this machine's kernel enforces.
#include <memory>

#include "tools/meshadm/acl_view.h"
#include "tools/meshadm/command.h"

namespace kernmesh::adm {
namespace {

struct AclExplainOptions {
  std::string source;
  std::string destination;  // [DST:]PORT[/PROTO]
};

Result<Outcome> run_acl_show(Session& session) {
  MESH_TRY_ASSIGN(auto agent, session.agent());
  MESH_TRY_ASSIGN(const auto response, agent.acl_show());
  session.renderer().show(acl_document(response));
  return Outcome::kDone;
}

Result<Outcome> run_stats(Session& session) {
  MESH_TRY_ASSIGN(auto agent, session.agent());
  MESH_TRY_ASSIGN(const auto response, agent.acl_stats());
  session.renderer().show(acl_stats_document(response));
  return Outcome::kDone;
}

Result<Outcome> run_acl_explain(Session& session, const AclExplainOptions& options) {
  MESH_TRY_ASSIGN(const auto question, read_question_here(options.destination));
  mesh::v1::AclExplainRequest request;
  request.set_source(options.source);
  request.set_destination(question.destination);
  request.set_port(question.port);
  request.set_protocol(question.protocol);
  MESH_TRY_ASSIGN(auto agent, session.agent());
  MESH_TRY_ASSIGN(const auto response, agent.acl_explain(request));
  session.renderer().show(acl_answer_document(response, options.source, question));
  const bool allowed = response.outcome() == mesh::v1::AclExplainResponse::OUTCOME_ALLOWED;
  return allowed ? Outcome::kDone : Outcome::kFailed;
}

void add_explain(CLI::App& group, Invocation& invocation) {
  auto& command = add_command(
      group, {"explain", "Say what this node does with a packet of PEER, and by which rule",
              "meshadm acl explain laptop :443\n"
              "meshadm acl explain laptop 53/udp\n"
              "meshadm acl explain 100.64.0.7 100.64.0.1:22/tcp"});
  auto options = std::make_shared<AclExplainOptions>();
  command.add_option("src", options->source, "Name or overlay address of a peer")
      ->required()
      ->type_name(kPeerType);
  command
      .add_option("dst", options->destination,
                  "A port of this node, or an address that it serves and a port; tcp unless said")
      ->required()
      ->type_name("[DST]:PORT[/PROTO]")
      ->check(check_question_here);
  command.callback([&invocation, options] {
    invocation.action = [options](Session& session) { return run_acl_explain(session, *options); };
  });
}

}  // namespace

void add_acl_commands(CLI::App& root, Invocation& invocation) {
  auto& group = add_group(root, {"acl", "Show what this machine lets in, and explain a verdict",
                                 "meshadm acl show\n"
                                 "meshadm acl explain laptop :443"});
  add_command(group, {"show", "Show the rules in force here and what they have let in",
                      "meshadm acl show\n"
                      "meshadm acl show --json | jq '.rules[] | {line, packets}'"})
      .callback([&invocation] { invocation.action = run_acl_show; });
  add_explain(group, invocation);
  add_command(group, {"stats", "Count how packets ended, and what the policy takes up",
                      "meshadm acl stats\n"
                      "meshadm acl stats --json | jq '.counters[] | select(.packets > 0)'"})
      .callback([&invocation] { invocation.action = run_stats; });
}

}  // namespace kernmesh::adm
