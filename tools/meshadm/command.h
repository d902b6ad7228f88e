// SPDX-License-Identifier: Apache-2.0
// The command table: every group of verbs adds itself to the tree, and leaves behind what to do.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "controller/base/result.h"
#include "tools/meshadm/session.h"

namespace kernmesh::adm {

// kFailed: the command has said itself what is wrong (a ping without an answer).
enum class Outcome { kDone, kFailed };
using Action = std::function<Result<Outcome>(Session&)>;

// Filled by the parser: the options of every command, and the chosen command's action.
struct Invocation {
  TargetOptions target;
  Format format = Format::kHuman;
  Action action;
};

// Positional arguments and options with these type names are completed with names that the agent
// or the server knows.
inline constexpr const char* kPeerType = "PEER";
inline constexpr const char* kNodeType = "NODE";
inline constexpr const char* kUserType = "USER";
inline constexpr const char* kRelayType = "RELAY";
// And these with words that do not change.
inline constexpr const char* kRoleType = "ROLE";
inline constexpr const char* kScopeType = "SCOPE";

struct CommandWords {
  std::string name;
  std::string description;
  std::string examples;  // a line each; shown under "Examples" by --help
};
// A verb below `parent`. Options of the root are understood after it too.
CLI::App& add_command(CLI::App& parent, const CommandWords& words);
// A noun whose verbs follow.
CLI::App& add_group(CLI::App& parent, const CommandWords& words);
// "-y,--yes" of a command that destroys something.
void add_consent_flag(CLI::App& command, Consent& consent);

void add_up_command(CLI::App& root, Invocation& invocation);
void add_local_commands(CLI::App& root, Invocation& invocation);
void add_ping_command(CLI::App& root, Invocation& invocation);
// acl, drops, flows.
void add_acl_commands(CLI::App& root, Invocation& invocation);
void add_packet_commands(CLI::App& root, Invocation& invocation);
void add_user_commands(CLI::App& root, Invocation& invocation);
void add_key_commands(CLI::App& root, Invocation& invocation);
// token, whoami.
void add_token_commands(CLI::App& root, Invocation& invocation);
void add_audit_command(CLI::App& root, Invocation& invocation);
void add_node_commands(CLI::App& root, Invocation& invocation);
void add_settings_commands(CLI::App& root, Invocation& invocation);
void add_lock_commands(CLI::App& root, Invocation& invocation);
void add_relay_commands(CLI::App& root, Invocation& invocation);
void add_policy_commands(CLI::App& root, Invocation& invocation);
void add_completion_commands(CLI::App& root, Invocation& invocation);

// The whole tree. `invocation` outlives it.
void build_command_tree(CLI::App& root, Invocation& invocation);

}  // namespace kernmesh::adm
