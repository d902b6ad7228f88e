// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/parse_tables.h"

#include <string>
#include <string_view>
#include <utility>

#include "controller/core/policy/fields.h"
#include "controller/core/policy/words.h"

namespace kernmesh::policy {
namespace {

// "add 10.0.0.0/8", "remove ipset:x".
Result<IpSetStep> parse_step(std::string_view text, Position at) {
  const std::string_view step = trimmed(text);
  const std::size_t space = step.find_first_of(" \t");
  const std::string_view verb = step.substr(0, space);
  if ((verb != "add" && verb != "remove") || space == std::string_view::npos) {
    return Error(ErrorCode::kInvalid, quoted(text) +
                                          " is no step of an ipset; write \"add 10.0.0.0/8\" or "
                                          "\"remove 10.1.0.0/16\"");
  }
  auto selector = parse_selector(step.substr(space), at);
  if (!selector) return selector.error();
  return IpSetStep{verb == "add" ? IpSetOperation::kAdd : IpSetOperation::kRemove,
                   *std::move(selector)};
}

IpSet read_ipset(const JsonValue& key, const JsonValue& value, Diagnostics& diagnostics) {
  IpSet ipset{key.at(), {}};
  for (const Located& text : read_strings(value, quoted(key.text()), diagnostics)) {
    auto step = parse_step(text.text, text.at);
    if (step) {
      ipset.steps.push_back(*std::move(step));
    } else {
      diagnostics.error(text.at, step.error().message());
    }
  }
  return ipset;
}

bool is_user(std::string_view text) {
  const auto selector = parse_selector(text, Position{});
  return selector && selector->kind == SelectorKind::kUser;
}

bool is_provider_group(std::string_view text) {
  return text.starts_with(kProviderGroupPrefix) && text.size() > kProviderGroupPrefix.size();
}

std::string_view why_no_member(std::string_view text) {
  if (text.starts_with(kGroupPrefix)) return " is a group; groups hold users only, name them";
  if (text.starts_with(kProviderGroupPrefix)) {
    return " names no group; a group of the identity provider is written oidc:NAME";
  }
  return " is not a user; groups hold users, written ada@example.com or ada@, and groups of the "
         "identity provider, written oidc:NAME";
}

Group read_group(const JsonValue& key, const JsonValue& value, Diagnostics& diagnostics) {
  Group group{key.at(), read_strings(value, quoted(key.text()), diagnostics)};
  for (Located& member : group.members) {
    member.text = std::string(trimmed(member.text));
    if (is_user(member.text) || is_provider_group(member.text)) continue;
    diagnostics.error(member.at, quoted(member.text) + std::string(why_no_member(member.text)));
  }
  return group;
}

void check_host_name(const JsonValue& key, Diagnostics& diagnostics) {
  const auto selector = parse_selector(key.text(), key.at());
  if (selector && selector->kind == SelectorKind::kHost && selector->name == key.text()) return;
  diagnostics.error(key.at(), quoted(key.text()) +
                                  " cannot name a host: it is empty, an address, or holds one of "
                                  "@ : / * [ ] or a space");
}

}  // namespace

void read_groups(const JsonValue& groups, Document& document, Diagnostics& diagnostics) {
  read_members(groups, "\"groups\"", diagnostics,
               [&](const JsonValue& key, const JsonValue& value) {
                 if (!is_prefixed_name(key.text(), kGroupPrefix)) {
                   diagnostics.error(key.at(), bad_prefixed_name(key.text(), kGroupPrefix));
                 }
                 document.groups.emplace(key.text(), read_group(key, value, diagnostics));
               });
}

void read_hosts(const JsonValue& hosts, Document& document, Diagnostics& diagnostics) {
  read_members(hosts, "\"hosts\"", diagnostics, [&](const JsonValue& key, const JsonValue& value) {
    check_host_name(key, diagnostics);
    Host host{key.at(), {}};
    if (const auto text = read_string(value, quoted(key.text()), diagnostics)) {
      auto prefix = Prefix::parse(trimmed(*text));
      if (prefix) host.prefix = *prefix;
      if (!prefix) diagnostics.error(value.at(), prefix.error().message());
    }
    document.hosts.emplace(key.text(), host);
  });
}

void read_ipsets(const JsonValue& ipsets, Document& document, Diagnostics& diagnostics) {
  read_members(ipsets, "\"ipsets\"", diagnostics,
               [&](const JsonValue& key, const JsonValue& value) {
                 if (!is_prefixed_name(key.text(), kIpSetPrefix)) {
                   diagnostics.error(key.at(), bad_prefixed_name(key.text(), kIpSetPrefix));
                 }
                 document.ipsets.emplace(key.text(), read_ipset(key, value, diagnostics));
               });
}

void read_tag_owners(const JsonValue& owners, Document& document, Diagnostics& diagnostics) {
  read_members(owners, "\"tagOwners\"", diagnostics,
               [&](const JsonValue& key, const JsonValue& value) {
                 if (!is_tag(key.text())) diagnostics.error(key.at(), bad_tag(key.text()));
                 TagOwners tag{key.at(), read_selectors(value, quoted(key.text()), diagnostics)};
                 document.tag_owners.emplace(key.text(), std::move(tag));
               });
}

void read_postures(const JsonValue& postures, Document& document, Diagnostics& diagnostics) {
  read_members(
      postures, "\"postures\"", diagnostics, [&](const JsonValue& key, const JsonValue& value) {
        if (!is_prefixed_name(key.text(), kPosturePrefix)) {
          diagnostics.error(key.at(), bad_prefixed_name(key.text(), kPosturePrefix));
        }
        Posture posture{key.at(), {}};
        for (const Located& text : read_strings(value, quoted(key.text()), diagnostics)) {
          auto condition = parse_condition(text.text, text.at);
          if (condition) {
            posture.conditions.push_back(*std::move(condition));
          } else {
            diagnostics.error(text.at, condition.error().message());
          }
        }
        if (!value.first()) {
          diagnostics.warning(key.at(),
                              quoted(key.text()) + " has no conditions and holds for every node");
        }
        document.postures.emplace(key.text(), std::move(posture));
      });
}

}  // namespace kernmesh::policy
