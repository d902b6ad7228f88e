// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/command.h"

#include <memory>

#include "tools/meshadm/help.h"

namespace kernmesh::adm {

CLI::App& add_command(CLI::App& parent, const CommandWords& words) {
  CLI::App* command = parent.add_subcommand(words.name, words.description);
  command->footer(words.examples);
  command->fallthrough();
  return *command;
}

CLI::App& add_group(CLI::App& parent, const CommandWords& words) {
  CLI::App& group = add_command(parent, words);
  group.require_subcommand(1);
  return group;
}

void add_consent_flag(CLI::App& command, Consent& consent) {
  command.add_flag_callback(
      "-y,--yes", [&consent] { consent = Consent::kGiven; },
      "Do not ask; without a terminal nothing is asked anyway");
}

void build_command_tree(CLI::App& root, Invocation& invocation) {
  root.name("meshadm");
  root.description(
      "Looks after a Kernmesh network: this machine's part in it, its users, keys and nodes");
  root.require_subcommand(1);
  root.formatter(std::make_shared<HelpFormatter>());  // shared with CLI11's subcommands
  root.set_help_flag("-h,--help", "Explain the command and exit");
  root.set_version_flag("--version", "meshadm " KERNMESH_VERSION,
                        "Print meshadm's version and exit");
  root.footer(
      "meshadm up --server vpn.example:8443 --key mk-…\n"
      "meshadm status\n"
      "meshadm node list --json");
  root.add_flag_callback(
      "--json", [&invocation] { invocation.format = Format::kJson; },
      "Print JSON (docs/json.md) instead of text");
  TargetOptions& target = invocation.target;
  root.add_option("--socket", target.socket,
                  "The agent's socket (KERNMESH_SOCKET; " + std::string(kDefaultSocket) + ")")
      ->type_name("PATH");
  root.add_option("--server", target.server,
                  "The coordination server (KERNMESH_SERVER, configuration file)")
      ->type_name("HOST:PORT")
      ->check(check_server);
  root.add_option("--token", target.token,
                  "Administrator or API token (KERNMESH_TOKEN, configuration file)")
      ->type_name("ma-…");
  root.add_option("--token-file", target.token_file, "File with the token")->type_name("PATH");
  add_up_command(root, invocation);
  add_local_commands(root, invocation);
  add_ping_command(root, invocation);
  add_acl_commands(root, invocation);
  add_packet_commands(root, invocation);
  add_user_commands(root, invocation);
  add_token_commands(root, invocation);
  add_key_commands(root, invocation);
  add_node_commands(root, invocation);
  add_settings_commands(root, invocation);
  add_lock_commands(root, invocation);
  add_relay_commands(root, invocation);
  add_policy_commands(root, invocation);
  add_audit_command(root, invocation);
  add_completion_commands(root, invocation);
}

}  // namespace kernmesh::adm
