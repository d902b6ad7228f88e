// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/parse.h"

#include <algorithm>

#include "controller/core/policy/check.h"
#include "controller/core/policy/fields.h"
#include "controller/core/policy/hujson.h"
#include "controller/core/policy/parse_nodes.h"
#include "controller/core/policy/parse_rules.h"
#include "controller/core/policy/parse_ssh.h"
#include "controller/core/policy/parse_tables.h"
#include "controller/core/policy/parse_tests.h"

namespace kernmesh::policy {
namespace {

Document read_document(const JsonValue& root, Diagnostics& diagnostics) {
  Document document;
  const auto by = [&](void (*read)(const JsonValue&, Document&, Diagnostics&)) {
    return [&document, &diagnostics, read](const JsonValue& value) {
      read(value, document, diagnostics);
    };
  };
  read_object(root, "the policy",
              {{"acls", by(read_acls)},
               {"grants", by(read_grants)},
               {"groups", by(read_groups)},
               {"hosts", by(read_hosts)},
               {"ipsets", by(read_ipsets)},
               {"tagOwners", by(read_tag_owners)},
               {"postures", by(read_postures)},
               {"defaultSrcPosture",
                [&](const JsonValue& value) {
                  document.default_src_posture =
                      read_strings(value, "\"defaultSrcPosture\"", diagnostics);
                }},
               {"autoApprovers", by(read_auto_approvers)},
               {"nodeAttrs", by(read_node_attributes)},
               {"ssh", by(read_ssh)},
               {"tests", by(read_tests)},
               {"sshTests", by(read_ssh_tests)},
               {"randomizeClientPort",
                [&](const JsonValue& value) {
                  document.randomize_client_port =
                      read_bool(value, "\"randomizeClientPort\"", diagnostics).value_or(false);
                }},
               {"derpMap", {}},
               {"disableIPv4", {}},
               {"OneCGNATRoute", {}}},
              diagnostics);
  std::stable_partition(document.rules.begin(), document.rules.end(),
                        [](const Rule& rule) { return rule.origin == RuleOrigin::kAcl; });
  return document;
}

}  // namespace

std::optional<Document> parse(std::string_view text, Diagnostics& diagnostics) {
  const auto tree = JsonTree::read(text, diagnostics);
  if (!tree) return std::nullopt;
  Document document = read_document(tree->root(), diagnostics);
  check(document, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  return document;
}

}  // namespace kernmesh::policy
