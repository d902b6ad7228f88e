// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/completion.h"

#include <algorithm>

#include "tools/meshadm/command.h"
#include "tools/meshadm/help.h"

namespace kernmesh::adm {
namespace {

// bash cuts words at ":" and "=", which stand in HOST:PORT, so the line is cut anew.
constexpr const char* kBash = R"(# bash completion of meshadm: source <(meshadm completion bash)
_meshadm() {
  local line="${COMP_LINE:0:COMP_POINT}" words
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  mapfile -t COMPREPLY < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
}
complete -o bashdefault -o default -F _meshadm meshadm
)";
constexpr const char* kZsh = R"(#compdef meshadm
# zsh completion of meshadm: source <(meshadm completion zsh)
_meshadm() {
  local -a found
  found=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "${found[1]}" ]]; then compadd -a found; else _files; fi
}
if [[ "${funcstack[1]}" == _meshadm ]]; then _meshadm; else compdef _meshadm meshadm; fi
)";
constexpr const char* kFish = R"(# fish completion of meshadm: meshadm completion fish | source
function __meshadm_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c meshadm -f -a '(__meshadm_complete)'
)";

// Where in the tree the half-typed word stands.
struct Place {
  const CLI::App* app = nullptr;
  const CLI::Option* value_of = nullptr;  // the option whose value comes next
  std::size_t positionals = 0;            // how many arguments of `app` are there already
  TargetOptions target;
};

const CLI::Option* find_option(const CLI::App& app, const std::string& word) {
  for (const CLI::App* level = &app; level != nullptr; level = level->get_parent()) {
    if (const auto* option = level->get_option_no_throw(word)) return option;
  }
  return nullptr;
}

const CLI::App* find_subcommand(const CLI::App& app, const std::string& word) {
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    if (command->get_name() == word) return command;
  }
  return nullptr;
}

void note_target(TargetOptions& target, const CLI::Option& option, const std::string& value) {
  const std::string name = option_names(option).back();
  if (name == "--socket") target.socket = value;
  if (name == "--server") target.server = value;
  if (name == "--token") target.token = value;
  if (name == "--token-file") target.token_file = value;
}

void step(Place& place, const std::string& word) {
  if (place.value_of != nullptr) {
    note_target(place.target, *place.value_of, word);
    place.value_of = nullptr;
  } else if (word.starts_with("-")) {
    const auto equals = word.find('=');
    const auto* option = find_option(*place.app, word.substr(0, equals));
    if (option == nullptr || option->get_items_expected_max() == 0) return;
    if (equals == std::string::npos) {
      place.value_of = option;
    } else {
      note_target(place.target, *option, word.substr(equals + 1));
    }
  } else if (const auto* command = find_subcommand(*place.app, word)) {
    place.app = command;
    place.positionals = 0;
  } else {
    ++place.positionals;
  }
}

std::vector<std::string> option_candidates(const CLI::App& app) {
  std::vector<std::string> found;
  for (const CLI::App* level = &app; level != nullptr; level = level->get_parent()) {
    for (const CLI::Option* option : level->get_options()) {
      for (auto& name : option_names(*option)) {
        if (name.starts_with("--")) found.push_back(std::move(name));
      }
    }
  }
  return found;
}

std::vector<std::string> value_candidates(const CLI::Option& option, const Place& place,
                                          const NameSource& names) {
  const std::string type = option.get_type_name();
  if (type == "SHELL") return {"bash", "fish", "zsh"};
  if (type == kRoleType) return {"admin", "auditor", "member", "network-admin", "owner"};
  if (type == kScopeType) return {"all", "keys", "policy", "read"};
  if (type == kPeerType || type == kNodeType || type == kUserType || type == kRelayType)
    return names(type, place.target);
  return {};
}

std::vector<std::string> word_candidates(const Place& place, const NameSource& names) {
  std::vector<std::string> found;
  for (const CLI::App* command : place.app->get_subcommands(nullptr)) {
    found.push_back(command->get_name());
  }
  std::size_t index = 0;
  for (const CLI::Option* option : place.app->get_options()) {
    if (!option->get_positional() || index++ != place.positionals) continue;
    const auto values = value_candidates(*option, place, names);
    found.insert(found.end(), values.begin(), values.end());
  }
  return found;
}

}  // namespace

std::vector<std::string> complete(const CLI::App& root, const std::vector<std::string>& words,
                                  const NameSource& names) {
  if (words.empty()) return {};
  Place place{&root, nullptr, 0, {}};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) step(place, words[i]);
  const std::string& typed = words.back();
  std::vector<std::string> found;
  if (place.value_of != nullptr) {
    found = value_candidates(*place.value_of, place, names);
  } else if (typed.starts_with("-")) {
    found = option_candidates(*place.app);
  } else {
    found = word_candidates(place, names);
  }
  std::erase_if(found, [&](const std::string& word) { return !word.starts_with(typed); });
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::string completion_script(const std::string& shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  if (shell == "fish") return kFish;
  return "";
}

}  // namespace kernmesh::adm
