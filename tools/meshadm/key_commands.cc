// SPDX-License-Identifier: Apache-2.0
// key create, list, revoke.
#include <memory>

#include "tools/meshadm/admin_view.h"
#include "tools/meshadm/command.h"
#include "tools/meshadm/quantity.h"

namespace kernmesh::adm {
namespace {

// The request is filled by the parser directly.
struct KeyOptions {
  std::string user;
  std::string expires = "24h";
  mesh::v1::CreateJoinKeyRequest request;
  std::uint64_t id = 0;
  rpc::AdminClient::OfKey nodes = rpc::AdminClient::OfKey::kKeepNodes;
  Consent consent = Consent::kAsk;
};

Result<Outcome> run_key_create(Session& session, KeyOptions& options) {
  MESH_TRY_ASSIGN(const auto lifetime, parse_span(options.expires));
  options.request.set_user_name(options.user);
  options.request.set_lifetime_seconds(lifetime.count());
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto response, server.create_join_key(options.request));
  session.renderer().show(new_key_document(response, session.server_name(), session.now()));
  return Outcome::kDone;
}

Result<Outcome> run_key_list(Session& session) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto keys, server.list_join_keys());
  session.renderer().show(keys_document(keys, session.now()));
  return Outcome::kDone;
}

std::string names_of(const mesh::v1::JoinKey& key) {
  std::string names;
  for (const auto& name : key.nodes()) names += (names.empty() ? "" : ", ") + name;
  return names;
}

Result<Outcome> run_revoke(Session& session, const KeyOptions& options) {
  const bool removes = options.nodes == rpc::AdminClient::OfKey::kRemoveNodes;
  const std::string id = std::to_string(options.id);
  if (removes) {
    MESH_TRY(session.confirm("Revoke key " + id + " and remove the nodes that joined with it?",
                             options.consent));
  }
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto key, server.revoke_join_key(options.id, options.nodes));
  std::string done = "Revoked key " + id;
  if (key.nodes_size() == 0) {
    done += "; no node is in the network by it.";
  } else if (removes) {
    done += " and removed what had joined with it: " + names_of(key) + ".";
  } else {
    done += "; what had joined with it stays: " + names_of(key) +
            ". Remove it with `meshadm key revoke " + id + " --remove-nodes`.";
  }
  session.renderer().show(key_document(key, done));
  return Outcome::kDone;
}

void add_create(CLI::App& group, Invocation& invocation) {
  auto& command =
      add_command(group, {"create", "Make a join key and show the command that uses it",
                          "meshadm key create --user alice\n"
                          "meshadm key create --user ci --reusable --ephemeral --expires 7d\n"
                          "meshadm key create --user ci --reusable --tag tag:runner\n"
                          "meshadm key create --relay\n"
                          "meshadm key create --user alice --json | jq -r .secret"});
  auto options = std::make_shared<KeyOptions>();
  auto* user =
      command.add_option("--user", options->user, "Who will own the machines that join with it")
          ->type_name(kUserType);
  command
      .add_flag_callback(
          "--relay", [options] { options->request.set_relay(true); },
          "It is for a relay (mesh-relay --key), and no machine of a user can join with it")
      ->excludes(user);
  command.add_flag_callback(
      "--reusable", [options] { options->request.set_reusable(true); },
      "Any number of machines may join with it; else one");
  command.add_flag_callback(
      "--ephemeral", [options] { options->request.set_ephemeral(true); },
      "Machines that join with it are removed when they go offline");
  command.add_flag_callback(
      "--pre-approved", [options] { options->request.set_pre_approved(true); },
      "Machines that join with it await no approval, where the network asks for that");
  command
      .add_option_function<std::vector<std::string>>(
          "--tag",
          [options](const std::vector<std::string>& tags) {
            options->request.mutable_tags()->Assign(tags.begin(), tags.end());
          },
          "A tag for the machines that join with it; the policy names its owners; may be repeated")
      ->type_name("TAG")
      ->take_all()
      ->allow_extra_args(false);
  command
      .add_option("--expires", options->expires, "How long it can be used: 90s, 30m, 24h, 7d (24h)")
      ->type_name("SPAN")
      ->check(check_span);
  command.callback([&invocation, options] {
    if (options->user.empty() != options->request.relay()) {
      throw CLI::ValidationError(
          "a key is for the machines of a user (--user USER) or for a relay (--relay)");
    }
    invocation.action = [options](Session& session) { return run_key_create(session, *options); };
  });
}

}  // namespace

void add_key_commands(CLI::App& root, Invocation& invocation) {
  auto& group = add_group(root, {"key", "Make, list and revoke join keys",
                                 "meshadm key create --user alice\n"
                                 "meshadm key list"});
  add_create(group, invocation);
  add_command(group, {"list", "List the join keys; the keys themselves are shown only once",
                      "meshadm key list"})
      .callback([&invocation] { invocation.action = run_key_list; });
  auto& revoke = add_command(group, {"revoke", "Make a join key useless from now on",
                                     "meshadm key revoke 3\n"
                                     "meshadm key revoke 3 --remove-nodes --yes"});
  auto options = std::make_shared<KeyOptions>();
  revoke.add_option("id", options->id, "The key's number in `meshadm key list`")
      ->required()
      ->type_name("ID")
      ->check(check_number);
  revoke.add_flag_callback(
      "--remove-nodes", [options] { options->nodes = rpc::AdminClient::OfKey::kRemoveNodes; },
      "Also remove the nodes that are in the network by it");
  add_consent_flag(revoke, options->consent);
  revoke.callback([&invocation, options] {
    invocation.action = [options](Session& session) { return run_revoke(session, *options); };
  });
}

}  // namespace kernmesh::adm
