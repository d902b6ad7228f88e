// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/program.h"

#include <algorithm>

#include "controller/base/nearest.h"
#include "tools/meshadm/command.h"
#include "tools/meshadm/completion.h"
#include "tools/meshadm/help.h"

namespace kernmesh::adm {
namespace {

constexpr int kExitDone = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
// The word that the shells' scripts say; not in the tree, so that nobody is shown it.
constexpr const char* kCompleteWord = "__complete";

const CLI::App& chosen_command(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().back();
  return *app;
}

std::vector<std::string> subcommand_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> all_option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* level = &app; level != nullptr; level = level->get_parent()) {
    for (const CLI::Option* option : level->get_options()) {
      const auto more = option_names(*option);
      names.insert(names.end(), more.begin(), more.end());
    }
  }
  return names;
}

std::string unknown_word(const CLI::App& command, const std::string& word) {
  const bool is_option = word.starts_with("-");
  const std::string name = word.substr(0, is_option ? word.find('=') : std::string::npos);
  const auto meant =
      nearest(name, is_option ? all_option_names(command) : subcommand_names(command));
  const std::string path = command_path(command);
  std::string text =
      path +
      (is_option                                  ? " has no option \""
       : command.get_subcommands(nullptr).empty() ? " does not expect another word: \""
                                                  : " has no command \"") +
      name.substr(0, 80) + "\"";
  if (!meant.empty()) text += "; did you mean \"" + meant + "\"?";
  return text;
}

std::string missing_subcommand(const CLI::App& command) {
  std::string names;
  for (const auto& name : subcommand_names(command)) names += (names.empty() ? "" : ", ") + name;
  return command_path(command) + " wants one of: " + names;
}

std::string usage_message(const CLI::App& root, const CLI::ParseError& error) {
  const CLI::App& command = chosen_command(root);
  const auto left = root.remaining(true);
  const auto option = std::find_if(left.begin(), left.end(),
                                   [](const std::string& word) { return word.starts_with("-"); });
  if (option != left.end()) return unknown_word(command, *option);
  if (!left.empty()) return unknown_word(command, left.front());
  const bool incomplete = !command.get_subcommands(nullptr).empty();
  if (error.get_name() == "RequiredError" && incomplete) return missing_subcommand(command);
  return command_path(command) + ": " + error.what();
}

// Peers come from the agent, users, nodes and relays from the server; who cannot be asked adds
// nothing.
std::vector<std::string> known_names(Session& session, const std::string& type) {
  std::vector<std::string> names;
  if (type == kPeerType) {
    auto agent = session.agent();
    if (!agent) return names;
    const auto status = agent->status();
    if (!status) return names;
    for (const auto& peer : status->peers()) names.push_back(peer.peer().name());
    return names;
  }
  auto server = session.server();
  if (!server) return names;
  if (type == kUserType) {
    const auto users = server->list_users();
    if (!users) return names;
    for (const auto& user : users->users()) names.push_back(user.name());
  } else if (type == kRelayType) {
    const auto relays = server->list_relays();
    if (!relays) return names;
    for (const auto& relay : relays->relays()) names.push_back(relay.place().name());
  } else {
    const auto nodes = server->list_nodes();
    if (!nodes) return names;
    for (const auto& node : nodes->nodes()) names.push_back(node.name());
  }
  return names;
}

int run_completion(const std::vector<std::string>& words, Surroundings& surroundings) {
  Invocation invocation;
  CLI::App root;
  build_command_tree(root, invocation);
  const auto source = [&](const std::string& type, const TargetOptions& options) {
    Renderer renderer(surroundings.out, surroundings.err);
    Session session(options, surroundings, renderer);
    return known_names(session, type);
  };
  for (const auto& word : complete(root, words, source))
    surroundings.out << printable(word) << "\n";
  return kExitDone;
}

Renderer::Settings settings_for(Format format, const Surroundings& surroundings) {
  const bool wanted = !surroundings.environment("NO_COLOR") &&
                      surroundings.environment("TERM").value_or("dumb") != "dumb";
  return {format, wanted && surroundings.out_is_tty ? Colour::kOn : Colour::kOff,
          wanted && surroundings.err_is_tty ? Colour::kOn : Colour::kOff};
}

int run_action(const Invocation& invocation, Surroundings& surroundings, Renderer& renderer) {
  Session session(invocation.target, surroundings, renderer);
  const auto outcome = invocation.action(session);
  if (outcome && !surroundings.out.flush()) {
    renderer.fail("system", "write the answer to standard output: it takes no more (disk full?)",
                  "");
    return kExitFailed;
  }
  if (outcome) return *outcome == Outcome::kDone ? kExitDone : kExitFailed;
  const Error& error = outcome.error();
  renderer.fail(error_code(error), error.message(), session.advice(error));
  return kExitFailed;
}

int report_usage(const CLI::App& root, const CLI::ParseError& error, Renderer& renderer) {
  const std::string path = command_path(chosen_command(root));
  renderer.fail("usage", usage_message(root, error), "See `" + path + " --help`.");
  return kExitUsage;
}

void append_help(std::string& text, const CLI::App& app) {
  if (!text.empty()) text += "\n----\n\n";
  text += app.get_formatter()->make_help(&app, "", CLI::AppFormatMode::Normal);
  for (const CLI::App* command : app.get_subcommands(nullptr)) append_help(text, *command);
}

}  // namespace

int run_program(const std::vector<std::string>& arguments, Surroundings& surroundings) {
  if (!arguments.empty() && arguments.front() == kCompleteWord) {
    return run_completion({arguments.begin() + 1, arguments.end()}, surroundings);
  }
  Invocation invocation;
  CLI::App root;
  build_command_tree(root, invocation);
  Renderer renderer(surroundings.out, surroundings.err);
  // A mistake in the words before "--json" must be told in JSON too.
  const bool json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  renderer.set(settings_for(json ? Format::kJson : Format::kHuman, surroundings));
  if (arguments.empty()) {
    surroundings.err << root.help();
    return kExitUsage;
  }
  try {  // CLI11 throws; nothing of it leaves this function
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    root.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    surroundings.out << root.help();
    return kExitDone;
  } catch (const CLI::CallForVersion& version) {
    surroundings.out << version.what() << "\n";
    return kExitDone;
  } catch (const CLI::ParseError& error) {
    return report_usage(root, error, renderer);
  }
  renderer.set(settings_for(invocation.format, surroundings));
  return run_action(invocation, surroundings, renderer);
}

std::string help_of_everything() {
  Invocation invocation;
  CLI::App root;
  build_command_tree(root, invocation);
  std::string text;
  append_help(text, root);
  return text;
}

}  // namespace kernmesh::adm
