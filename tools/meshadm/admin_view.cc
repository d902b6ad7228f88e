// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/admin_view.h"

#include <chrono>
#include <vector>

#include "tools/meshadm/quantity.h"
#include "tools/meshadm/target.h"
#include "tools/meshadm/wire_text.h"

namespace kernmesh::adm {
namespace {

WallTime wall(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

std::string when(std::int64_t seconds, WallTime now, const std::string& never) {
  return seconds == 0 ? never : format_relative(wall(seconds), now);
}

Json user_json(const mesh::v1::User& user) {
  return {{"id", user.id()},
          {"name", user.name()},
          {"created_at", time_json(user.created_at())},
          {"node_count", user.node_count()},
          {"email", text_json(user.email())},
          {"roles", Json(std::vector<std::string>(user.roles().begin(), user.roles().end()))},
          {"issuer", text_json(user.issuer())},
          {"subject", text_json(user.subject())},
          {"groups", Json(std::vector<std::string>(user.groups().begin(), user.groups().end()))}};
}

Json key_object(const mesh::v1::JoinKey& key) {
  return {{"id", key.id()},
          {"user", text_json(key.user_name())},
          {"reusable", key.reusable()},
          {"ephemeral", key.ephemeral()},
          {"pre_approved", key.pre_approved()},
          {"relay", key.relay()},
          {"created_at", time_json(key.created_at())},
          {"expires_at", time_json(key.expires_at())},
          {"revoked_at", time_json(key.revoked_at())},
          {"use_count", key.use_count()},
          {"hint", text_json(key.hint())},
          {"tags", Json(std::vector<std::string>(key.tags().begin(), key.tags().end()))},
          {"nodes", Json(std::vector<std::string>(key.nodes().begin(), key.nodes().end()))}};
}

std::string joined(const google::protobuf::RepeatedPtrField<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string key_kind(const mesh::v1::JoinKey& key) {
  std::string kind = key.reusable() ? "reusable" : "single use";
  if (key.relay()) kind = "relay, " + kind;
  if (key.ephemeral()) kind += ", ephemeral";
  if (key.pre_approved()) kind += ", pre-approved";
  return key.tags().empty() ? kind : kind + ", " + joined(key.tags());
}

}  // namespace

Document user_document(const mesh::v1::User& user, const std::string& done) {
  Document document;
  document.json = {{"user", user_json(user)}};
  document.line(done);
  document.line("Make a key for its machines: meshadm key create --user " + user.name());
  return document;
}

Document users_document(const mesh::v1::ListUsersResponse& response, WallTime now) {
  Document document;
  Json users = Json::array();
  Table table{{{"ID", Align::kRight},
               {"NAME"},
               {"EMAIL"},
               {"ROLES"},
               {"NODES", Align::kRight},
               {"CREATED"}},
              {}};
  for (const auto& user : response.users()) {
    users.push_back(user_json(user));
    table.rows.push_back({{std::to_string(user.id())},
                          {user.name(), Tone::kStrong},
                          {user.email().empty() ? "-" : user.email()},
                          {user.roles().empty() ? "-" : joined(user.roles())},
                          {std::to_string(user.node_count())},
                          {when(user.created_at(), now, "-")}});
  }
  document.json = {{"users", std::move(users)}};
  if (table.rows.empty()) {
    document.line("No users yet: meshadm user create NAME");
  } else {
    document.blocks.emplace_back(std::move(table));
  }
  return document;
}

Document new_key_document(const mesh::v1::CreateJoinKeyResponse& response,
                          const std::string& server, WallTime now) {
  Document document;
  const auto& key = response.key();
  const std::string command = (key.relay() ? "mesh-relay" : "meshadm up") +
                              (" --server " + server) + " --key " + response.secret();
  document.json = {{"key", key_object(key)}, {"secret", response.secret()}, {"command", command}};
  document.line("Key " + std::to_string(key.id()) + " for " +
                (key.relay() ? "a relay" : key.user_name()) + ": " + key_kind(key) + ", expires " +
                when(key.expires_at(), now, "never") + ". It is shown only now:");
  document.line("");
  document.line("  " + response.secret(), Tone::kStrong);
  document.line("");
  document.line(key.relay() ? "On the relay's machine, as root (--help has its other options):"
                            : "On the machine that is to join, as root:");
  document.line("");
  document.line("  " + command, Tone::kStrong);
  if (is_this_machine(server)) {
    document.line("");
    document.line("From another machine, write this one's name or address instead of " +
                  server.substr(0, server.rfind(':')) + ".");
  }
  return document;
}

Document key_document(const mesh::v1::JoinKey& key, const std::string& done) {
  Document document;
  document.json = {{"key", key_object(key)}};
  document.line(done);
  return document;
}

std::string key_state(const mesh::v1::JoinKey& key, WallTime now) {
  if (key.revoked_at() != 0) return "revoked";
  if (!key.reusable() && key.use_count() > 0) return "used";
  if (key.expires_at() != 0 && wall(key.expires_at()) <= now) return "expired";
  return "valid";
}

Document keys_document(const mesh::v1::ListJoinKeysResponse& response, WallTime now) {
  Document document;
  Json keys = Json::array();
  Table table{{{"ID", Align::kRight},
               {"USER"},
               {"HINT"},
               {"KIND"},
               {"STATE"},
               {"USES", Align::kRight},
               {"EXPIRES"},
               {"CREATED"}},
              {}};
  for (const auto& key : response.keys()) {
    const std::string state = key_state(key, now);
    Json object = key_object(key);
    object["state"] = state;
    keys.push_back(std::move(object));
    table.rows.push_back({{std::to_string(key.id())},
                          {key.relay() ? "-" : key.user_name()},
                          {key.hint().empty() ? "-" : key.hint()},
                          {key_kind(key)},
                          {state, state == "valid" ? Tone::kGood : Tone::kFaint},
                          {std::to_string(key.use_count())},
                          {when(key.expires_at(), now, "never")},
                          {when(key.created_at(), now, "-")}});
  }
  document.json = {{"keys", std::move(keys)}};
  if (table.rows.empty()) {
    document.line("No join keys yet: meshadm key create --user USER");
  } else {
    document.blocks.emplace_back(std::move(table));
  }
  return document;
}

Document removed_document(const std::string& kind, const std::string& name) {
  Document document;
  document.json["removed"] = Json::object();
  document.json["removed"][kind] = name;
  document.line("Removed " + kind + " " + name + ".");
  return document;
}

}  // namespace kernmesh::adm
