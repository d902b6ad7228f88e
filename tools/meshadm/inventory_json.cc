// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/inventory_json.h"

#include <unordered_map>

namespace kernmesh::adm {
namespace {

Error wrong(const std::string& where, const std::string& wanted) {
  return {ErrorCode::kInvalid, where + " is not " + wanted};
}

const Json* member(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<std::string> text_at(const Json& object, const char* key, const std::string& where) {
  const Json* value = member(object, key);
  if (value == nullptr) return std::string();
  if (!value->is_string()) return wrong(where + "." + key, "a string");
  return value->get<std::string>();
}

Result<std::vector<std::string>> texts_at(const Json& object, const char* key,
                                          const std::string& where) {
  std::vector<std::string> texts;
  const Json* value = member(object, key);
  if (value == nullptr) return texts;
  if (!value->is_array()) return wrong(where + "." + key, "a list of strings");
  for (const auto& item : *value) {
    if (!item.is_string()) return wrong(where + "." + key, "a list of strings");
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

Result<std::vector<Prefix>> prefixes_at(const Json& object, const char* key,
                                        const std::string& where) {
  MESH_TRY_ASSIGN(const auto texts, texts_at(object, key, where));
  std::vector<Prefix> prefixes;
  for (const auto& text : texts) {
    MESH_TRY_ASSIGN(const auto prefix, Prefix::parse(text));
    prefixes.push_back(prefix);
  }
  return prefixes;
}

// Ids are those of the lists' order: nothing in an answer shows them, and `id` may be anything.
Result<policy::User> user_from(const Json& object, std::size_t index) {
  const std::string where = "users[" + std::to_string(index) + "]";
  if (!object.is_object()) return wrong(where, "an object");
  policy::User user;
  user.id = UserId(index + 1);
  MESH_TRY_ASSIGN(user.name, text_at(object, "name", where));
  MESH_TRY_ASSIGN(user.email, text_at(object, "email", where));
  MESH_TRY_ASSIGN(user.roles, texts_at(object, "roles", where));
  MESH_TRY_ASSIGN(user.groups, texts_at(object, "groups", where));
  return user;
}

class NodeReader {
 public:
  explicit NodeReader(const std::vector<policy::User>& users) {
    for (const auto& user : users) {
      by_name_.emplace(user.name, user.id);
      if (!user.email.empty()) by_name_.emplace(user.email, user.id);
    }
  }

  Result<policy::Node> read(const Json& object, std::size_t index) const {
    const std::string where = "nodes[" + std::to_string(index) + "]";
    if (!object.is_object()) return wrong(where, "an object");
    policy::Node node;
    node.id = NodeId(index + 1);
    MESH_TRY_ASSIGN(node.name, text_at(object, "name", where));
    MESH_TRY_ASSIGN(const auto user, text_at(object, "user", where));
    if (!user.empty()) {
      const auto found = by_name_.find(user);
      if (found == by_name_.end())
        return wrong(where + ".user", "one of `users`: \"" + user + "\"");
      node.user = found->second;
    }
    MESH_TRY_ASSIGN(node.tags, texts_at(object, "tags", where));
    for (const char* key : {"ipv4", "ipv6"}) {
      MESH_TRY_ASSIGN(const auto text, text_at(object, key, where));
      if (text.empty()) continue;
      MESH_TRY_ASSIGN(const auto address, IpAddress::parse(text));
      node.addresses.push_back(address);
    }
    MESH_TRY_ASSIGN(node.routes_advertised, prefixes_at(object, "routes_advertised", where));
    MESH_TRY_ASSIGN(node.routes_approved, prefixes_at(object, "routes_approved", where));
    MESH_TRY(read_attributes(object, where, node));
    return node;
  }

 private:
  static Status read_attributes(const Json& object, const std::string& where, policy::Node& node) {
    const Json* attributes = member(object, "attributes");
    if (attributes == nullptr) return {};
    if (!attributes->is_object()) return wrong(where + ".attributes", "an object");
    for (const auto& [name, value] : attributes->items()) {
      node.attributes[name] = value.is_string() ? value.get<std::string>() : value.dump();
    }
    return {};
  }

  std::unordered_map<std::string, UserId> by_name_;
};

Status read_inventory(const Json& document, policy::Inventory& inventory) {
  const Json* tailnet = member(document, "tailnet");
  if (tailnet == nullptr) return {};
  if (!tailnet->is_object()) return wrong("tailnet", "an object");
  MESH_TRY_ASSIGN(inventory.domains, texts_at(*tailnet, "domains", "tailnet"));
  MESH_TRY_ASSIGN(auto overlay, prefixes_at(*tailnet, "overlay", "tailnet"));
  if (!overlay.empty()) inventory.overlay = std::move(overlay);
  return {};
}

}  // namespace

Result<policy::Inventory> inventory_from(const Json& document) {
  if (!document.is_object()) return wrong("the document", "a JSON object");
  policy::Inventory inventory;
  // A network's default ranges (docs/architecture.md).
  inventory.overlay = {*Prefix::parse("100.64.0.0/10"), *Prefix::parse("fd7a:115c:a1e0::/48")};
  MESH_TRY(read_inventory(document, inventory));
  const auto items = [&](const char* key) -> Result<const Json*> {
    static const Json kNone = Json::array();
    const Json* value = member(document, key);
    if (value == nullptr) return &kNone;
    if (!value->is_array()) return wrong(key, "a list");
    return value;
  };
  MESH_TRY_ASSIGN(const Json* users, items("users"));
  for (std::size_t i = 0; i < users->size(); ++i) {
    MESH_TRY_ASSIGN(auto user, user_from((*users)[i], i));
    inventory.users.push_back(std::move(user));
  }
  MESH_TRY_ASSIGN(const Json* nodes, items("nodes"));
  const NodeReader reader(inventory.users);
  for (std::size_t i = 0; i < nodes->size(); ++i) {
    MESH_TRY_ASSIGN(auto node, reader.read((*nodes)[i], i));
    inventory.nodes.push_back(std::move(node));
  }
  return inventory;
}

}  // namespace kernmesh::adm
