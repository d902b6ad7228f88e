// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/compiled.h"

#include <algorithm>
#include <unordered_map>

#include "controller/core/policy/ip_set.h"
#include "controller/core/policy/sorted.h"

namespace kernmesh::policy {
namespace {

// The hash, or the next number that is free; never 0.
template <typename Id>
class IdGiver {
 public:
  Id give(std::string_view text) {
    std::uint32_t number = set_id_hash(text);
    while (number == 0 || !taken_.insert(number).second) ++number;
    return Id(number);
  }

 private:
  std::unordered_set<std::uint32_t> taken_;
};

class Compiler {
 public:
  Compiler(const Document& document, std::unordered_map<std::string, AddressSet> ipsets)
      : document_(document), ipsets_(std::move(ipsets)) {}

  CompiledPolicy run() {
    if (!document_.has_rules_key) add(allow_all());
    for (const auto& rule : document_.rules) {
      add(rule);
      add_companions(rule);
    }
    for (const auto& rule : document_.ssh) add(rule);
    for (const auto& approval : document_.route_approvals) {
      Approval compiled{approval.prefix, {}};
      for (const auto& selector : approval.approvers) {
        compiled.approvers.push_back(identity_of(selector));
      }
      policy_.route_approvals.push_back(std::move(compiled));
    }
    for (const auto& selector : document_.exit_approvers) {
      policy_.exit_approvers.push_back(identity_of(selector));
    }
    return std::move(policy_);
  }

  Identity identity_of(const Selector& selector) const {
    return policy::identity_of(document_, selector);
  }

 private:
  static Rule allow_all() {
    Rule rule;
    rule.src.emplace_back();
    rule.dst.push_back({Selector{}, {kAllPorts}});
    rule.services.push_back({default_protocols(), {}});
    return rule;
  }

  // Postures of the rule as indices, loaded on first use.
  std::vector<std::uint32_t> postures_of(const std::vector<Located>& names) {
    std::vector<std::uint32_t> indices;
    for (const auto& name : names) {
      const auto found = document_.postures.find(name.text);
      if (found == document_.postures.end()) continue;
      const auto [entry, fresh] =
          posture_index_.emplace(name.text, static_cast<std::uint32_t>(policy_.postures.size()));
      if (fresh) policy_.postures.push_back(found->second);
      indices.push_back(entry->second);
    }
    return indices;
  }

  std::uint32_t set_of(const Selector& selector, const std::string& with,
                       const std::vector<std::uint32_t>& postures, bool source) {
    std::string name = to_string(selector) + with;
    // "*" as a destination is never a set.
    const auto [entry, fresh] =
        set_index_.emplace(name, static_cast<std::uint32_t>(policy_.sets.size()));
    if (!fresh) return entry->second;
    SetDefinition set;
    set.id = set_ids_.give(name);
    set.name = std::move(name);
    set.postures = postures;
    set.identity = identity_of(selector);
    set.wildcard = source && selector.kind == SelectorKind::kAny;
    switch (selector.kind) {
      case SelectorKind::kPrefix:
        set.addresses.add(selector.prefix);
        break;
      case SelectorKind::kHost:
        set.addresses.add(document_.hosts.at(selector.name).prefix);
        break;
      case SelectorKind::kIpSet:
        set.addresses = ipsets_.at(selector.name);
        break;
      case SelectorKind::kAutogroup:
        if (selector.autogroup == Autogroup::kDangerAll) set.addresses = everything();
        break;
      default:
        break;
    }
    policy_.sets.push_back(std::move(set));
    return entry->second;
  }

  static AddressSet everything() {
    return AddressSet({*Prefix::parse("0.0.0.0/0"), *Prefix::parse("::/0")});
  }

  CompiledDestination destination_of(const Destination& destination) {
    CompiledDestination compiled;
    compiled.ports = destination.ports;
    const Selector& selector = destination.selector;
    if (selector.kind == SelectorKind::kAny) {
      compiled.kind = DestinationKind::kAny;
    } else if (is_internet(selector)) {
      compiled.kind = DestinationKind::kInternet;
    } else if (is_self(selector)) {
      compiled.kind = DestinationKind::kSelf;
    } else {
      compiled.set = set_of(selector, "", {}, /*source=*/false);
    }
    return compiled;
  }

  void add(const Rule& rule) {
    CompiledRule compiled;
    compiled.origin = rule.origin;
    compiled.index = rule.index;
    compiled.at = rule.at;
    compiled.services = rule.services;
    compiled.app = rule.app;
    const auto postures = postures_of(posture_names(rule));
    const std::string with = with_of(posture_names(rule));
    for (const auto& selector : rule.src) {
      compiled.sources.push_back(set_of(selector, with, postures, /*source=*/true));
    }
    sort_unique(compiled.sources);
    for (const auto& destination : rule.dst) {
      compiled.destinations.push_back(destination_of(destination));
    }
    for (const auto& tag : rule.via) compiled.via.push_back(tag.name);
    const std::string meaning = meaning_of(rule, with);
    compiled.id = rule_ids_.give(meaning);
    const bool self = std::any_of(rule.dst.begin(), rule.dst.end(), leads_to_self);
    compiled.self_id = self ? rule_ids_.give(meaning + " towards self") : compiled.id;
    policy_.rules.push_back(std::move(compiled));
  }

  // A drive or relay capability tells the other end too: each source learns, from each destination,
  // that it is the sharer or the target of what the destination was granted.
  void add_companions(const Rule& rule) {
    static constexpr std::pair<std::string_view, std::string_view> kCompanions[] = {
        {"tailscale.com/cap/drive", "tailscale.com/cap/drive-sharer"},
        {"tailscale.com/cap/relay", "tailscale.com/cap/relay-target"}};
    if (!rule.via.empty()) return;
    for (const auto& [granted, told] : kCompanions) {
      const auto has = [name = granted](const AppCapability& app) { return app.name == name; };
      if (std::none_of(rule.app.begin(), rule.app.end(), has)) continue;
      Rule companion = rule;
      companion.services.clear();
      companion.app = {{std::string(told), "null", rule.at}};
      const bool self = std::any_of(rule.dst.begin(), rule.dst.end(), leads_to_self);
      if (self) add(companion_to_self(companion));
      std::erase_if(companion.dst, leads_to_self);
      if (!companion.dst.empty()) add_turned(companion);
    }
  }

  static bool leads_to_self(const Destination& destination) {
    return is_self(destination.selector);
  }

  static Rule companion_to_self(Rule rule) {
    std::erase_if(rule.dst,
                  [](const Destination& destination) { return !leads_to_self(destination); });
    return rule;
  }

  // Sources and destinations change places; postures stay with who was the source.
  void add_turned(const Rule& rule) {
    CompiledRule turned;
    turned.origin = rule.origin;
    turned.index = rule.index;
    turned.at = rule.at;
    turned.app = rule.app;
    for (const auto& destination : rule.dst) {
      turned.sources.push_back(set_of(destination.selector, "", {}, /*source=*/true));
    }
    sort_unique(turned.sources);
    const auto postures = postures_of(posture_names(rule));
    for (const auto& selector : rule.src) {
      const bool any =
          selector.kind == SelectorKind::kAny || (selector.kind == SelectorKind::kAutogroup &&
                                                  selector.autogroup == Autogroup::kDangerAll);
      CompiledDestination destination;
      if (any && postures.empty()) {
        destination.kind = DestinationKind::kAny;
      } else {
        destination.set = set_of(selector, with_of(posture_names(rule)), postures, /*source=*/true);
      }
      turned.destinations.push_back(destination);
    }
    turned.id = rule_ids_.give("turned " + meaning_of(rule, with_of(posture_names(rule))));
    turned.self_id = turned.id;
    policy_.rules.push_back(std::move(turned));
  }

  const std::vector<Located>& posture_names(const Rule& rule) const {
    return rule.src_posture ? *rule.src_posture : document_.default_src_posture;
  }

  static std::string with_of(const std::vector<Located>& names) {
    std::string with;
    for (const auto& posture : names) {
      with += (with.empty() ? " with " : " or ") + posture.text;
    }
    return with;
  }

  // Nodes that are delivered an SSH rule get its sources as sets, like any other rule's. With
  // localpart:*@domain a person reaches the own devices under the same name too.
  void add(const SshRule& rule) {
    if (rule.src.empty() || rule.dst.empty()) return;
    CompiledRule compiled;
    compiled.index = rule.index;
    compiled.at = rule.at;
    compiled.ssh = SshGrant{rule.action, {}, rule.check_period, rule.accept_env};
    std::string meaning = rule.action == SshAction::kCheck ? "ssh check" : "ssh accept";
    bool localpart = false, to_self = false;
    for (const auto& user : rule.users) {
      compiled.ssh->users.push_back(user);
      localpart = localpart || user.kind == SshUserKind::kLocalpart;
      meaning += ' ' + std::to_string(static_cast<int>(user.kind)) + user.name;
    }
    const auto& names = rule.src_posture ? *rule.src_posture : document_.default_src_posture;
    for (const auto& selector : rule.src) {
      compiled.sources.push_back(
          set_of(selector, with_of(names), postures_of(names), /*source=*/true));
      meaning += ' ' + to_string(selector) + with_of(names);
    }
    meaning += " ->";
    for (const auto& selector : rule.dst) {
      compiled.destinations.push_back(destination_of({selector, {}}));
      meaning += ' ' + to_string(selector);
      to_self = to_self || compiled.destinations.back().kind == DestinationKind::kSelf;
    }
    if (localpart && !to_self) compiled.destinations.push_back({DestinationKind::kSelf, 0, {}});
    sort_unique(compiled.sources);
    if (rule.check_period) meaning += " every " + std::to_string(rule.check_period->count());
    for (const auto& variable : rule.accept_env) meaning += " env " + variable;
    compiled.id = rule_ids_.give(meaning);
    compiled.self_id = rule_ids_.give(meaning + " towards self");
    policy_.rules.push_back(std::move(compiled));
  }

  // The rule's content without its place, so that a rule that moves in the file stays itself.
  static std::string meaning_of(const Rule& rule, const std::string& with) {
    std::string text = rule.origin == RuleOrigin::kAcl ? "acl" : "grant";
    for (const auto& selector : rule.src) text += ' ' + to_string(selector);
    text += with + " ->";
    for (const auto& destination : rule.dst) {
      text += ' ' + to_string(destination.selector) + ':' + to_string(destination.ports);
    }
    for (const auto& service : rule.services) {
      text += " /";
      for (const auto protocol : service.protocols) text += ' ' + std::to_string(protocol);
      text += ':' + to_string(service.ports);
    }
    for (const auto& app : rule.app) text += " app " + app.name + '=' + app.values_json;
    for (const auto& tag : rule.via) text += " via " + tag.name;
    return text;
  }

  const Document& document_;
  std::unordered_map<std::string, AddressSet> ipsets_;
  CompiledPolicy policy_;
  std::unordered_map<std::string, std::uint32_t> set_index_;
  std::unordered_map<std::string, std::uint32_t> posture_index_;
  IdGiver<SetId> set_ids_;
  IdGiver<RuleId> rule_ids_;
};

}  // namespace

Result<CompiledPolicy> compile(const Document& document) {
  MESH_TRY_ASSIGN(auto ipsets, resolve_ipsets(document, kMaxIpSetRanges));
  return Compiler(document, std::move(ipsets)).run();
}

std::uint32_t set_id_hash(std::string_view name) {
  std::uint32_t hash = 2166136261U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash == 0 ? 1 : hash;
}

const AddressSet& internet() {
  static const AddressSet set = [] {
    AddressSet all({*Prefix::parse("0.0.0.0/0"), *Prefix::parse("2000::/3")});
    for (const char* inner :
         {"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"}) {
      all.remove(*Prefix::parse(inner));
    }
    return all;
  }();
  return set;
}

}  // namespace kernmesh::policy
