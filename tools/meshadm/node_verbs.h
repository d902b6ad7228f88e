// SPDX-License-Identifier: Apache-2.0
// The verbs of `meshadm node`, in two files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/meshadm/command.h"

namespace kernmesh::adm {

// Filled by the parser; only the chosen verb fills it.
struct NodeOptions {
  std::string node;
  std::string new_name;
  std::vector<std::string> tags;
  Consent consent = Consent::kAsk;
};
using NodeAction = Result<Outcome> (*)(Session&, const NodeOptions&);

// A verb about one node, with NODE as its first argument.
CLI::App& add_node_verb(CLI::App& group, Invocation& invocation, const CommandWords& words,
                        const std::shared_ptr<NodeOptions>& options, NodeAction action);

// approve, renew, expiry, rotate-key.
void add_node_life(CLI::App& group, Invocation& invocation);

}  // namespace kernmesh::adm
