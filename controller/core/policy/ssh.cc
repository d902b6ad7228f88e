// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/ssh.h"
#include "controller/core/policy/words.h"

#include <algorithm>

namespace kernmesh::policy {
namespace {

bool has_localpart(const SshRule& rule) {
  return std::any_of(rule.users.begin(), rule.users.end(),
                     [](const SshUser& user) { return user.kind == SshUserKind::kLocalpart; });
}

std::map<std::string, std::string> common_users(const SshRule& rule) {
  std::map<std::string, std::string> users{{"root", ""}};
  for (const auto& user : rule.users) {
    switch (user.kind) {
      case SshUserKind::kRoot:
        users["root"] = "root";
        break;
      case SshUserKind::kNonroot:
        users["*"] = "=";
        break;
      case SshUserKind::kLiteral:
        users[user.name] = user.name;
        break;
      case SshUserKind::kLocalpart:
        break;
    }
  }
  return users;
}

// The local name that localpart:*@domain gives the user.
std::optional<std::string> localpart_of(const SshRule& rule, const User& user) {
  const auto at = user.email.rfind('@');
  if (at == std::string::npos) return std::nullopt;
  const std::string domain = lowered(user.email.substr(at + 1));
  for (const auto& wanted : rule.users) {
    if (wanted.kind == SshUserKind::kLocalpart && lowered(wanted.name) == domain) {
      return user.email.substr(0, at);
    }
  }
  return std::nullopt;
}

}  // namespace

SshPolicy::SshPolicy(const Document& document, const Population& population)
    : document_(document), population_(population) {
  for (const auto& rule : document.ssh) {
    Resolved resolved{&rule, nodes_of(rule.src), nodes_of(rule.dst), false};
    resolved.to_self = std::any_of(rule.dst.begin(), rule.dst.end(), is_self);
    rules_.push_back(std::move(resolved));
  }
  std::stable_partition(rules_.begin(), rules_.end(), [](const Resolved& resolved) {
    return resolved.rule->action == SshAction::kCheck;
  });
}

NodeSet SshPolicy::nodes_of(const std::vector<Selector>& selectors) const {
  std::vector<Identity> identities;
  AddressSet addresses;
  bool everybody = false;
  for (const auto& selector : selectors) {
    everybody = everybody || selector.kind == SelectorKind::kAny;
    identities.push_back(identity_of(document_, selector));
    const auto host = document_.hosts.find(selector.name);
    if (selector.kind == SelectorKind::kPrefix) addresses.add(selector.prefix);
    if (selector.kind == SelectorKind::kHost && host != document_.hosts.end()) {
      addresses.add(host->second.prefix);
    }
  }
  NodeSet nodes;
  population_.everybody().for_each([&](NodeIndex node) {
    const Node& known = population_.member(node).node;
    const Subject subject(known, population_.user_of(node));
    const bool named = std::any_of(identities.begin(), identities.end(), [&](const auto& identity) {
      return matches(identity, subject);
    });
    const bool located =
        std::any_of(known.addresses.begin(), known.addresses.end(),
                    [&](const IpAddress& address) { return addresses.contains(address); });
    if (everybody || named || located) nodes.insert(node);
  });
  return nodes;
}

// One entry for all principals, and one more for the local name of `user` if it is not null.
void SshPolicy::append(std::vector<SshLogin>& logins, const Resolved& resolved,
                       const NodeSet& principals, const User* user) const {
  const SshRule& rule = *resolved.rule;
  SshLogin login{rule.at.line,   {}, common_users(rule), rule.action, rule.check_period,
                 rule.accept_env};
  principals.for_each([&](NodeIndex node) {
    const auto& addresses = population_.member(node).node.addresses;
    login.principals.insert(login.principals.end(), addresses.begin(), addresses.end());
  });
  if (login.principals.empty()) return;
  std::sort(login.principals.begin(), login.principals.end());
  logins.push_back(login);
  const auto local = user == nullptr ? std::nullopt : localpart_of(rule, *user);
  if (!local) return;
  login.users = {{*local, *local}};
  logins.push_back(std::move(login));
}

void SshPolicy::append_by_user(std::vector<SshLogin>& logins, const Resolved& resolved,
                               const NodeSet& principals) const {
  std::map<UserId, NodeSet> by_user;
  NodeSet tagged;
  principals.for_each([&](NodeIndex node) {
    const User* user = population_.user_of(node);
    (user == nullptr ? tagged : by_user[user->id]).insert(node);
  });
  for (const auto& [id, nodes] : by_user) {
    const User* user = nullptr;
    nodes.for_each([&](NodeIndex node) { user = population_.user_of(node); });
    append(logins, resolved, nodes, user);
  }
  append(logins, resolved, tagged, nullptr);
}

void SshPolicy::add_at(std::vector<SshLogin>& logins, const Resolved& resolved,
                       NodeIndex node) const {
  const bool by_user = has_localpart(*resolved.rule);
  const auto add = [&](const NodeSet& principals) {
    if (by_user) {
      append_by_user(logins, resolved, principals);
    } else {
      append(logins, resolved, principals, nullptr);
    }
  };
  const auto of_same_user = [&] {
    NodeSet own;
    population_.own_nodes(node).for_each([&](NodeIndex other) {
      if (resolved.sources.contains(other)) own.insert(other);
    });
    return own;
  };
  if (resolved.to_self && population_.user_of(node) != nullptr) add(of_same_user());
  if (resolved.destinations.contains(node)) {
    add(resolved.sources);
  } else if (by_user && !resolved.to_self && !resolved.destinations.empty() &&
             resolved.sources.contains(node)) {
    // A source of such a rule is itself reachable by its own user under the same names.
    if (population_.user_of(node) != nullptr) {
      add(of_same_user());
    } else {
      NodeSet tagged;
      resolved.sources.for_each([&](NodeIndex other) {
        if (population_.user_of(other) == nullptr) tagged.insert(other);
      });
      add(tagged);
    }
  }
}

std::vector<SshLogin> SshPolicy::logins_at(NodeIndex node) const {
  std::vector<SshLogin> logins;
  for (const auto& resolved : rules_) add_at(logins, resolved, node);
  return logins;
}

std::optional<SshAction> SshPolicy::decide(NodeIndex source, NodeIndex destination,
                                           const std::string& user) const {
  const auto& addresses = population_.member(source).node.addresses;
  for (const auto& login : logins_at(destination)) {
    const bool principal =
        std::any_of(addresses.begin(), addresses.end(), [&](const IpAddress& address) {
          return std::binary_search(login.principals.begin(), login.principals.end(), address);
        });
    if (!principal) continue;
    const auto named = login.users.find(user);
    const auto any = login.users.find("*");
    if (named != login.users.end() ? !named->second.empty() : any != login.users.end()) {
      return login.action;
    }
  }
  return std::nullopt;
}

}  // namespace kernmesh::policy
