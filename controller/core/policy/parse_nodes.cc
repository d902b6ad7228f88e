// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/parse_nodes.h"

#include <string>
#include <utility>
#include <vector>

#include "controller/core/policy/fields.h"
#include "controller/core/policy/parse_rules.h"
#include "controller/core/policy/words.h"

namespace kernmesh::policy {
namespace {

void read_routes(const JsonValue& routes, Document& document, Diagnostics& diagnostics) {
  read_members(routes, "\"routes\"", diagnostics,
               [&](const JsonValue& key, const JsonValue& value) {
                 RouteApproval approval{
                     {}, key.at(), read_selectors(value, quoted(key.text()), diagnostics)};
                 auto prefix = Prefix::parse(trimmed(key.text()));
                 if (!prefix) {
                   diagnostics.error(key.at(), prefix.error().message());
                   return;
                 }
                 approval.prefix = *prefix;
                 document.route_approvals.push_back(std::move(approval));
               });
}

std::vector<Prefix> read_pool(const JsonValue& list, Diagnostics& diagnostics) {
  // Networks whose addresses other meshes and a cloud's metadata service use stay out of a pool.
  static const Prefix kAllowed = *Prefix::parse("100.64.0.0/10");
  static const Prefix kReserved = *Prefix::parse("100.100.100.0/24");
  std::vector<Prefix> pool;
  for (const Located& text : read_strings(list, "\"ipPool\"", diagnostics)) {
    auto prefix = Prefix::parse(trimmed(text.text));
    if (!prefix) {
      diagnostics.error(text.at, prefix.error().message());
    } else if (!kAllowed.contains(prefix->address()) || prefix->length() < kAllowed.length()) {
      diagnostics.error(text.at, quoted(text.text) + " does not lie in " + to_string(kAllowed));
    } else if (prefix->overlaps(kReserved)) {
      diagnostics.error(
          text.at, quoted(text.text) + " overlaps " + to_string(kReserved) + ", which is reserved");
    } else {
      pool.push_back(*prefix);
    }
  }
  return pool;
}

NodeAttribute read_node_attribute(const JsonValue& entry, Diagnostics& diagnostics) {
  NodeAttribute attribute;
  attribute.at = entry.at();
  read_object(
      entry, "an entry of \"nodeAttrs\"",
      {{"target",
        [&](const JsonValue& value) {
          attribute.targets = read_selectors(value, "\"target\"", diagnostics);
        }},
       {"attr",
        [&](const JsonValue& value) {
          attribute.attributes = read_strings(value, "\"attr\"", diagnostics);
        }},
       {"app", [&](const JsonValue& value) { attribute.app = read_app(value, diagnostics); }},
       {"ipPool",
        [&](const JsonValue& value) { attribute.ip_pool = read_pool(value, diagnostics); }}},
      diagnostics);
  return attribute;
}

}  // namespace

void read_auto_approvers(const JsonValue& approvers, Document& document, Diagnostics& diagnostics) {
  read_object(
      approvers, "\"autoApprovers\"",
      {{"routes", [&](const JsonValue& value) { read_routes(value, document, diagnostics); }},
       {"exitNode",
        [&](const JsonValue& value) {
          document.exit_approvers = read_selectors(value, "\"exitNode\"", diagnostics);
        }},
       {"services", {}}},
      diagnostics);
}

void read_node_attributes(const JsonValue& list, Document& document, Diagnostics& diagnostics) {
  read_list(list, "\"nodeAttrs\"", diagnostics, [&](const JsonValue& entry) {
    NodeAttribute attribute = read_node_attribute(entry, diagnostics);
    if (!attribute.targets.empty()) document.node_attributes.push_back(std::move(attribute));
  });
}

}  // namespace kernmesh::policy
