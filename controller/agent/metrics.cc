// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <initializer_list>

namespace kernmesh::agent {
namespace {

using prometheus::MetricType;

struct Label {
  const char* name = nullptr;
  std::string value;
};
using Labels = std::initializer_list<Label>;

// Families in the order in which they are first named.
class Page {
 public:
  void gauge(const char* name, const char* help, double value, Labels labels = {}) {
    prometheus::ClientMetric metric;
    metric.gauge.value = value;
    put(name, help, MetricType::Gauge, std::move(metric), labels);
  }
  void counter(const char* name, const char* help, double value, Labels labels = {}) {
    prometheus::ClientMetric metric;
    metric.counter.value = value;
    put(name, help, MetricType::Counter, std::move(metric), labels);
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  void put(const char* name, const char* help, MetricType type, prometheus::ClientMetric metric,
           Labels labels) {
    for (const auto& label : labels) metric.label.push_back({label.name, label.value});
    if (families_.empty() || families_.back().name != name) {
      auto& family = families_.emplace_back();
      family.name = name;
      family.help = help;
      family.type = type;
    }
    families_.back().metric.push_back(std::move(metric));
  }
  std::vector<prometheus::MetricFamily> families_;
};

double number(bool value) { return value ? 1 : 0; }
double number(std::uint64_t value) { return static_cast<double>(value); }

std::uint64_t packets(const std::vector<bpf::Counter>& counters, std::string_view label) {
  const auto found = std::find_if(counters.begin(), counters.end(),
                                  [&](const auto& c) { return c.reason.label == label; });
  return found == counters.end() ? 0 : found->packets;
}

void put_version(Page& page, const AgentNumbers& numbers) {
  const std::pair<const char*, MapVersion> versions[] = {{"received", numbers.received},
                                                         {"applied", numbers.applied}};
  for (const auto& [which, version] : versions)
    page.gauge("kernmesh_agent_netmap_epoch", "Epoch of the netmap.",
               number(std::uint64_t{version.epoch.value()}), {{"map", which}});
  for (const auto& [which, version] : versions)
    page.gauge("kernmesh_agent_netmap_revision", "Revision of the netmap.",
               number(std::uint64_t{version.revision.value()}), {{"map", which}});
}

void put_mapping(Page& page, const AgentNumbers& numbers) {
  using portmap::Protocol;
  constexpr std::pair<Protocol, const char*> kLabels[] = {
      {Protocol::kPcp, "pcp"}, {Protocol::kNatPmp, "nat-pmp"}, {Protocol::kUpnp, "upnp"}};
  for (const auto& [protocol, label] : kLabels)
    page.gauge("kernmesh_agent_port_mapping",
               "1: the gateway forwards a port to this node, asked by that protocol.",
               number(numbers.mapped_by == protocol), {{"protocol", label}});
}

void put_packets(Page& page, const NodeNumbers& node) {
  for (const auto& counter : node.underlay)
    page.counter("kernmesh_agent_underlay_packets_total",
                 "WireGuard's packets and what came with them, by how they ended.",
                 number(counter.packets), {{"reason", std::string(counter.reason.label)}});
  for (const auto& counter : node.acl)
    page.counter("kernmesh_agent_acl_packets_total", "Packets inside the mesh, by verdict.",
                 number(counter.packets), {{"reason", std::string(counter.reason.label)}});
}

void put_streams(Page& page, const StreamNumbers& streams) {
  constexpr const char* kStreams = "kernmesh_agent_tls_relays";
  constexpr const char* kHelp = "Relays that are reached over TLS.";
  page.gauge(kStreams, kHelp, number(streams.connected), {{"state", "connected"}});
  page.gauge(kStreams, kHelp, number(streams.unconnected), {{"state", "unconnected"}});
  page.counter("kernmesh_agent_tls_received_packets_total",
               "WireGuard's packets that came over TLS.", number(streams.rx_packets));
  page.counter("kernmesh_agent_tls_sent_packets_total", "WireGuard's packets that went over TLS.",
               number(streams.tx_packets));
  page.counter("kernmesh_agent_tls_received_bytes_total", "Their bytes.", number(streams.rx_bytes));
  page.counter("kernmesh_agent_tls_sent_bytes_total", "Their bytes.", number(streams.tx_bytes));
}

void put_flows(Page& page, const NodeNumbers& node) {
  constexpr const char* kEntries = "kernmesh_agent_flows";
  constexpr const char* kHelp = "Flows that are remembered, by who opened them.";
  page.gauge(kEntries, kHelp, number(node.flows.opened), {{"opener", "this_node"}});
  page.gauge(kEntries, kHelp, number(node.flows.served), {{"opener", "peer"}});
  page.gauge("kernmesh_agent_flows_max", "Room for flows of each kind.",
             number(std::uint64_t{node.max_flows}));
  const std::uint64_t opened = packets(node.acl, "out_opened");
  page.counter("kernmesh_agent_flows_forgotten_total",
               "Flows of this node that newer ones took the place of.",
               number(opened - std::min(opened, node.flows.opened)));
  page.counter("kernmesh_agent_flows_not_remembered_total",
               "Flows of this node that found no room.", number(packets(node.acl, "out_no_state")));
}

const char* path_label(path::PathKind kind) {
  switch (kind) {
    case path::PathKind::kDirect:
      return "direct";
    case path::PathKind::kRelayed:
      return "relay";
    case path::PathKind::kNone:
      break;
  }
  return "none";
}

void put_peer_series(Page& page, const NodeNumbers& node) {
  page.gauge("kernmesh_agent_peers_told",
             "Peers that have series of their own; 0 when there are too many of them.",
             number(std::uint64_t{node.peers.size()}));
  for (const auto& peer : node.peers)
    page.gauge("kernmesh_agent_peer_path", "Always 1; the kind of path is a label.", 1,
               {{"peer", peer.name}, {"path", path_label(peer.path)}});
  for (const auto& peer : node.peers)
    if (peer.latency)
      page.gauge("kernmesh_agent_peer_latency_seconds", "Round trip on the path to the peer.",
                 std::chrono::duration<double>(*peer.latency).count(), {{"peer", peer.name}});
  for (const auto& peer : node.peers)
    if (peer.loss)
      page.gauge("kernmesh_agent_peer_loss_ratio",
                 "Share of the probes on that path within two minutes that had no answer.",
                 *peer.loss, {{"peer", peer.name}});
  for (const auto& peer : node.peers)
    page.counter("kernmesh_agent_peer_received_bytes_total",
                 "WireGuard's bytes that came from the peer.", number(peer.rx_bytes),
                 {{"peer", peer.name}});
  for (const auto& peer : node.peers)
    page.counter("kernmesh_agent_peer_sent_bytes_total", "WireGuard's bytes that went to the peer.",
                 number(peer.tx_bytes), {{"peer", peer.name}});
}

void put_policy(Page& page, const NodeNumbers& node) {
  page.gauge("kernmesh_agent_policy_generation", "Policies that were put into the kernel.",
             number(std::uint64_t{node.generation}));
  page.gauge("kernmesh_agent_policy_rules", "Rules of the policy in the kernel.",
             number(std::uint64_t{node.rules}));
  page.gauge("kernmesh_agent_policy_image_bytes", "Size of its tables.", number(node.image_bytes));
  page.gauge("kernmesh_agent_policy_failed",
             "1: the newest policy could not be put into the kernel, the one before is in force.",
             number(!node.is_policy_in_force));
  page.gauge("kernmesh_agent_policy_failure_timestamp_seconds",
             "When that happened last, in seconds since 1970; 0: never.",
             static_cast<double>(node.policy_failed_at.time_since_epoch().count()));
}

}  // namespace

void put_lock(Page& page, const LockNumbers& lock) {
  page.gauge("kernmesh_agent_lock_in_force", "1: peers are taken in only with a signature.",
             number(lock.is_in_force));
  page.gauge("kernmesh_agent_lock_statement", "Number of the newest statement of the lock here.",
             number(lock.statements));
  page.gauge("kernmesh_agent_lock_refused",
             "1: the server's lock is not the one that was verified here.",
             number(lock.is_refused));
  page.gauge("kernmesh_agent_lock_endorsed", "1: this node's peers take it in under the lock.",
             number(lock.is_endorsed));
  page.gauge("kernmesh_agent_lock_left_out_peers", "Peers that the lock leaves out.",
             number(lock.left_out));
}

std::string render_metrics(const AgentNumbers& numbers) {
  Page page;
  page.gauge("kernmesh_agent_build_info", "Always 1; the version is a label.", 1,
             {{"version", KERNMESH_VERSION}});
  page.gauge("kernmesh_agent_up", "1: the node takes part in the mesh.",
             number(numbers.node.has_value()));
  page.gauge("kernmesh_agent_connected", "1: connected to the server.", number(numbers.connected));
  page.gauge("kernmesh_agent_problems", "Lines marked with ! in `meshadm status`.",
             number(numbers.problems));
  put_version(page, numbers);
  put_lock(page, numbers.lock);
  if (!numbers.node) return page.text();
  constexpr const char* kPeers = "kernmesh_agent_peers";
  constexpr const char* kHelp = "Peers, by the kind of path to them.";
  page.gauge(kPeers, kHelp, number(numbers.node->direct_peers), {{"path", "direct"}});
  page.gauge(kPeers, kHelp, number(numbers.node->relayed_peers), {{"path", "relay"}});
  page.gauge(kPeers, kHelp, number(numbers.node->pathless_peers), {{"path", "none"}});
  page.gauge("kernmesh_agent_key_expiry_timestamp_seconds",
             "When this node's key expires, in seconds since 1970; 0: never.",
             static_cast<double>(numbers.node->key_expires_at.time_since_epoch().count()));
  put_peer_series(page, *numbers.node);
  put_mapping(page, numbers);
  put_policy(page, *numbers.node);
  put_packets(page, *numbers.node);
  put_streams(page, numbers.node->streams);
  put_flows(page, *numbers.node);
  return page.text();
}

}  // namespace kernmesh::agent
