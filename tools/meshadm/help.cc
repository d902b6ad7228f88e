// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/help.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include "tools/meshadm/renderer.h"

namespace kernmesh::adm {
namespace {

struct Entry {
  std::string name;
  std::string description;
};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

Entry entry_of(const CLI::Option& option) {
  if (option.get_positional()) return {option.get_type_name(), option.get_description()};
  std::string name = joined(option_names(option));
  if (takes_value(option)) name += " " + option.get_type_name();
  return {name, option.get_description()};
}

std::string section(const std::string& title, const std::vector<Entry>& entries) {
  if (entries.empty()) return "";
  std::size_t width = 0;
  for (const Entry& entry : entries) width = std::max(width, display_width(entry.name));
  std::string text = "\n" + title + ":\n";
  for (const Entry& entry : entries) {
    text += "  " + entry.name + std::string(width - display_width(entry.name) + 2, ' ') +
            entry.description + "\n";
  }
  return text;
}

std::string usage(const CLI::App& app) {
  std::string text = "Usage: " + command_path(app);
  if (!app.get_subcommands(nullptr).empty()) text += " COMMAND";
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      text += " " + option->get_type_name();
    } else if (option->get_required()) {
      text += " " + option_names(*option).back() + " " + option->get_type_name();
    }
  }
  return text + " [OPTIONS]\n";
}

bool is_help(const CLI::App& app, const CLI::Option* option) {
  return option == app.get_help_ptr() || option == app.get_version_ptr();
}

// The root's options that the command has not got under the same name.
std::vector<Entry> inherited_options(const CLI::App& app) {
  const CLI::App* root = &app;
  while (root->get_parent() != nullptr) root = root->get_parent();
  std::vector<Entry> entries;
  if (root == &app) return entries;
  for (const CLI::Option* option : root->get_options()) {
    const bool repeated = app.get_option_no_throw(option_names(*option).back()) != nullptr;
    if (!is_help(*root, option) && !repeated) entries.push_back(entry_of(*option));
  }
  return entries;
}

}  // namespace

std::string command_path(const CLI::App& app) {
  if (app.get_parent() == nullptr) return app.get_name();
  return command_path(*app.get_parent()) + " " + app.get_name();
}

std::vector<std::string> option_names(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const auto& name : option.get_snames()) names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string /*name*/,
                                     CLI::AppFormatMode /*mode*/) const {
  std::vector<Entry> commands;
  for (const CLI::App* command : app->get_subcommands(nullptr)) {
    commands.push_back({command->get_name(), command->get_description()});
  }
  std::vector<Entry> arguments;
  std::vector<Entry> options;
  for (const CLI::Option* option : app->get_options()) {
    (option->get_positional() ? arguments : options).push_back(entry_of(*option));
  }
  std::string text = usage(*app) + "\n" + app->get_description() + ".\n";
  text += section("Commands", commands);
  text += section("Arguments", arguments);
  text += section("Options", options);
  text += section("Options of every command, before or after it", inherited_options(*app));
  if (!app->get_footer().empty()) {
    text += "\nExamples:\n";
    std::istringstream lines(app->get_footer());
    for (std::string line; std::getline(lines, line);) text += "  " + line + "\n";
  }
  return text;
}

}  // namespace kernmesh::adm
