// SPDX-License-Identifier: Apache-2.0
// node approve, renew, expiry, rotate-key.
#include "tools/meshadm/admin_view.h"
#include "tools/meshadm/node_verbs.h"
#include "tools/meshadm/quantity.h"

namespace kernmesh::adm {
namespace {

Result<Outcome> run_approve(Session& session, const NodeOptions& options) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto node, server.approve_node(options.node));
  session.renderer().show(
      node_document(node, "Node " + node.name() + " is approved.", session.now()));
  return Outcome::kDone;
}

std::string end_of(const mesh::v1::Node& node, WallTime now) {
  if (node.key_expires_at() == 0) return "does not end";
  return "ends " + format_relative(WallTime(std::chrono::seconds(node.key_expires_at())), now);
}

Result<Outcome> run_renew(Session& session, const NodeOptions& options) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto node, server.renew_node(options.node));
  const std::string done = "The key of node " + node.name() + " " + end_of(node, session.now()) +
                           ". A node that had expired comes back by itself within a minute.";
  session.renderer().show(node_document(node, done, session.now()));
  return Outcome::kDone;
}

Result<Outcome> run_rotate_key(Session& session, const NodeOptions& options) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto node, server.rotate_node_key(options.node));
  const std::string done = "Node " + node.name() + " was asked for a new node key" +
                           (node.online() ? "." : "; it makes one when it is connected again.");
  session.renderer().show(node_document(node, done, session.now()));
  return Outcome::kDone;
}

struct ExpiryOptions {
  std::string node;
  std::string span;
  mesh::v1::KeyExpiry expiry = mesh::v1::KEY_EXPIRY_UNSPECIFIED;
};

Result<Outcome> run_expiry(Session& session, const ExpiryOptions& options) {
  mesh::v1::SetNodeExpiryRequest request;
  request.set_node(options.node);
  request.set_expiry(options.expiry);
  if (options.expiry == mesh::v1::KEY_EXPIRY_DATE) {
    MESH_TRY_ASSIGN(const auto span, parse_span(options.span));
    request.set_in_seconds(span.count());
  }
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto node, server.set_node_expiry(request));
  session.renderer().show(node_document(
      node, "The key of node " + node.name() + " " + end_of(node, session.now()) + ".",
      session.now()));
  return Outcome::kDone;
}

void add_expiry(CLI::App& group, Invocation& invocation) {
  auto& command =
      add_command(group, {"expiry", "Say when a node's key ends; tagged nodes' keys do not end",
                          "meshadm node expiry db-1 --never\n"
                          "meshadm node expiry laptop --in 30d\n"
                          "meshadm node expiry laptop --default"});
  auto options = std::make_shared<ExpiryOptions>();
  command.add_option("node", options->node, "Name, number or overlay address of the node")
      ->required()
      ->type_name(kNodeType);
  auto* never = command.add_flag_callback(
      "--never", [options] { options->expiry = mesh::v1::KEY_EXPIRY_NEVER; }, "It does not end");
  auto* in = command
                 .add_option_function<std::string>(
                     "--in",
                     [options](const std::string& span) {
                       options->expiry = mesh::v1::KEY_EXPIRY_DATE;
                       options->span = span;
                     },
                     "On a day from now, which only an administrator moves: 12h, 30d, 26w")
                 ->type_name("SPAN")
                 ->check(check_span)
                 ->excludes(never);
  command
      .add_flag_callback(
          "--default", [options] { options->expiry = mesh::v1::KEY_EXPIRY_PERIOD; },
          "180 days from now, and from every renewal")
      ->excludes(never)
      ->excludes(in);
  command.callback([&invocation, options] {
    if (options->expiry == mesh::v1::KEY_EXPIRY_UNSPECIFIED) {
      throw CLI::ValidationError("say when the key ends: --never, --in SPAN or --default");
    }
    invocation.action = [options](Session& session) { return run_expiry(session, *options); };
  });
}

}  // namespace

void add_node_life(CLI::App& group, Invocation& invocation) {
  const auto options = std::make_shared<NodeOptions>();
  add_node_verb(group, invocation,
                {"approve", "Let a node in that awaits approval", "meshadm node approve web-1"},
                options, run_approve);
  add_node_verb(group, invocation,
                {"renew", "Give a node's key a new period, also after it has ended",
                 "meshadm node renew web-1"},
                options, run_renew);
  add_expiry(group, invocation);
  add_node_verb(
      group, invocation,
      {"rotate-key", "Ask a node for a new WireGuard key", "meshadm node rotate-key web-1"},
      options, run_rotate_key);
}

}  // namespace kernmesh::adm
