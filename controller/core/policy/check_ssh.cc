// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/check_ssh.h"

#include <string>
#include <string_view>

#include "controller/core/policy/check_names.h"
#include "controller/core/policy/check_rules.h"

namespace kernmesh::policy {
namespace {

bool can_be_logged_into(const Selector& selector) {
  return selector.kind == SelectorKind::kUser || selector.kind == SelectorKind::kTag ||
         is_self(selector);
}

void check_ssh_source(const Selector& selector, const Document& document,
                      Diagnostics& diagnostics) {
  if (!names_somebody(selector)) {
    diagnostics.error(selector.at, described(selector) +
                                       " is not valid as a source of ssh; sources are users, "
                                       "groups, tags and autogroups of nodes");
  }
  check_defined(selector, document, diagnostics);
}

// Nobody but a user logs into that user's own nodes.
void check_same_user(const SshRule& rule, const Selector& owner, Diagnostics& diagnostics) {
  for (const Selector& selector : rule.src) {
    if (selector.kind == SelectorKind::kUser && selector.name == owner.name) continue;
    diagnostics.error(selector.at, described(selector) + " cannot log into the nodes of " +
                                       quoted(owner.name) + "; only that user can");
  }
}

// The source of a test may also be a single node.
bool can_try(const Selector& selector) {
  const bool is_address = selector.kind == SelectorKind::kPrefix &&
                          selector.prefix.length() == selector.prefix.address().bits();
  return names_somebody(selector) || is_address || selector.kind == SelectorKind::kHost;
}

// A test names single nodes: who owns them, or their tag, host or address.
bool can_be_tested(const Selector& selector) {
  switch (selector.kind) {
    case SelectorKind::kUser:
    case SelectorKind::kTag:
    case SelectorKind::kHost:
      return true;
    case SelectorKind::kPrefix:
      return selector.prefix.length() == selector.prefix.address().bits();
    case SelectorKind::kAutogroup:
      return selector.autogroup == Autogroup::kSelf;
    default:
      return false;
  }
}

}  // namespace

void check_ssh_rule(const SshRule& rule, const Document& document, Diagnostics& diagnostics) {
  for (const Selector& selector : rule.src) check_ssh_source(selector, document, diagnostics);
  for (const Selector& selector : rule.dst) {
    if (!can_be_logged_into(selector)) {
      diagnostics.error(selector.at, described(selector) +
                                         " is not valid as a destination of ssh; destinations are "
                                         "tags, users and autogroup:self");
    }
    check_defined(selector, document, diagnostics);
    if (selector.kind == SelectorKind::kUser) check_same_user(rule, selector, diagnostics);
    if (is_self(selector)) check_self_sources(rule.src, AnyAsSource::kRefused, diagnostics);
  }
  if (rule.src_posture) check_postures(*rule.src_posture, document, diagnostics);
}

void check_ssh_test(const SshTest& test, const Document& document, Diagnostics& diagnostics) {
  // A source that could not be read is reported already.
  if (test.src.at.line > 0) {
    if (!can_try(test.src)) {
      diagnostics.error(test.src.at, described(test.src) +
                                         " is not valid as the source of an ssh test; it is one "
                                         "user, tag, host or address");
    }
    check_defined(test.src, document, diagnostics);
  }
  for (const Selector& selector : test.dst) {
    if (!can_be_tested(selector)) {
      diagnostics.error(selector.at, described(selector) +
                                         " is not valid as a destination of an ssh test; "
                                         "destinations are tags, users, hosts and addresses");
    }
    check_defined(selector, document, diagnostics);
  }
}

}  // namespace kernmesh::policy
