// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/policy_source.h"

#include <cerrno>
#include <fstream>
#include <iterator>

#include "controller/core/policy/parse.h"
#include "controller/rpc/convert.h"
#include "tools/meshadm/inventory_json.h"

namespace kernmesh::adm {
namespace {

// Past this a file is no policy and no network; reading stops there.
constexpr std::size_t kMaxFileBytes = 256U * 1024 * 1024;

std::string read_stream(std::istream& stream, std::size_t limit) {
  std::string text;
  char block[65536];
  while (text.size() <= limit && (stream.read(block, sizeof block), stream.gcount() > 0)) {
    text.append(block, static_cast<std::size_t>(stream.gcount()));
  }
  return text;
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error::from_errno("read " + path, errno);
  std::string text = read_stream(file, limit);
  if (file.bad()) return Error::from_errno("read " + path, errno);
  return text;
}

Result<policy::Node> node_from(const mesh::v1::InventoryNode& message) {
  policy::Node node;
  node.id = NodeId(message.id());
  node.name = message.name();
  node.user = UserId(message.user_id());
  node.tags.assign(message.tags().begin(), message.tags().end());
  for (const auto& wire : message.addresses()) {
    MESH_TRY_ASSIGN(const auto address, rpc::address_from_wire(wire));
    node.addresses.push_back(address);
  }
  for (const auto& route : message.routes_advertised()) {
    MESH_TRY_ASSIGN(const auto prefix, rpc::from_proto(route));
    node.routes_advertised.push_back(prefix);
  }
  for (const auto& route : message.routes_approved()) {
    MESH_TRY_ASSIGN(const auto prefix, rpc::from_proto(route));
    node.routes_approved.push_back(prefix);
  }
  node.attributes.insert(message.attributes().begin(), message.attributes().end());
  return node;
}

}  // namespace

Result<PolicyText> read_policy(Session& session, const std::string& path) {
  PolicyText source{path == "-" ? "<stdin>" : path, ""};
  if (path == "-") {
    source.text = read_stream(session.surroundings().in, policy::kMaxPolicyBytes);
  } else {
    MESH_TRY_ASSIGN(source.text, read_file(path, policy::kMaxPolicyBytes));
  }
  if (source.text.size() > policy::kMaxPolicyBytes) {
    return Error(ErrorCode::kInvalid, "read " + source.name + ": longer than 16 MiB");
  }
  return source;
}

Result<PolicyText> fetch_policy(Session& session, std::uint32_t revision) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto policy, server.get_policy(revision));
  return PolicyText{"revision " + std::to_string(policy.revision()), policy.text()};
}

Result<policy::Inventory> read_network(Session& session, const std::string& path) {
  if (path.empty()) {
    MESH_TRY_ASSIGN(auto server, session.server());
    MESH_TRY_ASSIGN(const auto message, server.get_inventory());
    return inventory_from(message);
  }
  MESH_TRY_ASSIGN(const std::string text, read_file(path, kMaxFileBytes));
  const Json document = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) return Error(ErrorCode::kInvalid, path + " is not JSON");
  auto inventory = inventory_from(document);
  if (!inventory) return inventory.error().with_context("read the network in " + path);
  return inventory;
}

Result<policy::Inventory> inventory_from(const mesh::v1::Inventory& message) {
  policy::Inventory inventory;
  for (const auto& range : message.overlay()) {
    MESH_TRY_ASSIGN(const auto prefix, rpc::from_proto(range));
    inventory.overlay.push_back(prefix);
  }
  inventory.domains.assign(message.domains().begin(), message.domains().end());
  for (const auto& user : message.users()) {
    inventory.users.push_back({UserId(user.id()),
                               user.name(),
                               user.email(),
                               {user.roles().begin(), user.roles().end()},
                               {user.groups().begin(), user.groups().end()}});
  }
  for (const auto& node : message.nodes()) {
    MESH_TRY_ASSIGN(auto known, node_from(node));
    inventory.nodes.push_back(std::move(known));
  }
  return inventory;
}

Result<ReadPolicy> compile_policy(const PolicyText& source) {
  policy::Diagnostics diagnostics;
  auto document = policy::parse(source.text, diagnostics);
  if (!document) {
    return Error(ErrorCode::kInvalid, to_string(diagnostics.first_error(), source.name));
  }
  auto compiled = policy::compile(*document);
  if (!compiled) return compiled.error().with_context("compile " + source.name);
  return ReadPolicy{std::make_shared<const policy::Document>(std::move(*document)),
                    std::make_shared<const policy::CompiledPolicy>(std::move(*compiled))};
}

}  // namespace kernmesh::adm
