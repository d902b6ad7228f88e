// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/check_rules.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "controller/core/policy/check_names.h"
#include "controller/core/policy/words.h"

namespace kernmesh::policy {
namespace {

bool has_destination(const Rule& rule, Autogroup autogroup) {
  return std::any_of(rule.dst.begin(), rule.dst.end(), [&](const Destination& destination) {
    return is_autogroup(destination.selector, autogroup);
  });
}

void check_rule_source(const Selector& selector, const Document& document,
                       Diagnostics& diagnostics) {
  if (is_self(selector)) {
    diagnostics.error(selector.at,
                      "\"autogroup:self\" is not valid as a source; it is a destination: write "
                      "\"autogroup:member\" for everybody who may reach their own nodes");
  } else if (is_internet(selector)) {
    diagnostics.error(selector.at,
                      "\"autogroup:internet\" is not valid as a source; nobody in the network is "
                      "the internet");
  }
  check_defined(selector, document, diagnostics);
}

void check_destination(const Selector& selector, const Document& document,
                       Diagnostics& diagnostics) {
  if (is_autogroup(selector, Autogroup::kDangerAll)) {
    diagnostics.error(selector.at,
                      "\"autogroup:danger-all\" is not valid as a destination; write \"*\"");
  } else if (selector.kind == SelectorKind::kPrefix && selector.prefix.length() == 0) {
    diagnostics.error(selector.at, quoted(to_string(selector.prefix)) +
                                       " is not valid as a destination; write \"*\" for all "
                                       "addresses or \"autogroup:internet\" for the public ones");
  }
  check_defined(selector, document, diagnostics);
}

void check_via(const Selector& selector, const Document& document, Diagnostics& diagnostics) {
  if (selector.kind != SelectorKind::kTag) {
    diagnostics.error(selector.at,
                      described(selector) + " is not valid in \"via\"; it holds tags only");
  }
  check_defined(selector, document, diagnostics);
}

// The capabilities of the reserved domain that mean something here.
bool is_reserved_but_known(std::string_view name) {
  constexpr std::array<std::string_view, 4> kKnown = {
      "tailscale.com/cap/drive", "tailscale.com/cap/kubernetes", "tailscale.com/cap/relay",
      "tailscale.com/cap/webui"};
  return std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end();
}

bool is_domain(std::string_view text) {
  return text.find('.') != std::string_view::npos && !text.starts_with('.') &&
         !text.ends_with('.') && text.find_first_of(":@*?#") == std::string_view::npos;
}

void check_capability_name(const AppCapability& capability, Diagnostics& diagnostics) {
  const std::string& name = capability.name;
  if (name.find("://") != std::string::npos) {
    diagnostics.error(capability.at, "the capability " + quoted(name) +
                                         " has a scheme; write DOMAIN/PATH without it: " +
                                         quoted(name.substr(name.find("://") + 3)));
    return;
  }
  const std::size_t slash = name.find('/');
  const std::string_view domain = std::string_view(name).substr(0, slash);
  if (!is_name(name) || slash == std::string::npos || slash + 1 == name.size() ||
      !is_domain(domain)) {
    diagnostics.error(capability.at, quoted(name) +
                                         " is not a capability; write DOMAIN/PATH, like "
                                         "example.com/cap/read");
    return;
  }
  if (lowered(domain) == "tailscale.com" && !is_reserved_but_known(name)) {
    diagnostics.error(capability.at, "the capability " + quoted(name) +
                                         " lies in the reserved domain tailscale.com; use a domain "
                                         "of your own");
  }
}

void check_app(const Rule& rule, Diagnostics& diagnostics) {
  if (rule.app.empty()) return;
  for (const AppCapability& capability : rule.app) {
    check_capability_name(capability, diagnostics);
  }
  for (const Destination& destination : rule.dst) {
    if (!is_internet(destination.selector)) continue;
    diagnostics.error(destination.selector.at,
                      "\"autogroup:internet\" is not valid as the destination of a grant with "
                      "\"app\"; capabilities are given on nodes");
  }
}

bool is_made_of_users(const Selector& selector) {
  return selector.kind == SelectorKind::kUser || selector.kind == SelectorKind::kDomainUsers ||
         selector.kind == SelectorKind::kGroup || is_autogroup(selector, Autogroup::kMember);
}

}  // namespace

void check_rule(const Rule& rule, const Document& document, Diagnostics& diagnostics) {
  for (const Selector& selector : rule.src) check_rule_source(selector, document, diagnostics);
  for (const Destination& destination : rule.dst) {
    check_destination(destination.selector, document, diagnostics);
  }
  for (const Selector& selector : rule.via) check_via(selector, document, diagnostics);
  check_app(rule, diagnostics);
  if (rule.src_posture) check_postures(*rule.src_posture, document, diagnostics);
  if (has_destination(rule, Autogroup::kSelf)) {
    const bool is_acl = rule.origin == RuleOrigin::kAcl;
    check_self_sources(rule.src, is_acl ? AnyAsSource::kAllowed : AnyAsSource::kRefused,
                       diagnostics);
  }
}

void check_self_sources(const std::vector<Selector>& src, AnyAsSource any,
                        Diagnostics& diagnostics) {
  for (const Selector& selector : src) {
    const bool is_allowed_any = selector.kind == SelectorKind::kAny && any == AnyAsSource::kAllowed;
    // Wrong as any source, and reported as that.
    const bool is_own = is_self(selector);
    if (is_made_of_users(selector) || is_allowed_any || is_own) continue;
    diagnostics.error(selector.at, described(selector) +
                                       " cannot be the source of \"autogroup:self\"; sources are "
                                       "users, groups or autogroup:member");
  }
}

}  // namespace kernmesh::policy
