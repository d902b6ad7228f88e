// SPDX-License-Identifier: Apache-2.0
#include "controller/server/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace kernmesh::server {
namespace {

prometheus::MetricFamily gauge(const char* name, const char* help) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = prometheus::MetricType::Gauge;
  return family;
}

void add(prometheus::MetricFamily& family, double value, const char* label = nullptr,
         const char* label_value = "") {
  prometheus::ClientMetric metric;
  metric.gauge.value = value;
  if (label != nullptr) metric.label.push_back({label, label_value});
  family.metric.push_back(std::move(metric));
}

}  // namespace

std::string render_metrics(const Directory& directory, const Presence& presence,
                           const PolicyCounts& policies, WallTime certificate_expires_at) {
  auto build = gauge("kernmesh_server_build_info", "Always 1; the version is a label.");
  add(build, 1, "version", KERNMESH_VERSION);
  auto nodes = gauge("kernmesh_server_nodes", "Nodes by state.");
  auto users = gauge("kernmesh_server_users", "Users.");
  auto keys = gauge("kernmesh_server_join_keys", "Join keys, also those that let nobody in.");
  auto tokens = gauge("kernmesh_server_api_tokens", "API tokens, also expired ones.");
  auto revision = gauge("kernmesh_server_network_revision", "Newest revision that nodes hear of.");
  auto behind = gauge("kernmesh_server_nodes_behind",
                      "Connected nodes that have not applied what concerns them.");
  auto policy = gauge("kernmesh_server_policy_revision", "The policy in force.");
  auto rules = gauge("kernmesh_server_policy_rules", "Rules of the policy in force.");
  auto sets = gauge("kernmesh_server_policy_sets", "Names that its rules are about.");
  auto compile = gauge("kernmesh_server_policy_compile_seconds",
                       "What reading, compiling and testing the last policy took.");
  auto rejected = gauge("kernmesh_server_policies_rejected_total",
                        "Policies that were not put in force, since the start.");
  rejected.type = prometheus::MetricType::Counter;
  const auto online = presence.online();
  directory.read([&](const View& view) {
    double expired = 0, late = 0;
    for (const auto& [id, record] : view.nodes) {
      if (record.node.state == topology::NodeState::kExpired) ++expired;
      const auto facts = presence.facts_of(id).value_or(record.facts);
      if (online.contains(id) && view.network.is_behind(id, facts.applied, view.network.version()))
        ++late;
    }
    add(nodes, static_cast<double>(view.nodes.size()) - expired, "state", "approved");
    add(nodes, expired, "state", "expired");
    add(users, static_cast<double>(view.users.size()));
    add(keys, static_cast<double>(view.join_keys.size()));
    add(tokens, static_cast<double>(view.tokens.size()));
    add(revision, static_cast<double>(view.network.version().revision.value()));
    add(behind, late);
    const auto& compiled = *view.policy.compiled;
    add(policy, compiled.revision);
    add(rules, static_cast<double>(compiled.rules.size()));
    add(sets, static_cast<double>(compiled.sets.size()));
  });
  add(compile, policies.compile_seconds);
  prometheus::ClientMetric refused;
  refused.counter.value = static_cast<double>(policies.rejected);
  rejected.metric.push_back(std::move(refused));
  auto streams = gauge("kernmesh_server_watch_streams", "Connected nodes.");
  add(streams, static_cast<double>(online.size()));
  auto expiry = gauge("kernmesh_server_certificate_expiry_seconds",
                      "When the server's certificate expires, in seconds since 1970.");
  add(expiry, static_cast<double>(certificate_expires_at.time_since_epoch().count()));
  return prometheus::TextSerializer().Serialize({build, nodes, users, keys, tokens, revision,
                                                 behind, streams, expiry, policy, rules, sets,
                                                 compile, rejected});
}

}  // namespace kernmesh::server
