// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/parse_rules.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "controller/core/policy/fields.h"
#include "controller/core/policy/words.h"

namespace kernmesh::policy {
namespace {

// Whether the text is a whole name by itself, so that its colon does not lead to ports.
bool is_selector(std::string_view text) {
  return static_cast<bool>(parse_selector(text, Position{}));
}

Result<Destination> parse_destination(std::string_view text, Position at) {
  const std::size_t colon = text.rfind(':');
  const std::string_view ports_text =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  auto ports = parse_ports(ports_text);
  if (!ports && is_selector(text)) {
    const std::string name(trimmed(text));
    return Error(ErrorCode::kInvalid, quoted(text) + " names no ports; write " +
                                          quoted(name + ":443") + ", or " + quoted(name + ":*") +
                                          " for all");
  }
  if (!ports) return ports.error().with_context("in " + quoted(text));
  auto selector = parse_selector(text.substr(0, colon), at);
  if (!selector) return selector.error();
  return Destination{*std::move(selector), *std::move(ports)};
}

std::vector<Destination> read_destinations(const JsonValue& list, Diagnostics& diagnostics) {
  std::vector<Destination> destinations;
  read_list(list, "\"dst\"", diagnostics, [&](const JsonValue& element) {
    const auto text = read_string(element, "an entry of \"dst\"", diagnostics);
    if (!text) return;
    auto destination = parse_destination(*text, element.at());
    if (destination) {
      destinations.push_back(*std::move(destination));
    } else {
      diagnostics.error(element.at(), destination.error().message());
    }
  });
  return destinations;
}

void read_rule_action(const JsonValue& value, Diagnostics& diagnostics) {
  const auto action = read_string(value, "\"action\"", diagnostics);
  if (!action || *action == "accept") return;
  diagnostics.error(value.at(), "the action " + quoted(*action) +
                                    " does not exist; rules only \"accept\", and what no rule "
                                    "accepts is denied");
}

std::vector<std::uint8_t> read_protocol(const JsonValue& value, Diagnostics& diagnostics) {
  const auto text = read_string(value, "\"proto\"", diagnostics);
  if (!text) return default_protocols();
  auto protocols = parse_protocols(*text);
  if (protocols) return *std::move(protocols);
  diagnostics.error(value.at(), protocols.error().message());
  return default_protocols();
}

// A protocol that was named must know ports before a destination can name some.
void check_ports(const Rule& rule, Diagnostics& diagnostics) {
  const std::uint8_t protocol = rule.services.front().protocols.front();
  if (rule.services.front().protocols == default_protocols() || has_ports(protocol)) return;
  for (const Destination& destination : rule.dst) {
    if (destination.ports == std::vector{kAllPorts}) continue;
    diagnostics.error(destination.selector.at, protocol_name(protocol) + " has no ports; write " +
                                                   quoted(to_string(destination.selector) + ":*"));
  }
}

void warn_of_no_effect(const Rule& rule, bool has_src, bool has_dst, Diagnostics& diagnostics) {
  if (has_src && has_dst) return;
  diagnostics.warning(rule.at, std::string("the rule has no \"") + (has_src ? "dst" : "src") +
                                   "\" and allows nothing");
}

Rule read_acl(const JsonValue& acl, std::uint32_t index, Diagnostics& diagnostics) {
  Rule rule;
  rule.origin = RuleOrigin::kAcl;
  rule.index = index;
  rule.at = acl.at();
  rule.services = {Service{default_protocols(), {}}};
  bool has_action = false;
  bool has_src = false;
  bool has_dst = false;
  read_object(acl, "an acl",
              {{"action",
                [&](const JsonValue& value) {
                  has_action = true;
                  read_rule_action(value, diagnostics);
                }},
               {"src",
                [&](const JsonValue& value) {
                  has_src = true;
                  rule.src = read_selectors(value, "\"src\"", diagnostics);
                }},
               {"dst",
                [&](const JsonValue& value) {
                  has_dst = true;
                  rule.dst = read_destinations(value, diagnostics);
                }},
               {"proto",
                [&](const JsonValue& value) {
                  rule.services.front().protocols = read_protocol(value, diagnostics);
                }},
               {"srcPosture",
                [&](const JsonValue& value) {
                  rule.src_posture = read_strings(value, "\"srcPosture\"", diagnostics);
                }}},
              diagnostics);
  if (acl.kind() != JsonKind::kObject) return rule;
  if (!has_action) diagnostics.error(rule.at, "the acl has no \"action\"; write \"accept\"");
  check_ports(rule, diagnostics);
  warn_of_no_effect(rule, has_src, has_dst, diagnostics);
  return rule;
}

std::vector<Service> read_services(const JsonValue& list, Diagnostics& diagnostics) {
  std::vector<Service> services;
  read_list(list, "\"ip\"", diagnostics, [&](const JsonValue& element) {
    const auto text = read_string(element, "an entry of \"ip\"", diagnostics);
    if (!text) return;
    auto service = parse_grant_service(*text);
    if (service) {
      services.push_back(*std::move(service));
    } else {
      diagnostics.error(element.at(), service.error().message());
    }
  });
  return services;
}

Rule read_grant(const JsonValue& grant, std::uint32_t index, Diagnostics& diagnostics) {
  Rule rule;
  rule.origin = RuleOrigin::kGrant;
  rule.index = index;
  rule.at = grant.at();
  bool has_src = false;
  bool has_dst = false;
  bool gives_something = false;
  read_object(
      grant, "a grant",
      {{"src",
        [&](const JsonValue& value) {
          has_src = true;
          rule.src = read_selectors(value, "\"src\"", diagnostics);
        }},
       {"dst",
        [&](const JsonValue& value) {
          has_dst = true;
          for (Selector& selector : read_selectors(value, "\"dst\"", diagnostics)) {
            rule.dst.push_back({std::move(selector), {}});
          }
        }},
       {"ip",
        [&](const JsonValue& value) {
          gives_something = gives_something || value.first();
          rule.services = read_services(value, diagnostics);
        }},
       {"app",
        [&](const JsonValue& value) {
          gives_something = gives_something || value.first();
          rule.app = read_app(value, diagnostics);
        }},
       {"via",
        [&](const JsonValue& value) { rule.via = read_selectors(value, "\"via\"", diagnostics); }},
       {"srcPosture",
        [&](const JsonValue& value) {
          rule.src_posture = read_strings(value, "\"srcPosture\"", diagnostics);
        }}},
      diagnostics);
  if (grant.kind() != JsonKind::kObject) return rule;
  if (!gives_something) {
    diagnostics.error(rule.at,
                      "the grant gives neither \"ip\" nor \"app\"; \"ip\": [\"*\"] gives "
                      "every port");
  }
  warn_of_no_effect(rule, has_src, has_dst, diagnostics);
  return rule;
}

// A null would be an absent key to some readers, which allows everything, and an empty list to
// others, which allows nothing.
bool is_rule_list(const JsonValue& list, std::string_view key, Diagnostics& diagnostics) {
  if (list.kind() != JsonKind::kNull) return true;
  diagnostics.error(list.at(), quoted(key) + " is null, expected a list; [] denies everything");
  return false;
}

}  // namespace

void read_acls(const JsonValue& acls, Document& document, Diagnostics& diagnostics) {
  document.has_rules_key = true;
  if (!is_rule_list(acls, "acls", diagnostics)) return;
  std::uint32_t index = 0;
  read_list(acls, "\"acls\"", diagnostics, [&](const JsonValue& acl) {
    document.rules.push_back(read_acl(acl, index++, diagnostics));
  });
}

void read_grants(const JsonValue& grants, Document& document, Diagnostics& diagnostics) {
  document.has_rules_key = true;
  if (!is_rule_list(grants, "grants", diagnostics)) return;
  std::uint32_t index = 0;
  read_list(grants, "\"grants\"", diagnostics, [&](const JsonValue& grant) {
    document.rules.push_back(read_grant(grant, index++, diagnostics));
  });
}

std::vector<AppCapability> read_app(const JsonValue& app, Diagnostics& diagnostics) {
  std::vector<AppCapability> capabilities;
  read_members(app, "\"app\"", diagnostics, [&](const JsonValue& key, const JsonValue& value) {
    AppCapability capability{std::string(key.text()), "[]", key.at()};
    if (value.kind() == JsonKind::kArray) {
      capability.values_json = to_json(value);
    } else if (value.kind() != JsonKind::kNull) {
      diagnostics.error(value.at(), "the values of " + quoted(key.text()) + " are " +
                                        std::string(to_string(value.kind())) +
                                        ", expected a list; [] holds none");
    }
    capabilities.push_back(std::move(capability));
  });
  return capabilities;
}

}  // namespace kernmesh::policy
