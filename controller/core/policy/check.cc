// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/check.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controller/core/policy/check_names.h"
#include "controller/core/policy/check_rules.h"
#include "controller/core/policy/check_ssh.h"

namespace kernmesh::policy {
namespace {

// Tables are hashed; their errors come in the order of the text.
template <typename Value>
std::vector<std::pair<std::string_view, const Value*>> in_order(
    const std::unordered_map<std::string, Value>& table) {
  std::vector<std::pair<std::string_view, const Value*>> entries;
  entries.reserve(table.size());
  for (const auto& [name, value] : table) entries.emplace_back(name, &value);
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.second->at < b.second->at; });
  return entries;
}

void check_deciders(const std::vector<Selector>& selectors, std::string_view role,
                    const Document& document, Diagnostics& diagnostics) {
  for (const Selector& selector : selectors) {
    if (!names_somebody(selector)) {
      diagnostics.error(selector.at, described(selector) + " cannot be " + std::string(role) +
                                         "; users, groups, tags and autogroups of nodes can");
    }
    check_defined(selector, document, diagnostics);
  }
}

bool is_ipset_member(const Selector& selector) {
  return selector.kind == SelectorKind::kPrefix || selector.kind == SelectorKind::kHost ||
         selector.kind == SelectorKind::kIpSet || is_internet(selector);
}

void check_ipset_members(const IpSet& ipset, const Document& document, Diagnostics& diagnostics) {
  for (const IpSetStep& step : ipset.steps) {
    if (!is_ipset_member(step.selector)) {
      diagnostics.error(step.selector.at,
                        described(step.selector) +
                            " cannot be in an ipset; addresses, CIDRs, hosts, autogroup:internet "
                            "and other ipsets can");
    }
    check_defined(step.selector, document, diagnostics);
  }
}

// Finds ipsets that contain themselves: depth first, without recursion, because a text can name a
// chain of a million sets.
class IpSetCycles {
 public:
  IpSetCycles(const Document& document, Diagnostics& diagnostics)
      : document_(document), diagnostics_(diagnostics) {}

  void visit_from(std::string_view name) {
    enter(name);
    while (!open_.empty()) {
      auto& [current, next] = open_.back();
      if (next == steps_of(current).size()) {
        state_[current] = State::kDone;
        open_.pop_back();
        continue;
      }
      const Selector& selector = steps_of(current)[next++].selector;
      if (selector.kind != SelectorKind::kIpSet) continue;
      const auto seen = state_.find(selector.name);
      if (seen == state_.end()) {
        enter(selector.name);
      } else if (seen->second == State::kOpen) {
        diagnostics_.error(selector.at, "the ipset " + quoted(selector.name) +
                                            " contains itself by way of " + quoted(current) +
                                            "; ipsets may not be circular");
      }
    }
  }

 private:
  enum class State { kOpen, kDone };

  const std::vector<IpSetStep>& steps_of(std::string_view name) const {
    static const std::vector<IpSetStep> kNone;
    const auto found = document_.ipsets.find(std::string(name));
    return found == document_.ipsets.end() ? kNone : found->second.steps;
  }

  void enter(std::string_view name) {
    if (state_.emplace(name, State::kOpen).second) open_.emplace_back(name, 0);
  }

  const Document& document_;
  Diagnostics& diagnostics_;
  std::unordered_map<std::string_view, State> state_;
  std::vector<std::pair<std::string_view, std::size_t>> open_;
};

void check_ipsets(const Document& document, Diagnostics& diagnostics) {
  IpSetCycles cycles(document, diagnostics);
  for (const auto& [name, ipset] : in_order(document.ipsets)) {
    check_ipset_members(*ipset, document, diagnostics);
    cycles.visit_from(name);
  }
}

void check_node_attribute(const NodeAttribute& attribute, const Document& document,
                          Diagnostics& diagnostics) {
  for (const Selector& selector : attribute.targets) {
    if (selector.kind == SelectorKind::kAutogroup &&
        (is_internet(selector) || is_self(selector) ||
         selector.autogroup == Autogroup::kDangerAll)) {
      diagnostics.error(selector.at, described(selector) +
                                         " cannot be a target of \"nodeAttrs\"; targets are "
                                         "nodes: \"*\", users, groups, tags");
    }
    check_defined(selector, document, diagnostics);
  }
}

}  // namespace

void check(const Document& document, Diagnostics& diagnostics) {
  for (const Rule& rule : document.rules) check_rule(rule, document, diagnostics);
  for (const auto& [name, tag] : in_order(document.tag_owners)) {
    check_deciders(tag->owners, "the owner of a tag", document, diagnostics);
  }
  check_ipsets(document, diagnostics);
  check_postures(document.default_src_posture, document, diagnostics);
  for (const RouteApproval& approval : document.route_approvals) {
    check_deciders(approval.approvers, "an approver", document, diagnostics);
  }
  check_deciders(document.exit_approvers, "an approver", document, diagnostics);
  for (const NodeAttribute& attribute : document.node_attributes) {
    check_node_attribute(attribute, document, diagnostics);
  }
  for (const SshRule& rule : document.ssh) check_ssh_rule(rule, document, diagnostics);
  for (const SshTest& test : document.ssh_tests) check_ssh_test(test, document, diagnostics);
}

}  // namespace kernmesh::policy
