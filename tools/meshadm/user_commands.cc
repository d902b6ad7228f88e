// SPDX-License-Identifier: Apache-2.0
// user create, list, roles, delete.
#include <memory>

#include "tools/meshadm/admin_view.h"
#include "tools/meshadm/command.h"

namespace kernmesh::adm {
namespace {

struct UserOptions {
  std::string name;
  std::vector<std::string> roles;
  mesh::v1::CreateUserRequest request;  // filled by the parser directly, apart from the name
  Consent consent = Consent::kAsk;
};

Result<Outcome> run_user_create(Session& session, const UserOptions& options) {
  MESH_TRY_ASSIGN(auto server, session.server());
  auto request = options.request;
  request.set_name(options.name);
  MESH_TRY_ASSIGN(const auto user, server.create_user(request));
  session.renderer().show(user_document(user, "Created user " + user.name() + "."));
  return Outcome::kDone;
}

Result<Outcome> run_user_list(Session& session) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto users, server.list_users());
  session.renderer().show(users_document(users, session.now()));
  return Outcome::kDone;
}

Result<Outcome> run_roles(Session& session, const UserOptions& options) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto user, server.set_user_roles(options.name, options.roles));
  std::string roles;
  for (const auto& role : user.roles()) roles += (roles.empty() ? "" : ", ") + role;
  Document document = user_document(
      user, "User " + user.name() + " has " + (roles.empty() ? "no roles" : roles) + ".");
  document.blocks.resize(1);  // how to make a key is no news here
  session.renderer().show(document);
  return Outcome::kDone;
}

Result<Outcome> run_link(Session& session, const mesh::v1::LinkUserRequest& request) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto user, server.link_user(request));
  Document document = user_document(
      user, "User " + user.name() + " is account " + user.subject() + " of " + user.issuer() + ".");
  document.blocks.resize(1);
  session.renderer().show(document);
  return Outcome::kDone;
}

Result<Outcome> run_delete(Session& session, const UserOptions& options) {
  MESH_TRY(session.confirm("Delete user " + options.name + " and revoke its join keys and tokens?",
                           options.consent));
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY(server.delete_user(options.name));
  session.renderer().show(removed_document("user", options.name));
  return Outcome::kDone;
}

// By which a policy means the user.
void add_policy_identity(CLI::App& create, const std::shared_ptr<UserOptions>& options) {
  create
      .add_option_function<std::string>(
          "--email", [options](const std::string& email) { options->request.set_email(email); },
          "The address by which a policy names the user; without one it is \"NAME@\"")
      ->type_name("ADDRESS");
  create
      .add_option_function<std::vector<std::string>>(
          "--role",
          [options](const std::vector<std::string>& roles) {
            options->request.mutable_roles()->Assign(roles.begin(), roles.end());
          },
          "What the user may do, and what autogroup:ROLE means: owner, admin, network-admin, "
          "auditor; it-admin and billing-admin are names for policies alone; may be repeated")
      ->type_name(kRoleType)
      ->take_all()
      ->allow_extra_args(false);
}

void add_link(CLI::App& group, Invocation& invocation) {
  auto request = std::make_shared<mesh::v1::LinkUserRequest>();
  auto& link =
      add_command(group, {"link", "Say which account of the identity provider a user is",
                          "meshadm user link ada 248289761001\n"
                          "meshadm user link ada 248289761001 --issuer https://id.example.org"});
  link.add_option_function<std::string>(
          "name", [request](const std::string& name) { request->set_name(name); },
          "Name of the user")
      ->required()
      ->type_name(kUserType);
  link.add_option_function<std::string>(
          "subject", [request](const std::string& text) { request->set_subject(text); },
          "The account, as the provider calls it in its tokens (\"sub\"); a refused sign-in says "
          "it")
      ->required()
      ->type_name("SUBJECT");
  link.add_option_function<std::string>(
          "--issuer", [request](const std::string& url) { request->set_issuer(url); },
          "The provider; without it the one that the server signs people in with")
      ->type_name("URL");
  link.callback([&invocation, request] {
    invocation.action = [request](Session& session) { return run_link(session, *request); };
  });
}

}  // namespace

void add_user_commands(CLI::App& root, Invocation& invocation) {
  auto& group = add_group(root, {"user", "Create, list, link and delete users; give them roles",
                                 "meshadm user create alice\n"
                                 "meshadm user list"});
  auto options = std::make_shared<UserOptions>();
  auto& create =
      add_command(group, {"create", "Create a user, who owns nodes and join keys",
                          "meshadm user create alice\n"
                          "meshadm user create ada --email ada@example.com --role admin"});
  create.add_option("name", options->name, "Name of the new user")->required()->type_name("NAME");
  add_policy_identity(create, options);
  create.callback([&invocation, options] {
    invocation.action = [options](Session& session) { return run_user_create(session, *options); };
  });
  add_command(group, {"list", "List the users and how many nodes each has",
                      "meshadm user list\n"
                      "meshadm user list --json | jq -r '.users[].name'"})
      .callback([&invocation] { invocation.action = run_user_list; });
  auto& roles =
      add_command(group, {"roles", "Give a user these roles, in place of those that he has",
                          "meshadm user roles ada network-admin\n"
                          "meshadm user roles ada"});
  roles.add_option("name", options->name, "Name of the user")->required()->type_name(kUserType);
  roles.add_option("role", options->roles, "His roles; without any he sees only what is his own")
      ->type_name(kRoleType);
  roles.callback([&invocation, options] {
    invocation.action = [options](Session& session) { return run_roles(session, *options); };
  });
  add_link(group, invocation);
  auto& remove =
      add_command(group, {"delete", "Delete a user without nodes, with its join keys and tokens",
                          "meshadm user delete alice --yes"});
  remove.add_option("name", options->name, "Name of the user")->required()->type_name(kUserType);
  add_consent_flag(remove, options->consent);
  remove.callback([&invocation, options] {
    invocation.action = [options](Session& session) { return run_delete(session, *options); };
  });
}

}  // namespace kernmesh::adm
