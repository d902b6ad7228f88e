// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/policy_answer.h"

#include "controller/core/policy/expansion.h"
#include "controller/core/policy/network_policy.h"
#include "controller/core/policy/reach.h"
#include "controller/core/policy/slicing.h"
#include "controller/core/policy/ssh.h"
#include "tools/meshadm/inventory_json.h"

namespace kernmesh::adm {
namespace {

Json to_json(const std::vector<Prefix>& prefixes) {
  Json list = Json::array();
  for (const auto& prefix : prefixes) list.push_back(to_string(prefix));
  return list;
}

Json to_json(const policy::FilterRule& rule) {
  Json destinations = Json::array();
  for (const auto& to : rule.destinations) {
    destinations.push_back({{"cidr", to_string(to.prefix)},
                            {"port_first", to.ports.first},
                            {"port_last", to.ports.last}});
  }
  return {{"src", to_json(rule.sources)},
          {"dst", std::move(destinations)},
          {"protos", rule.protocols},
          {"line", rule.line}};
}

Json to_json(const policy::CapabilityRule& rule) {
  Json capabilities = Json::object();
  for (const auto& capability : rule.capabilities) {
    capabilities[capability.name] = Json::parse(capability.values_json, nullptr, false);
  }
  return {{"src", to_json(rule.sources)},
          {"dst", to_json(rule.destinations)},
          {"caps", std::move(capabilities)}};
}

Json to_json(const policy::SshLogin& login) {
  // Forwarding goes with a login that nobody has to confirm.
  const bool forwards = login.action == policy::SshAction::kAccept;
  Json principals = Json::array();
  for (const auto& principal : login.principals) principals.push_back(to_string(principal));
  Json users = Json::object();
  for (const auto& [asked, given] : login.users) users[asked] = given;
  return {{"principals", std::move(principals)},     {"ssh_users", std::move(users)},
          {"action", forwards ? "accept" : "check"}, {"agent_forwarding", forwards},
          {"local_port_forwarding", forwards},       {"remote_port_forwarding", forwards},
          {"accept_env", login.accept_env}};
}

Json rejection(const std::string& message, const char* kind, policy::Position at) {
  return {{"message", message}, {"kind", kind}, {"line", at.line}, {"column", at.column}};
}

const char* kind_of(const policy::Finding& finding) {
  return finding.kind == policy::FindingKind::kTests ? "tests" : "validation";
}

class PolicyAnswer {
 public:
  PolicyAnswer(const policy::AcceptedPolicy& accepted, const policy::Inventory& inventory)
      : accepted_(accepted), population_(accepted.compiled, inventory.overlay) {
    for (const auto& user : inventory.users) population_.put(user);
    for (const auto& node : inventory.nodes) population_.put(node);
  }

  void write(Json& answer) const {
    const policy::Reach reach(population_);
    const policy::SshPolicy ssh(*accepted_.document, population_);
    Json filter = Json::object(), caps = Json::object(), peers = Json::object();
    Json logins = Json::object(), approved = Json::object();
    population_.everybody().for_each([&](policy::NodeIndex node) {
      const auto& member = population_.member(node);
      const std::string& name = member.node.name;
      const auto expansion = policy::expand(policy::slice_for(reach, node), population_, node);
      filter[name] = Json::array();
      for (const auto& rule : expansion.filter) filter[name].push_back(to_json(rule));
      for (const auto& rule : expansion.capabilities) caps[name].push_back(to_json(rule));
      peers[name] = peers_of(reach, node);
      for (const auto& login : ssh.logins_at(node)) logins[name].push_back(to_json(login));
      auto routes = member.subnet_routes;
      routes.insert(routes.end(), member.exit_routes.begin(), member.exit_routes.end());
      approved[name] = to_json(routes);
    });
    answer["filter"] = std::move(filter);
    answer["caps"] = std::move(caps);
    answer["peers"] = std::move(peers);
    answer["ssh"] = std::move(logins);
    answer["approved"] = std::move(approved);
  }

 private:
  Json peers_of(const policy::Reach& reach, policy::NodeIndex node) const {
    Json seen = Json::object();
    const auto peers = reach.peers_of(node);
    peers.for_each([&](policy::NodeIndex peer) {
      seen[population_.member(peer).node.name] = {
          {"routes", to_json(policy::routes_for(reach, peer, node, peers))}};
    });
    return seen;
  }

  const policy::AcceptedPolicy& accepted_;
  policy::Population population_;
};

void write_findings(Json& answer, const policy::Diagnostics& diagnostics) {
  Json warnings = Json::array(), errors = Json::array();
  for (const auto& finding : diagnostics.findings()) {
    auto& list = finding.severity == policy::Severity::kError ? errors : warnings;
    list.push_back(rejection(finding.message, kind_of(finding), finding.at));
  }
  if (!errors.empty()) answer["errors"] = std::move(errors);
  if (!warnings.empty()) answer["warnings"] = std::move(warnings);
}

}  // namespace

Json answer_compile(const std::string& request) {
  Json answer = Json::object();
  const Json document = Json::parse(request, nullptr, /*allow_exceptions=*/false);
  if (document.is_object() && document.contains("id")) answer["id"] = document["id"];
  const auto refuse = [&](const std::string& message) {
    answer["accepted"] = false;
    answer["error"] = rejection(message, "request", {});
    return answer;
  };
  if (document.is_discarded()) return refuse("the request is not JSON");
  const auto inventory = inventory_from(document);
  if (!inventory) return refuse(inventory.error().message());
  const auto text = document.find("policy");
  if (text == document.end() || !text->is_string()) {
    return refuse("`policy` is not a string with the policy file's text");
  }
  policy::Diagnostics diagnostics;
  const auto accepted =
      policy::accept(text->get_ref<const std::string&>(), *inventory, diagnostics);
  answer["accepted"] = accepted.has_value();
  if (!accepted) {
    const auto& first = diagnostics.first_error();
    answer["error"] = rejection(first.message, kind_of(first), first.at);
  } else {
    PolicyAnswer(*accepted, *inventory).write(answer);
  }
  write_findings(answer, diagnostics);
  return answer;
}

}  // namespace kernmesh::adm
