// SPDX-License-Identifier: Apache-2.0
// node list, show, rename, tag, expire, remove; the others are in node_life_commands.cc.
#include <memory>

#include "tools/meshadm/admin_view.h"
#include "tools/meshadm/node_verbs.h"

namespace kernmesh::adm {
namespace {

Result<Outcome> run_node_list(Session& session) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto nodes, server.list_nodes());
  session.renderer().show(nodes_document(nodes, session.now()));
  return Outcome::kDone;
}

Result<Outcome> run_node_show(Session& session, const NodeOptions& options) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto node, server.get_node(options.node));
  session.renderer().show(node_document(node, "", session.now()));
  return Outcome::kDone;
}

Result<Outcome> run_rename(Session& session, const NodeOptions& options) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto node, server.rename_node(options.node, options.new_name));
  const std::string done = "Node " + options.node + " is now called " + node.name() + ".";
  session.renderer().show(node_document(node, done, session.now()));
  return Outcome::kDone;
}

Result<Outcome> run_tag(Session& session, const NodeOptions& options) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto node, server.tag_node(options.node, options.tags));
  std::string tags;
  for (const auto& tag : node.tags()) tags += (tags.empty() ? "" : ", ") + tag;
  const std::string done = "Node " + node.name() +
                           (tags.empty() ? " has no tags; a policy knows it by its user."
                                         : " has " + tags + " and is no longer its user's.");
  session.renderer().show(node_document(node, done, session.now()));
  return Outcome::kDone;
}

Result<Outcome> run_expire(Session& session, const NodeOptions& options) {
  MESH_TRY(session.confirm(
      "Expire the key of node " + options.node + "? Its peers drop it at once.", options.consent));
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto node, server.expire_node(options.node));
  const std::string done = "The key of node " + node.name() + " has expired; it comes back with " +
                           "`meshadm node renew " + node.name() +
                           "`, or `meshadm up --key mk-…` on that machine.";
  session.renderer().show(node_document(node, done, session.now()));
  return Outcome::kDone;
}

Result<Outcome> run_remove(Session& session, const NodeOptions& options) {
  MESH_TRY(session.confirm("Remove node " + options.node + " from the network?", options.consent));
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY(server.remove_node(options.node));
  session.renderer().show(removed_document("node", options.node));
  return Outcome::kDone;
}

}  // namespace

CLI::App& add_node_verb(CLI::App& group, Invocation& invocation, const CommandWords& words,
                        const std::shared_ptr<NodeOptions>& options, NodeAction action) {
  auto& command = add_command(group, words);
  command.add_option("node", options->node, "Name, number or overlay address of the node")
      ->required()
      ->type_name(kNodeType);
  command.callback([&invocation, options, action] {
    invocation.action = [options, action](Session& session) { return action(session, *options); };
  });
  return command;
}

void add_node_commands(CLI::App& root, Invocation& invocation) {
  auto& group = add_group(
      root, {"node", "List, approve, rename, tag, renew, expire and remove the network's nodes",
             "meshadm node list\n"
             "meshadm node show web-1"});
  // Only the chosen verb fills it.
  const auto options = std::make_shared<NodeOptions>();
  add_command(group, {"list", "List the nodes of the network",
                      "meshadm node list\n"
                      "meshadm node list --json | jq -r '.nodes[] | select(.online) | .name'"})
      .callback([&invocation] { invocation.action = run_node_list; });
  add_node_verb(group, invocation,
                {"show", "Show all that is known of a node", "meshadm node show web-1"}, options,
                run_node_show);
  add_node_verb(group, invocation,
                {"rename", "Give a node another name; its addresses stay",
                 "meshadm node rename web-1 web-old"},
                options, run_rename)
      .add_option("name", options->new_name, "The new name")
      ->required()
      ->type_name("NAME");
  add_node_verb(group, invocation,
                {"tag", "Give a node the tags by which a policy knows it, in place of those it has",
                 "meshadm node tag web-1 tag:web tag:production\n"
                 "meshadm node tag web-1"},
                options, run_tag)
      .add_option("tag", options->tags, "Its tags; without any it is its user's again")
      ->type_name("[TAG...]");
  add_node_life(group, invocation);
  auto& expire =
      add_node_verb(group, invocation,
                    {"expire", "End a node's key now, until it is renewed or joins again",
                     "meshadm node expire web-1 --yes"},
                    options, run_expire);
  add_consent_flag(expire, options->consent);
  auto& remove =
      add_node_verb(group, invocation,
                    {"remove", "Remove a node from the network", "meshadm node remove web-1 --yes"},
                    options, run_remove);
  add_consent_flag(remove, options->consent);
}

}  // namespace kernmesh::adm
