// SPDX-License-Identifier: Apache-2.0
// The text of --help, from the command tree alone (pure).
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace kernmesh::adm {

class HelpFormatter : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
};

// "meshadm key create"
std::string command_path(const CLI::App& app);

// The names of an option, as written on a command line: {"-c", "--count"}; empty for a positional.
std::vector<std::string> option_names(const CLI::Option& option);

}  // namespace kernmesh::adm
