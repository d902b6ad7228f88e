// SPDX-License-Identifier: Apache-2.0
// token create, list, revoke; whoami.
#include <memory>

#include "tools/meshadm/admin_view.h"
#include "tools/meshadm/command.h"
#include "tools/meshadm/quantity.h"
#include "tools/meshadm/token_view.h"

namespace kernmesh::adm {
namespace {

struct TokenOptions {
  std::string user;
  std::string role;
  std::string scope = "all";
  std::string expires = "30d";
  std::string comment;
  std::uint64_t id = 0;
};

Result<Outcome> run_token_create(Session& session, const TokenOptions& options) {
  MESH_TRY_ASSIGN(const auto lifetime, parse_span(options.expires));
  mesh::v1::CreateTokenRequest request;
  request.set_user_name(options.user);
  request.set_role(options.role);
  request.set_scope(options.scope);
  request.set_lifetime_seconds(lifetime.count());
  request.set_comment(options.comment);
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto response, server.create_token(request));
  session.renderer().show(new_token_document(response, session.now()));
  return Outcome::kDone;
}

Result<Outcome> run_token_list(Session& session) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto tokens, server.list_tokens());
  session.renderer().show(tokens_document(tokens, session.now()));
  return Outcome::kDone;
}

Result<Outcome> run_token_revoke(Session& session, const TokenOptions& options) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY(server.revoke_token(options.id));
  session.renderer().show(removed_document("token", std::to_string(options.id)));
  return Outcome::kDone;
}

Result<Outcome> run_whoami(Session& session) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto caller, server.get_caller());
  session.renderer().show(caller_document(caller, session.now()));
  return Outcome::kDone;
}

void add_token_create(CLI::App& group, Invocation& invocation) {
  auto& command =
      add_command(group, {"create", "Make an API token, which acts for a user; it is shown once",
                          "meshadm token create --user ada\n"
                          "meshadm token create --user ci --scope keys --expires 7d\n"
                          "meshadm token create --user ada --role auditor --json | jq -r .secret"});
  auto options = std::make_shared<TokenOptions>();
  command.add_option("--user", options->user, "For whom it acts; else for you")
      ->type_name(kUserType);
  command
      .add_option("--role", options->role,
                  "The most that it may, whatever the user may: owner, admin, network-admin, "
                  "auditor, member")
      ->type_name(kRoleType);
  command
      .add_option("--scope", options->scope,
                  "What it is for: all, read (changes nothing), keys (join keys), policy (all)")
      ->type_name(kScopeType);
  command.add_option("--expires", options->expires, "How long it can be used: 90s, 24h, 30d (30d)")
      ->type_name("SPAN")
      ->check(check_span);
  command.add_option("--comment", options->comment, "What it is used for")->type_name("TEXT");
  command.callback([&invocation, options] {
    invocation.action = [options](Session& session) { return run_token_create(session, *options); };
  });
}

}  // namespace

void add_token_commands(CLI::App& root, Invocation& invocation) {
  auto& group = add_group(root, {"token", "Make, list and revoke API tokens",
                                 "meshadm token create --user ada\n"
                                 "meshadm token list"});
  add_token_create(group, invocation);
  add_command(group, {"list", "List the API tokens, without their secrets", "meshadm token list"})
      .callback([&invocation] { invocation.action = run_token_list; });
  auto& revoke = add_command(
      group, {"revoke", "Make an API token useless from now on", "meshadm token revoke 3"});
  auto options = std::make_shared<TokenOptions>();
  revoke.add_option("id", options->id, "The token's number in `meshadm token list`")
      ->required()
      ->type_name("ID")
      ->check(check_number);
  revoke.callback([&invocation, options] {
    invocation.action = [options](Session& session) { return run_token_revoke(session, *options); };
  });
  add_command(root, {"whoami", "Show whose token this is, and what it may", "meshadm whoami"})
      .callback([&invocation] { invocation.action = run_whoami; });
}

}  // namespace kernmesh::adm
