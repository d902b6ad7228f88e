// SPDX-License-Identifier: Apache-2.0
// Builds snapshots and deltas out of bytes, with small values so that they collide, and merges
// them. Whatever is accepted must be sound, and whatever is refused must leave the held map alone.
#include <cstdlib>
#include <optional>
#include <span>

#include "controller/core/netmap/merge.h"

using namespace kernmesh;          // NOLINT
using namespace kernmesh::netmap;  // NOLINT

namespace {

class Source {
 public:
  Source(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}
  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = rest_[0];
    rest_ = rest_.subspan(1);
    return value;
  }
  std::uint8_t below(std::uint8_t bound) { return static_cast<std::uint8_t>(byte() % bound); }

 private:
  std::span<const std::uint8_t> rest_;
};

void must(bool holds) {
  if (!holds) std::abort();
}

template <typename Key>
Key any_key(Source& in) {
  std::array<std::uint8_t, 32> bytes{};
  bytes[0] = in.below(16);
  return Key(bytes);
}

IpAddress any_address(Source& in) {
  if (in.below(8) != 0) return IpAddress::from_v4_bytes({100, 64, 0, in.byte()});
  if (in.below(2) == 0)
    return IpAddress::from_v4_bytes({in.byte(), in.byte(), in.byte(), in.byte()});
  std::array<std::uint8_t, 16> bytes{};
  for (const int i : {0, 1, 10, 11, 12, 15}) bytes[i] = in.byte();
  return IpAddress::from_v6_bytes(bytes);
}

NodeId any_id(Source& in) {
  const auto id = in.byte();
  return NodeId(id == 255 ? kLastNodeId + in.below(3) : id % 16);
}

std::string any_name(Source& in) {
  if (in.below(16) == 0) return std::string(in.below(70), static_cast<char>(in.byte()));
  return std::string(1, static_cast<char>('a' + in.below(20)));
}

Self any_self(Source& in) {
  Self self;
  self.id = any_id(in);
  self.name = any_name(in);
  for (int i = in.below(3); i >= 0; --i) self.addresses.push_back(any_address(in));
  self.overlay_prefixes = {Prefix::make(IpAddress::from_v4_bytes({100, 64, 0, 0}), 10).value()};
  if (in.below(4) == 0) {
    const auto prefix = Prefix::make(any_address(in), in.below(130));
    if (prefix) self.overlay_prefixes.push_back(*prefix);
  }
  return self;
}

Peer any_peer(Source& in) {
  Peer peer;
  peer.id = any_id(in);
  peer.name = any_name(in);
  peer.machine_key = any_key<MachinePublicKey>(in);
  peer.node_key = any_key<NodePublicKey>(in);
  peer.disco_key = any_key<DiscoPublicKey>(in);
  for (int i = in.below(10); i > 0; --i) peer.addresses.push_back(any_address(in));
  peer.endpoints.resize(in.below(40));
  return peer;
}

std::vector<Rule> any_rules(Source& in) {
  std::vector<Rule> rules(in.below(3));
  for (auto& rule : rules) {
    rule.id = RuleId(in.below(4));
    rule.sources = {SetId(in.below(3))};
    rule.targets = {{policy::TargetKind::kOwnAddresses, {}, {{{6}, {{in.byte(), in.byte()}}}}}};
  }
  return rules;
}

std::vector<SourceSet> any_sets(Source& in) {
  std::vector<SourceSet> sets(in.below(3));
  for (auto& set : sets) {
    set.id = SetId(in.below(3));
    for (int i = in.below(3); i > 0; --i) set.members.push_back(any_id(in));
  }
  return sets;
}

std::vector<SetChange> any_set_changes(Source& in) {
  std::vector<SetChange> changes(in.below(3));
  for (auto& change : changes) change = {SetId(in.below(3)), {any_id(in)}, {any_id(in)}};
  return changes;
}

MapVersion any_version(Source& in) { return {Epoch(in.below(3)), Revision(in.below(4))}; }

Netmap any_snapshot(Source& in) {
  Netmap map;
  map.version = any_version(in);
  map.self = any_self(in);
  for (int i = in.below(4); i > 0; --i) {
    auto peer = any_peer(in);
    const auto key = in.below(32) == 0 ? any_id(in) : peer.id;
    map.peers.emplace(key, std::move(peer));
  }
  for (auto& rule : any_rules(in)) map.rules.emplace(rule.id, rule);
  for (auto& set : any_sets(in)) map.sets.emplace(set.id, set);
  return map;
}

Delta any_delta(Source& in, const Netmap& held) {
  Delta delta;
  delta.from = in.below(8) == 0 ? any_version(in) : held.version;
  delta.to = delta.from;
  delta.to.revision = Revision(delta.from.revision.value() + in.below(3));
  if (in.below(8) == 0) delta.to = any_version(in);
  if (in.below(4) == 0) delta.self = any_self(in);
  for (int i = in.below(3); i > 0; --i) delta.upserted.push_back(any_peer(in));
  for (int i = in.below(3); i > 0; --i) delta.removed.push_back(any_id(in));
  if (in.below(4) == 0) delta.upserted_rules = any_rules(in);
  if (in.below(4) == 0) delta.removed_rules = {RuleId(in.below(4))};
  if (in.below(4) == 0) delta.upserted_sets = any_sets(in);
  if (in.below(4) == 0) delta.changed_sets = any_set_changes(in);
  return delta;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Source in(data, size);
  MergeRules rules;
  rules.own.node_key = any_key<NodePublicKey>(in);
  rules.limits.peers = 5;
  rules.limits.rules = 2;
  std::optional<Netmap> held;
  while (!in.empty()) {
    const auto before = held;
    const bool delta = held && in.below(2) == 0;
    const auto next = delta ? apply_delta(*held, any_delta(in, *held), rules)
                            : apply_snapshot(held, any_snapshot(in), rules);
    must(held == before);
    if (!next) {
      must(!next.error().message().empty());
      continue;
    }
    must(validate(*next, rules.own, rules.limits).has_value());
    must(!held || next->version >= held->version);
    held = *next;
  }
  return 0;
}
