// SPDX-License-Identifier: Apache-2.0
// Completion of a half-typed command line, from the command tree alone. The shells' scripts only
// carry words to `meshadm __complete` and back.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "tools/meshadm/target.h"

namespace kernmesh::adm {

// Names of a kind (kPeerType, kNodeType, kUserType), asked where the half-typed options say.
using NameSource =
    std::function<std::vector<std::string>(const std::string& type, const TargetOptions& options)>;

// `words` is what stands after the program's name; the last one is being typed and may be empty.
// Returns what it may become, sorted.
std::vector<std::string> complete(const CLI::App& root, const std::vector<std::string>& words,
                                  const NameSource& names);

// What the shell has to evaluate; empty for a shell that is none of bash, zsh, fish.
std::string completion_script(const std::string& shell);

}  // namespace kernmesh::adm
