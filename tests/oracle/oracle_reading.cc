// SPDX-License-Identifier: Apache-2.0
// Who and what the names of a policy mean, for the oracle: nodes, addresses, approved routes.
#include <algorithm>

#include "tests/oracle/policy_oracle.h"
#include "tests/oracle/posture_reading.h"
#include "tests/oracle/selector_reading.h"

namespace kernmesh::policy {
namespace {

Prefix cidr(const char* text) { return *Prefix::parse(text); }

// Stands for nodes, each at its own addresses, rather than for addresses.
bool names_nodes(const Selector& selector) {
  switch (selector.kind) {
    case SelectorKind::kUser:
    case SelectorKind::kDomainUsers:
    case SelectorKind::kGroup:
    case SelectorKind::kTag:
      return true;
    case SelectorKind::kAutogroup:
      return !is_internet(selector) && !is_self(selector) &&
             !is_autogroup(selector, Autogroup::kDangerAll);
    default:
      return false;
  }
}

Region everything() {
  Region region;
  region.add(cidr("0.0.0.0/0"));
  region.add(cidr("::/0"));
  return region;
}

Region public_addresses() {
  Region region;
  region.add(cidr("0.0.0.0/0"));
  for (const char* text :
       {"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"}) {
    region.remove(cidr(text));
  }
  region.add(cidr("2000::/3"));
  return region;
}

}  // namespace

bool Oracle::is_approved_by_policy(const Host& host, const Prefix& route) const {
  const auto approves = [&](const std::vector<Selector>& approvers) {
    return std::any_of(approvers.begin(), approvers.end(),
                       [&](const Selector& approver) { return means(approver, host); });
  };
  if (is_exit_route(route)) return approves(document_.exit_approvers);
  for (const auto& approval : document_.route_approvals) {
    const bool is_subnet =
        approval.prefix.length() <= route.length() && approval.prefix.contains(route.address());
    if (is_subnet && approves(approval.approvers)) return true;
  }
  return false;
}

void Oracle::approve(Host& host) const {
  for (const auto& route : host.node->routes_advertised) {
    const auto& by_hand = host.node->routes_approved;
    const bool approved = std::find(by_hand.begin(), by_hand.end(), route) != by_hand.end() ||
                          is_approved_by_policy(host, route);
    auto& kind = is_exit_route(route) ? host.exits : host.subnets;
    if (approved && std::find(kind.begin(), kind.end(), route) == kind.end()) {
      kind.push_back(route);
    }
  }
}

bool Oracle::names(const std::string& handle, const User& user) const {
  const auto& groups = user.groups;
  if (std::any_of(groups.begin(), groups.end(),
                  [&](const std::string& group) { return handle == "oidc:" + group; })) {
    return true;
  }
  return is_same_word(handle, user.email) || is_same_word(handle, user.name + "@");
}

bool Oracle::means(const Selector& selector, const Host& host) const {
  const auto& tags = host.node->tags;
  if (selector.kind == SelectorKind::kTag) {
    return std::find(tags.begin(), tags.end(), selector.name) != tags.end();
  }
  if (is_autogroup(selector, Autogroup::kTagged)) return !tags.empty();
  if (host.user == nullptr) return false;
  const User& user = *host.user;
  switch (selector.kind) {
    case SelectorKind::kUser:
      return names(selector.name, user);
    case SelectorKind::kDomainUsers:
      return is_same_word(user.email.substr(user.email.find('@') + 1), selector.name);
    case SelectorKind::kGroup: {
      const auto& members = document_.groups.at(selector.name).members;
      return std::any_of(members.begin(), members.end(),
                         [&](const Located& member) { return names(member.text, user); });
    }
    case SelectorKind::kAutogroup: {
      if (selector.autogroup == Autogroup::kMember) return true;
      const std::string role = selector.name.substr(selector.name.find(':') + 1);
      return std::find(user.roles.begin(), user.roles.end(), role) != user.roles.end();
    }
    default:
      return false;
  }
}

bool Oracle::passes(const std::vector<Located>& postures, const Host& host) const {
  return std::any_of(postures.begin(), postures.end(), [&](const Located& name) {
    const auto& conditions = document_.postures.at(name.text).conditions;
    return std::all_of(conditions.begin(), conditions.end(), [&](const Condition& condition) {
      return is_met(condition, host.node->attributes);
    });
  });
}

Region Oracle::source_region(const Selector& selector) const {
  if (!is_any(selector)) return region_of(selector);
  Region region;
  for (const auto& range : overlay_) region.add(range);
  region.remove(cidr("100.115.92.0/23"));
  for (const auto& host : hosts_) {
    for (const auto& subnet : host.subnets) region.add(subnet);
  }
  return region;
}

Region Oracle::region_of(const Selector& selector) const {
  Region region;
  if (names_nodes(selector)) {
    for (const auto& host : hosts_) {
      if (!means(selector, host)) continue;
      for (const auto& address : host.node->addresses) region.add(Prefix::host(address));
    }
    return region;
  }
  if (selector.kind == SelectorKind::kPrefix) region.add(selector.prefix);
  if (selector.kind == SelectorKind::kHost) region.add(document_.hosts.at(selector.name).prefix);
  if (selector.kind == SelectorKind::kIpSet)
    return ipset_region(document_.ipsets.at(selector.name));
  if (is_internet(selector)) return public_addresses();
  if (is_autogroup(selector, Autogroup::kDangerAll)) return everything();
  return region;
}

Region Oracle::ipset_region(const IpSet& ipset) const {
  Region region;
  for (const auto& step : ipset.steps) {
    if (step.operation == IpSetOperation::kAdd) region.add(region_of(step.selector));
    if (step.operation == IpSetOperation::kRemove) region.remove(region_of(step.selector));
  }
  return region;
}

}  // namespace kernmesh::policy
