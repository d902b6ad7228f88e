// SPDX-License-Identifier: Apache-2.0
#include "controller/server/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <map>

#include "controller/core/topology/node_life.h"
#include "controller/server/lock_plan.h"

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

prometheus::MetricFamily counter(const char* name, const char* help) {
  auto family = gauge(name, help);
  family.type = prometheus::MetricType::Counter;
  return family;
}

void count(prometheus::MetricFamily& family, std::uint64_t times, const char* label = nullptr,
           const std::string& label_value = "") {
  prometheus::ClientMetric metric;
  metric.counter.value = static_cast<double>(times);
  if (label != nullptr) metric.label.push_back({label, label_value});
  family.metric.push_back(std::move(metric));
}

void put_sign_ins(const SignInCounts& counts, std::vector<prometheus::MetricFamily>& families) {
  auto started = counter("kernmesh_server_sign_ins_started_total", "People asked to sign in.");
  count(started, counts.started);
  auto completed = counter("kernmesh_server_sign_ins_completed_total",
                           "People who did, and may bring their machine in.");
  count(completed, counts.completed);
  auto denied = counter("kernmesh_server_sign_ins_denied_total", "Sign-ins that came to nothing.");
  for (const auto& [reason, times] : counts.denied) count(denied, times, "reason", reason);
  auto failures = counter("kernmesh_server_sign_in_provider_errors_total",
                          "Questions that the provider did not answer, or not as it should.");
  count(failures, counts.provider.failures);
  auto keys = counter("kernmesh_server_sign_in_key_fetches_total",
                      "Times that the provider's signing keys were read.");
  count(keys, counts.provider.key_fetches);
  families.insert(families.end(), {started, completed, denied, failures, keys});
}

struct NodeCounts {
  std::map<topology::NodeState, double> by_state{{topology::NodeState::kPending, 0},
                                                 {topology::NodeState::kApproved, 0},
                                                 {topology::NodeState::kExpired, 0}};
  double expiring = 0;
  double shared = 0;
  double locked_out = 0;

  void count(const View& view, const topology::Node& node, WallTime now) {
    if (!lock_problem(view, node).empty()) locked_out += 1;
    by_state[node.state] += 1;
    if (key_expires_soon(node, now)) expiring += 1;
    if (node.machine_key_shared_at != WallTime{}) shared += 1;
  }

  void put(std::vector<prometheus::MetricFamily>& families) const {
    auto nodes = gauge("kernmesh_server_nodes", "Nodes by state.");
    for (const auto& [state, count] : by_state) {
      add(nodes, count, "state", topology::to_string(state).data());
    }
    auto soon = gauge("kernmesh_server_nodes_expiring", "Nodes whose key ends within 14 days.");
    add(soon, expiring);
    auto twice = gauge("kernmesh_server_nodes_with_shared_key",
                       "Nodes whose machine key two machines have used within a day.");
    add(twice, shared);
    auto out = gauge("kernmesh_server_nodes_locked_out",
                     "Nodes that their peers do not take in under the network lock.");
    add(out, locked_out);
    families.insert(families.end(), {nodes, soon, twice, out});
  }
};

bool is_behind(const View& view, const Presence& presence, const store::NodeRecord& record) {
  const auto facts = presence.facts_of(record.node.id).value_or(record.facts);
  return view.network.is_behind(record.node.id, facts.applied, view.network.version());
}

}  // namespace

std::string render_metrics(const Directory& directory, const Presence& presence,
                           const PolicyCounts& policies, const CertificateTime& time,
                           const SignInDesk* sign_ins) {
  const WallTime now = time.now;
  auto build = gauge("kernmesh_server_build_info", "Always 1; the version is a label.");
  add(build, 1, "version", KERNMESH_VERSION);
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
  auto rejected = counter("kernmesh_server_policies_rejected_total",
                          "Policies that were not put in force, since the start.");
  const auto online = presence.online();
  NodeCounts counts;
  directory.read([&](const View& view) {
    double late = 0;
    for (const auto& [id, record] : view.nodes) {
      counts.count(view, record.node, now);
      if (online.contains(id) && is_behind(view, presence, record)) ++late;
    }
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
  count(rejected, policies.rejected);
  auto streams = gauge("kernmesh_server_watch_streams", "Connected nodes.");
  add(streams, static_cast<double>(online.size()));
  auto expiry = gauge("kernmesh_server_certificate_expiry_seconds",
                      "When the server's certificate expires, in seconds since 1970.");
  add(expiry, static_cast<double>(time.expires_at.time_since_epoch().count()));
  std::vector<prometheus::MetricFamily> families{build,  users,   keys,    tokens, revision,
                                                 behind, streams, expiry,  policy, rules,
                                                 sets,   compile, rejected};
  counts.put(families);
  if (sign_ins != nullptr) put_sign_ins(sign_ins->counts(), families);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace kernmesh::server
