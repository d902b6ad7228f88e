// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/acl_report.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>

#include "controller/bpf/convert.h"
#include "controller/core/maplayout/acl_verdict.h"
#include "controller/core/maplayout/image_view.h"
#include "controller/core/netmap/rule_words.h"
#include "controller/core/policy/service.h"
#include "controller/rpc/convert.h"

namespace kernmesh::agent {
namespace {

using maplayout::AclOutcome;
using mesh::v1::AclExplainResponse;
using mesh::v1::AclFlow;

constexpr std::size_t kMostSources = 16;  // proto/mesh/v1/local.proto
// A table whose rules all come near is no help to anybody.
constexpr std::size_t kMostNear = 8;

mesh_acl_extent extent_of(std::span<const mesh_acl_line> image) {
  return maplayout::ImageView(image)
      .at<mesh_acl_extent>(maplayout::kExtentLine, 0)
      .value_or(mesh_acl_extent{});
}

std::uint32_t generation_of(std::span<const mesh_acl_line> image) {
  const auto header = maplayout::ImageView(image).at<mesh_acl_header>(0, 0);
  return header ? header->generation : 0;
}

mesh::v1::MapVersion version_of(const mesh_acl_extent& extent) {
  return rpc::to_proto(MapVersion{Epoch(extent.epoch), Revision(extent.revision)});
}

// The rules that the image holds, by counter slot.
std::map<std::uint32_t, mesh_acl_rule> rules_in(std::span<const mesh_acl_line> image) {
  std::map<std::uint32_t, mesh_acl_rule> rules;
  const maplayout::ImageView view(image);
  const auto extent = extent_of(image);
  for (std::uint32_t slot = 1; slot < extent.rule_count; ++slot) {
    const auto rule = view.at<mesh_acl_rule>(extent.rules, slot);
    if (!rule) break;
    if (rule->id != 0) rules.emplace(slot, *rule);
  }
  return rules;
}

class RuleReport {
 public:
  RuleReport(const AclFacts& facts, std::span<const bpf::RuleCount> counts)
      : facts_(facts), counts_(counts), rules_(rules_in(facts.image)) {}

  const std::map<std::uint32_t, mesh_acl_rule>& rules() const { return rules_; }

  mesh::v1::AclRule of_slot(std::uint32_t slot) const {
    mesh::v1::AclRule out;
    const auto found = rules_.find(slot);
    if (found == rules_.end()) return out;
    out.set_id(found->second.id);
    out.set_line(found->second.line);
    out.set_policy_revision(found->second.policy_revision);
    if (slot < counts_.size()) {
      out.set_packets(counts_[slot].packets);
      out.set_bytes(counts_[slot].bytes);
    }
    tell(RuleId(found->second.id), out);
    return out;
  }

  // Of these those that the image has: a newer netmap may not be in force.
  void add_near(const std::vector<const netmap::Rule*>& near,
                google::protobuf::RepeatedPtrField<mesh::v1::AclRule>& to) const {
    for (const auto& [slot, rule] : rules_) {
      if (static_cast<std::size_t>(to.size()) == kMostNear) return;
      const RuleId id(rule.id);
      const bool is_near = std::any_of(near.begin(), near.end(),
                                       [id](const netmap::Rule* one) { return one->id == id; });
      if (is_near) *to.Add() = of_slot(slot);
    }
  }

 private:
  void tell(RuleId id, mesh::v1::AclRule& out) const {
    if (facts_.map == nullptr) return;
    const auto rule = facts_.map->rules.find(id);
    if (rule == facts_.map->rules.end()) return;
    const auto words = netmap::words_of(*facts_.map, rule->second, kMostSources);
    out.set_source_count(words.source_count);
    for (const auto& text : words.sources) out.add_sources(text);
    for (const auto& text : words.destinations) out.add_destinations(text);
    for (const auto& text : words.services) out.add_services(text);
  }

  const AclFacts& facts_;
  std::span<const bpf::RuleCount> counts_;
  std::map<std::uint32_t, mesh_acl_rule> rules_;
};

// An address of the list, of the wanted family when there is one.
Result<IpAddress> pick(const std::vector<IpAddress>& addresses, std::optional<IpFamily> family,
                       const std::string& whose) {
  for (const auto& address : addresses) {
    if (!family || address.family() == *family) return address;
  }
  return Error(ErrorCode::kInvalid, whose + " has no address of the same family as the other end");
}

Result<IpAddress> destination_address(const netmap::Netmap& map, const std::string& text,
                                      std::optional<IpFamily> family) {
  if (text.empty() || text == map.self.name) return pick(map.self.addresses, family, "this node");
  if (const auto address = IpAddress::parse(text)) return *address;
  return Error(ErrorCode::kInvalid,
               "\"" + text.substr(0, 80) +
                   "\" is neither an address nor this node's name: what arrives elsewhere is that "
                   "node's to say; ask there, or ask `meshadm policy explain`");
}

Result<IpAddress> source_address(const netmap::Netmap& map, const std::string& text,
                                 std::optional<IpFamily> family) {
  for (const auto& [id, peer] : map.peers) {
    if (peer.name == text) return pick(peer.addresses, family, peer.name);
  }
  if (const auto address = IpAddress::parse(text)) return *address;
  return Error(ErrorCode::kNotFound, "no peer \"" + text.substr(0, 80) +
                                         "\" in this node's netmap; `meshadm status` lists them");
}

std::optional<IpFamily> family_of(const std::string& text) {
  const auto address = IpAddress::parse(text);
  return address ? std::optional(address->family()) : std::nullopt;
}

Result<policy::Packet> packet_of(const netmap::Netmap& map,
                                 const mesh::v1::AclExplainRequest& request) {
  if (request.port() > 65'535 || request.protocol() > 255) {
    return Error(ErrorCode::kInvalid, "a port ends with 65535 and a protocol's number with 255");
  }
  policy::Packet packet;
  packet.protocol = static_cast<std::uint8_t>(request.protocol());
  packet.port = static_cast<std::uint16_t>(request.port());
  MESH_TRY_ASSIGN(packet.source,
                  source_address(map, request.source(), family_of(request.destination())));
  MESH_TRY_ASSIGN(packet.destination,
                  destination_address(map, request.destination(), packet.source.family()));
  if (packet.source.family() != packet.destination.family()) {
    return Error(ErrorCode::kInvalid, to_string(packet.source) + " and " +
                                          to_string(packet.destination) +
                                          " are not of the same family");
  }
  return packet;
}

AclExplainResponse::Outcome to_proto(AclOutcome outcome) {
  switch (outcome) {
    case AclOutcome::kAllowed:
      return AclExplainResponse::OUTCOME_ALLOWED;
    case AclOutcome::kDenied:
      return AclExplainResponse::OUTCOME_DENIED;
    case AclOutcome::kUnknownSource:
      return AclExplainResponse::OUTCOME_UNKNOWN_SOURCE;
    case AclOutcome::kNotOurs:
      return AclExplainResponse::OUTCOME_NOT_OURS;
    case AclOutcome::kBadImage:
      break;
  }
  return AclExplainResponse::OUTCOME_UNSPECIFIED;
}

void fill_flow(const bpf::Flow& flow, std::uint64_t now_ns, AclFlow& out) {
  constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
  const auto age_s = [now_ns](std::uint64_t at_ns) {
    return static_cast<std::uint32_t>(now_ns > at_ns ? (now_ns - at_ns) / kNsPerSecond : 0);
  };
  out.set_opener(flow.opener == bpf::Opener::kThisNode ? AclFlow::OPENER_THIS_NODE
                                                       : AclFlow::OPENER_PEER);
  out.set_state(flow.state.state == MESH_FLOW_CLOSING   ? AclFlow::STATE_CLOSING
                : flow.state.state == MESH_FLOW_REPLIED ? AclFlow::STATE_REPLIED
                                                        : AclFlow::STATE_OPENED);
  out.set_protocol(flow.key.protocol);
  out.set_local(rpc::to_wire(bpf::from_abi(flow.key.local)));
  out.set_remote(rpc::to_wire(bpf::from_abi(flow.key.remote)));
  out.set_local_port(bpf::port_from_be(flow.key.local_port).value());
  out.set_remote_port(bpf::port_from_be(flow.key.remote_port).value());
  out.set_age_s(age_s(flow.state.opened_ns));
  out.set_idle_s(age_s(flow.state.seen_ns));
}

void fill_rule(std::span<const mesh_acl_line> image,
               const std::map<std::uint32_t, mesh_acl_rule>& rules, const mesh_flow_key& key,
               AclFlow& out) {
  if (image.empty()) return;
  const auto port = policy::has_ports(key.protocol) ? bpf::port_from_be(key.local_port) : Port();
  const auto verdict = maplayout::judge(
      image, {bpf::from_abi(key.remote), bpf::from_abi(key.local), key.protocol, port.value()});
  const auto rule = rules.find(verdict.slot);
  if (verdict.outcome != AclOutcome::kAllowed || rule == rules.end()) return;
  out.set_rule_line(rule->second.line);
  out.set_policy_revision(rule->second.policy_revision);
}

}  // namespace

std::uint32_t counter_slots(std::span<const mesh_acl_line> image) {
  return extent_of(image).rule_count;
}

mesh::v1::AclShowResponse report_rules(const AclFacts& facts,
                                       std::span<const bpf::RuleCount> counts) {
  mesh::v1::AclShowResponse response;
  const RuleReport report(facts, counts);
  for (const auto& [slot, rule] : report.rules()) *response.add_rules() = report.of_slot(slot);
  std::sort(response.mutable_rules()->begin(), response.mutable_rules()->end(),
            [](const auto& a, const auto& b) {
              return std::tuple(a.line(), a.id()) < std::tuple(b.line(), b.id());
            });
  response.set_generation(generation_of(facts.image));
  *response.mutable_version() = version_of(extent_of(facts.image));
  return response;
}

Result<AclExplainResponse> explain(const AclFacts& facts,
                                   const mesh::v1::AclExplainRequest& request,
                                   std::span<const bpf::RuleCount> counts) {
  if (facts.map == nullptr)
    return Error(ErrorCode::kUnavailable, "this node has no netmap yet; see `meshadm status`");
  MESH_TRY_ASSIGN(const auto packet, packet_of(*facts.map, request));
  AclExplainResponse response;
  response.set_source(rpc::to_wire(packet.source));
  response.set_destination(rpc::to_wire(packet.destination));
  if (const auto* owner = netmap::owner_of(*facts.map, packet.source)) {
    response.set_source_name(owner->name);
    response.set_source_user(owner->user_name);
  }
  if (facts.image.empty()) {
    response.set_outcome(AclExplainResponse::OUTCOME_NO_POLICY);
    return response;
  }
  if (facts.stale) {
    response.set_outcome(AclExplainResponse::OUTCOME_STALE);
    return response;
  }
  const auto verdict = maplayout::judge(facts.image, packet);
  if (verdict.outcome == AclOutcome::kBadImage)
    return Error(ErrorCode::kCorrupt, "the policy in the kernel is not one of this build");
  response.set_outcome(to_proto(verdict.outcome));
  const RuleReport report(facts, counts);
  if (verdict.outcome == AclOutcome::kAllowed) {
    *response.mutable_rule() = report.of_slot(verdict.slot);
  } else if (verdict.outcome == AclOutcome::kDenied) {
    const auto near = netmap::near_rules(*facts.map, packet);
    report.add_near(near.from_source, *response.mutable_from_source());
    report.add_near(near.to_destination, *response.mutable_to_destination());
  }
  return response;
}

std::uint32_t rule_count(std::span<const mesh_acl_line> image) {
  return static_cast<std::uint32_t>(rules_in(image).size());
}

mesh::v1::AclStatsResponse report_stats(const AclFacts& facts, const AclTraffic& traffic) {
  mesh::v1::AclStatsResponse response;
  for (const auto& counter : traffic.counters) {
    auto& out = *response.add_counters();
    out.set_label(std::string(counter.reason.label));
    out.set_meaning(std::string(counter.reason.meaning));
    out.set_packets(counter.packets);
  }
  const auto extent = extent_of(facts.image);
  const auto header =
      maplayout::ImageView(facts.image).at<mesh_acl_header>(0, 0).value_or(mesh_acl_header{});
  response.set_generation(header.generation);
  *response.mutable_version() = version_of(extent);
  response.set_image_bytes(facts.image.size_bytes());
  response.set_source_classes(extent.source_classes);
  response.set_destination_classes(header.destination_classes);
  response.set_port_classes(extent.port_classes);
  response.set_rules(rule_count(facts.image));
  const auto opened =
      std::count_if(traffic.flows.begin(), traffic.flows.end(),
                    [](const bpf::Flow& flow) { return flow.opener == bpf::Opener::kThisNode; });
  response.set_opened_flows(static_cast<std::uint32_t>(opened));
  response.set_served_flows(static_cast<std::uint32_t>(traffic.flows.size()) -
                            static_cast<std::uint32_t>(opened));
  response.set_max_flows(traffic.max_flows);
  return response;
}

std::vector<AclFlow> report_flows(const AclFacts& facts, std::span<const bpf::Flow> flows,
                                  std::uint64_t now_ns) {
  std::unordered_map<IpAddress, const netmap::Peer*> owners;
  if (facts.map != nullptr) {
    for (const auto& [id, peer] : facts.map->peers) {
      for (const auto& address : peer.addresses) owners.emplace(address, &peer);
    }
  }
  const auto rules = rules_in(facts.image);
  std::vector<const bpf::Flow*> order;
  for (const auto& flow : flows) order.push_back(&flow);
  std::stable_sort(order.begin(), order.end(), [](const bpf::Flow* a, const bpf::Flow* b) {
    return a->state.seen_ns > b->state.seen_ns;
  });
  std::vector<AclFlow> report;
  report.reserve(order.size());
  for (const auto* flow : order) {
    auto& out = report.emplace_back();
    fill_flow(*flow, now_ns, out);
    const auto owner = owners.find(bpf::from_abi(flow->key.remote));
    if (owner != owners.end()) {
      out.set_peer_name(owner->second->name);
      out.set_peer_user(owner->second->user_name);
    }
    if (flow->opener == bpf::Opener::kPeer) fill_rule(facts.image, rules, flow->key, out);
  }
  return report;
}

}  // namespace kernmesh::agent
