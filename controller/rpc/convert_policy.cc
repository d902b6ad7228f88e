// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/convert_policy.h"

#include <algorithm>

#include "controller/rpc/convert.h"

namespace kernmesh::rpc {
namespace {

Error invalid_policy(const std::string& what) { return {ErrorCode::kInvalid, what}; }

Status check_most(std::size_t count, std::size_t most, std::string_view what) {
  if (count <= most) return {};
  return invalid_policy(std::to_string(count) + " " + std::string(what) + ", at most " +
                        std::to_string(most) + " are allowed");
}

mesh::v1::Service service_to_proto(const policy::Service& service) {
  mesh::v1::Service message;
  for (const auto protocol : service.protocols) message.add_protocols(protocol);
  for (const auto& ports : service.ports) {
    message.add_ports(ports.first);
    message.add_ports(ports.last);
  }
  return message;
}

Result<policy::Service> service_from_proto(const mesh::v1::Service& message) {
  MESH_TRY(check_most(message.protocols_size(), 256, "protocols"));
  MESH_TRY(check_most(message.ports_size(), 2 * 65536, "port numbers"));
  if (message.ports_size() % 2 != 0) return invalid_policy("a range of ports has no end");
  policy::Service service;
  for (const auto protocol : message.protocols()) {
    if (protocol > 255)
      return invalid_policy("protocol " + std::to_string(protocol) + " is above 255");
    service.protocols.push_back(static_cast<std::uint8_t>(protocol));
  }
  for (int i = 0; i < message.ports_size(); i += 2) {
    const auto first = message.ports(i), last = message.ports(i + 1);
    if (first > last || last > 65535) {
      return invalid_policy("ports " + std::to_string(first) + "-" + std::to_string(last));
    }
    service.ports.push_back({static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)});
  }
  return service;
}

template <typename Messages>
Result<std::vector<Prefix>> prefixes_from(const Messages& messages, std::size_t most) {
  MESH_TRY(check_most(messages.size(), most, "prefixes"));
  std::vector<Prefix> prefixes;
  for (const auto& message : messages) {
    MESH_TRY_ASSIGN(const auto prefix, from_proto(message));
    prefixes.push_back(prefix);
  }
  return prefixes;
}

mesh::v1::Target target_to_proto(const policy::Target& target) {
  mesh::v1::Target message;
  message.set_kind(static_cast<mesh::v1::Target::Kind>(target.kind));
  for (const auto& prefix : target.prefixes) *message.add_prefixes() = to_proto(prefix);
  for (const auto& service : target.services) *message.add_services() = service_to_proto(service);
  return message;
}

Result<policy::Target> target_from_proto(const mesh::v1::Target& message) {
  if (message.kind() < mesh::v1::Target::KIND_OWN_ADDRESSES ||
      message.kind() > mesh::v1::Target::KIND_ANY) {
    return invalid_policy("target of unknown kind " + std::to_string(message.kind()));
  }
  policy::Target target;
  target.kind = static_cast<policy::TargetKind>(message.kind());
  MESH_TRY_ASSIGN(target.prefixes, prefixes_from(message.prefixes(), kMaxRuleParts));
  MESH_TRY(check_most(message.services_size(), kMaxRuleParts, "services"));
  for (const auto& part : message.services()) {
    MESH_TRY_ASSIGN(auto service, service_from_proto(part));
    target.services.push_back(std::move(service));
  }
  return target;
}

mesh::v1::SshGrant ssh_to_proto(const policy::SshGrant& ssh) {
  mesh::v1::SshGrant message;
  message.set_action(static_cast<mesh::v1::SshGrant::Action>(ssh.action));
  for (const auto& user : ssh.users) {
    auto& added = *message.add_users();
    added.set_kind(static_cast<mesh::v1::SshGrant::UserKind>(user.kind));
    added.set_name(user.name);
  }
  if (ssh.check_period) message.set_check_period_seconds(ssh.check_period->count());
  for (const auto& variable : ssh.accept_env) message.add_accept_env(variable);
  return message;
}

Result<policy::SshGrant> ssh_from_proto(const mesh::v1::SshGrant& message) {
  // One week: the longest that a policy may say.
  constexpr std::int64_t kMostCheckPeriod = 168 * 3600;
  if (message.action() != mesh::v1::SshGrant::ACTION_ACCEPT &&
      message.action() != mesh::v1::SshGrant::ACTION_CHECK) {
    return invalid_policy("SSH action of unknown kind " + std::to_string(message.action()));
  }
  MESH_TRY(check_most(message.users_size(), kMaxRuleParts, "SSH users"));
  MESH_TRY(check_most(message.accept_env_size(), kMaxRuleParts, "SSH environment variables"));
  policy::SshGrant ssh;
  ssh.action = static_cast<policy::SshAction>(message.action());
  for (const auto& user : message.users()) {
    if (user.kind() < mesh::v1::SshGrant::USER_KIND_ROOT ||
        user.kind() > mesh::v1::SshGrant::USER_KIND_LOCALPART) {
      return invalid_policy("SSH user of unknown kind " + std::to_string(user.kind()));
    }
    ssh.users.push_back({static_cast<policy::SshUserKind>(user.kind()), user.name()});
  }
  if (message.has_check_period_seconds()) {
    const auto seconds = message.check_period_seconds();
    if (seconds < 0 || seconds > kMostCheckPeriod) {
      return invalid_policy("SSH check period of " + std::to_string(seconds) + " s");
    }
    ssh.check_period = std::chrono::seconds(seconds);
  }
  ssh.accept_env.assign(message.accept_env().begin(), message.accept_env().end());
  return ssh;
}

template <typename Numbers>
Result<std::vector<NodeId>> members_from(const Numbers& numbers) {
  MESH_TRY(check_most(numbers.size(), kMaxSetMembers, "members of a set"));
  std::vector<NodeId> members;
  for (const auto number : numbers) members.push_back(NodeId(number));
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  return members;
}

}  // namespace

mesh::v1::Rule to_proto(const netmap::Rule& rule) {
  mesh::v1::Rule message;
  message.set_id(rule.id.value());
  message.set_policy_revision(rule.policy_revision);
  message.set_line(rule.line);
  for (const auto set : rule.sources) message.add_source_set_ids(set.value());
  for (const auto& target : rule.targets) *message.add_targets() = target_to_proto(target);
  for (const auto& capability : rule.capabilities) {
    auto& added = *message.add_capabilities();
    added.set_name(capability.name);
    added.set_values_json(capability.values_json);
  }
  if (rule.ssh) *message.mutable_ssh() = ssh_to_proto(*rule.ssh);
  return message;
}

mesh::v1::SourceSet to_proto(const netmap::SourceSet& set) {
  mesh::v1::SourceSet message;
  message.set_id(set.id.value());
  for (const auto member : set.members) message.add_member_node_ids(member.value());
  for (const auto& prefix : set.prefixes) *message.add_prefixes() = to_proto(prefix);
  return message;
}

mesh::v1::SetChange to_proto(const netmap::SetChange& change) {
  mesh::v1::SetChange message;
  message.set_id(change.id.value());
  for (const auto node : change.joined) message.add_joined_node_ids(node.value());
  for (const auto node : change.left) message.add_left_node_ids(node.value());
  return message;
}

Result<netmap::Rule> from_proto(const mesh::v1::Rule& message) {
  const auto convert = [&]() -> Result<netmap::Rule> {
    MESH_TRY(check_most(message.source_set_ids_size(), kMaxRuleParts, "sources"));
    MESH_TRY(check_most(message.targets_size(), kMaxRuleParts, "targets"));
    MESH_TRY(check_most(message.capabilities_size(), kMaxRuleParts, "capabilities"));
    netmap::Rule rule;
    rule.id = RuleId(message.id());
    rule.policy_revision = message.policy_revision();
    rule.line = message.line();
    for (const auto set : message.source_set_ids()) rule.sources.push_back(netmap::SetId(set));
    for (const auto& part : message.targets()) {
      MESH_TRY_ASSIGN(auto target, target_from_proto(part));
      rule.targets.push_back(std::move(target));
    }
    for (const auto& part : message.capabilities()) {
      MESH_TRY(check_most(part.name().size(), kMaxUserName, "bytes of a capability's name"));
      MESH_TRY(check_most(part.values_json().size(), kMaxCapabilityBytes,
                          "bytes of a capability's values"));
      rule.capabilities.push_back({part.name(), part.values_json()});
    }
    if (message.has_ssh()) {
      MESH_TRY_ASSIGN(rule.ssh, ssh_from_proto(message.ssh()));
    }
    return rule;
  };
  auto rule = convert();
  if (!rule) return rule.error().with_context("rule " + std::to_string(message.id()));
  return rule;
}

Result<netmap::SourceSet> from_proto(const mesh::v1::SourceSet& message) {
  netmap::SourceSet set;
  set.id = netmap::SetId(message.id());
  MESH_TRY_ASSIGN(set.members, members_from(message.member_node_ids()));
  MESH_TRY_ASSIGN(set.prefixes, prefixes_from(message.prefixes(), kMaxSetMembers));
  return set;
}

Result<netmap::SetChange> from_proto(const mesh::v1::SetChange& message) {
  netmap::SetChange change;
  change.id = netmap::SetId(message.id());
  MESH_TRY_ASSIGN(change.joined, members_from(message.joined_node_ids()));
  MESH_TRY_ASSIGN(change.left, members_from(message.left_node_ids()));
  return change;
}

}  // namespace kernmesh::rpc
