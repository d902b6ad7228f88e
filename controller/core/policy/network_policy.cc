// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/network_policy.h"

#include <algorithm>

#include "controller/core/policy/parse.h"
#include "controller/core/policy/test_run.h"
#include "controller/core/policy/words.h"

namespace kernmesh::policy {
namespace {

class DomainCheck {
 public:
  DomainCheck(const Inventory& inventory, Diagnostics& diagnostics) : diagnostics_(diagnostics) {
    for (const auto& domain : inventory.domains) own_.push_back(lowered(domain));
  }

  void check(const Selector& selector) {
    if (selector.kind != SelectorKind::kDomainUsers) return;
    check(selector.name, selector.at);
  }

  void check(const std::string& domain, Position at) {
    if (std::find(own_.begin(), own_.end(), lowered(domain)) != own_.end()) return;
    std::string known;
    for (const auto& own : own_) known += (known.empty() ? "" : ", ") + own;
    diagnostics_.error(at, "the domain " + quoted(domain) + " is not this network's: " +
                               (known.empty() ? "it has none" : "it has " + known));
  }

  void check(const std::vector<Selector>& selectors) {
    for (const auto& selector : selectors) check(selector);
  }

 private:
  std::vector<std::string> own_;
  Diagnostics& diagnostics_;
};

void check_domains(const Document& document, const Inventory& inventory, Diagnostics& diagnostics) {
  DomainCheck check(inventory, diagnostics);
  for (const auto& rule : document.rules) {
    check.check(rule.src);
    for (const auto& destination : rule.dst) check.check(destination.selector);
  }
  for (const auto& rule : document.ssh) {
    check.check(rule.src);
    check.check(rule.dst);
    for (const auto& user : rule.users) {
      if (user.kind == SshUserKind::kLocalpart) check.check(user.name, user.at);
    }
  }
  for (const auto& attribute : document.node_attributes) check.check(attribute.targets);
  for (const auto& approval : document.route_approvals) check.check(approval.approvers);
  check.check(document.exit_approvers);
}

}  // namespace

const std::string_view kStarterPolicy =
    R"(// The policy that a new network starts with: the devices of each person reach each other.
// The language: docs/policy.md. Change it with `meshadm policy set FILE`.
{
  "acls": [
    {"action": "accept", "src": ["autogroup:member"], "dst": ["autogroup:self:*"]},
  ],
}
)";

std::optional<AcceptedPolicy> accept(std::string_view text, const Inventory& inventory,
                                     Diagnostics& diagnostics) {
  auto document = parse(text, diagnostics);
  if (!document) return std::nullopt;
  check_domains(*document, inventory, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  auto compiled = compile(*document);
  if (!compiled) {
    diagnostics.error({1, 1}, compiled.error().message());
    return std::nullopt;
  }
  const std::size_t expectations = run_tests(*document, *compiled, inventory, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  return AcceptedPolicy{std::make_shared<const Document>(std::move(*document)),
                        std::make_shared<const CompiledPolicy>(std::move(*compiled)), expectations};
}

}  // namespace kernmesh::policy
