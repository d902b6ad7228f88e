// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/open_rules.h"

#include <algorithm>
#include <utility>

namespace kernmesh::maplayout {
namespace {

class RuleReader {
 public:
  explicit RuleReader(const AclInput& input) : input_(input) {}

  OpenRules run() {
    rules_.rules.reserve(input_.rules.size());
    rules_.targets.reserve(input_.rules.size());
    rules_.target_services.reserve(input_.rules.size());
    rules_.services.reserve(input_.rules.size() + 1);
    sources_.reserve(input_.rules.size());
    std::vector<const policy::SliceRule*> all;
    all.reserve(input_.rules.size());
    sets_.reserve(input_.sets.size());
    auto next = input_.rules.begin();
    auto next_set = input_.sets.begin();
    for (std::size_t i = 0;; ++i) {
      // Beside the rules, for the two walks then wait for memory at the same time.
      if (next_set != input_.sets.end()) list_set(next_set++->second);
      for (; all.size() < i + kAhead && next != input_.rules.end(); ++next) {
        if (next->second.ssh) continue;
        all.push_back(&next->second);
        __builtin_prefetch(next->second.sources.data());
        __builtin_prefetch(next->second.targets.data());
      }
      if (i == all.size()) break;
      fetch_ahead(all, i);
      add(*all[i]);
    }
    for (; next_set != input_.sets.end(); ++next_set) list_set(next_set->second);
    number_sets();
    return std::move(rules_);
  }

 private:
  // A rule is six pieces of memory, each found through the one before: waiting for them one after
  // the other was most of the reading of 10,000 rules. So each is asked for some rules ahead.
  static constexpr std::size_t kAhead = 24;

  static void fetch_ahead(const std::vector<const policy::SliceRule*>& all, std::size_t i) {
    if (i + 2 * kAhead / 3 < all.size()) {
      const auto& targets = all[i + 2 * kAhead / 3]->targets;
      if (!targets.empty()) __builtin_prefetch(targets.front().services.data());
    }
    if (i + kAhead / 3 >= all.size()) return;
    const auto& targets = all[i + kAhead / 3]->targets;
    if (targets.empty() || targets.front().services.empty()) return;
    __builtin_prefetch(targets.front().services.front().protocols.data());
    __builtin_prefetch(targets.front().services.front().ports.data());
  }

  void list_set(const policy::SourceSet& set) {
    sets_.emplace_back(set.id, HeldSet{set.members, set.prefixes});
  }

  void add(const policy::SliceRule& rule) {
    const auto first = static_cast<std::uint32_t>(rules_.targets.size());
    for (const auto& target : rule.targets) {
      if (!target.services.empty()) add(target);
    }
    const auto count = static_cast<std::uint32_t>(rules_.targets.size()) - first;
    if (count == 0) return;
    const auto place = static_cast<std::uint32_t>(rules_.rules.size());
    rules_.rules.push_back({rule.id, rule.line, rule.policy_revision, {first, count}});
    for (const auto set : rule.sources) sources_.emplace_back(set, place);
  }

  void add(const policy::Target& target) {
    OpenTarget open;
    open.shape = shape_of(target);
    open.services.first = static_cast<std::uint32_t>(rules_.target_services.size());
    for (const auto& service : target.services) {
      rules_.target_services.push_back(number_of(service));
    }
    open.services.count =
        static_cast<std::uint32_t>(rules_.target_services.size()) - open.services.first;
    rules_.targets.push_back(open);
  }

  std::uint32_t shape_of(const policy::Target& target) {
    const auto& shapes = rules_.shapes;
    if (!shapes.empty() && target.kind != policy::TargetKind::kPrefixes &&
        shapes.front().kind == target.kind) {
      return 0;  // as nearly every target
    }
    words_.assign(1, static_cast<std::uint32_t>(target.kind));
    if (target.kind == policy::TargetKind::kPrefixes) {
      for (const auto& prefix : target.prefixes) append(prefix);
    }
    // The empty list has the number 0, and no shape is an empty list.
    const std::uint32_t shape = shapes_.intern(words_) - 1;
    if (shape == rules_.shapes.size()) rules_.shapes.push_back({target.kind, &target.prefixes});
    return shape;
  }

  void append(const Prefix& prefix) {
    const auto& bytes = prefix.address().bytes();
    words_.push_back(static_cast<std::uint32_t>(prefix.address().bits() * 256 + prefix.length()));
    for (std::size_t i = 0; i < 16; i += 4) {
      words_.push_back(std::uint32_t{bytes[i]} << 24 | std::uint32_t{bytes[i + 1]} << 16 |
                       std::uint32_t{bytes[i + 2]} << 8 | bytes[i + 3]);
    }
  }

  std::uint32_t number_of(const policy::Service& service) {
    const bool is_all = std::find(service.ports.begin(), service.ports.end(), policy::kAllPorts) !=
                        service.ports.end();
    words_ = {is_all ? 1u : 0u, static_cast<std::uint32_t>(service.protocols.size())};
    words_.insert(words_.end(), service.protocols.begin(), service.protocols.end());
    for (const auto& range : service.ports) {
      if (range.first <= range.last) {
        words_.push_back(std::uint32_t{range.first} << 16 | range.last);
      }
    }
    return rules_.services.intern(words_);
  }

  // Pairs by set, in it by rule; then both become runs.
  void number_sets() {
    if (!std::is_sorted(sources_.begin(), sources_.end()))
      std::sort(sources_.begin(), sources_.end());
    sources_.erase(std::unique(sources_.begin(), sources_.end()), sources_.end());
    rules_.rules_by_set.reserve(sources_.size());
    rules_.sets.reserve(input_.sets.size());
    rules_.held.reserve(input_.sets.size());
    rules_.set_rules.reserve(input_.sets.size());
    auto held = sets_.begin();
    for (const auto& [set, rule] : sources_) {
      if (rules_.sets.empty() || rules_.sets.back() != set) {
        while (held != sets_.end() && held->first < set) ++held;
        const bool is_held = held != sets_.end() && held->first == set;
        rules_.sets.push_back(set);
        rules_.held.push_back(is_held ? held->second : HeldSet());
        rules_.set_rules.push_back({static_cast<std::uint32_t>(rules_.rules_by_set.size()), 0});
      }
      rules_.rules_by_set.push_back(rule);
      ++rules_.set_rules.back().count;
    }
  }

  const AclInput& input_;
  OpenRules rules_;
  ListInterner shapes_;
  std::vector<std::uint32_t> words_;
  std::vector<std::pair<policy::SetId, std::uint32_t>> sources_;
  std::vector<std::pair<policy::SetId, HeldSet>> sets_;  // of the netmap, ascending
};

}  // namespace

OpenService to_service(std::span<const std::uint32_t> words) {
  const std::size_t protocols = words[1];
  return {words[0] != 0, words.subspan(2, protocols), words.subspan(2 + protocols)};
}

OpenRules open_rules(const AclInput& input) { return RuleReader(input).run(); }

}  // namespace kernmesh::maplayout
