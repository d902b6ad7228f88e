// SPDX-License-Identifier: Apache-2.0
// Nodes as documents (the rest of admin_view.h).
#include <chrono>
#include <vector>

#include "controller/core/netmap/key_expiry.h"
#include "tools/meshadm/admin_view.h"
#include "tools/meshadm/quantity.h"
#include "tools/meshadm/wire_text.h"

namespace kernmesh::adm {
namespace {

WallTime wall_of(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

std::string time_text(std::int64_t seconds, WallTime now, const std::string& never) {
  return seconds == 0 ? never : format_relative(wall_of(seconds), now);
}

std::string list_of(const google::protobuf::RepeatedPtrField<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// The administrator's word counts, and so does the date, whichever is worse.
bool is_expired(const mesh::v1::Node& node, WallTime now) {
  return node.state() == mesh::v1::NODE_STATE_EXPIRED ||
         (node.key_expires_at() != 0 && wall_of(node.key_expires_at()) <= now);
}

std::string state_word(const mesh::v1::Node& node, WallTime now) {
  if (node.state() == mesh::v1::NODE_STATE_PENDING) return "pending";
  return is_expired(node, now) ? "expired" : "approved";
}

std::string expiry_word(const mesh::v1::Node& node) {
  switch (node.key_expiry()) {
    case mesh::v1::KEY_EXPIRY_NEVER:
      return "never";
    case mesh::v1::KEY_EXPIRY_DATE:
      return "date";
    default:
      return "period";
  }
}

// Somebody has to see to it, also when the node should have renewed itself by then.
bool expires_soon(const mesh::v1::Node& node, WallTime now) {
  return state_word(node, now) == "approved" && node.key_expires_at() != 0 &&
         wall_of(node.key_expires_at()) - now <= netmap::kExpiryNotice;
}

Json node_json(const mesh::v1::Node& node, WallTime now) {
  return {{"id", node.id()},
          {"name", node.name()},
          {"user", text_json(node.user_name())},
          {"state", state_word(node, now)},
          {"online", node.online()},
          {"ephemeral", node.ephemeral()},
          {"addresses", addresses_json(node.addresses())},
          {"endpoints", endpoints_json(node.endpoints())},
          {"machine_key", key_json(node.machine_key())},
          {"node_key", key_json(node.node_key())},
          {"created_at", time_json(node.created_at())},
          {"last_seen_at", time_json(node.last_seen_at())},
          {"key_expires_at", time_json(node.key_expires_at())},
          {"key_expiry", expiry_word(node)},
          {"key_expires_soon", expires_soon(node, now)},
          {"renews_itself", node.renews_itself()},
          {"key_rotation_due", node.key_rotation_due()},
          {"lock_problem", text_json(node.lock_problem())},
          {"machine_key_shared_at", time_json(node.machine_key_shared_at())},
          {"applied", version_json(node.applied())},
          {"agent_version", text_json(node.agent_version())},
          {"kernel_release", text_json(node.kernel_release())},
          {"tags", Json(std::vector<std::string>(node.tags().begin(), node.tags().end()))},
          {"join_key", node.join_key_id() == 0 ? Json() : Json(node.join_key_id())}};
}

Cell node_status(const mesh::v1::Node& node, WallTime now) {
  if (node.state() == mesh::v1::NODE_STATE_PENDING) return {"awaits approval", Tone::kWarn};
  if (is_expired(node, now)) return {"expired", Tone::kBad};
  return node.online() ? Cell{"online", Tone::kGood} : Cell{"offline", Tone::kFaint};
}

// Pairs of a name and a value, one a line, values in one column.
void add_facts(Document& document, const std::vector<std::pair<std::string, std::string>>& facts) {
  for (const auto& [name, value] : facts) {
    if (value.empty()) continue;
    document.line("  " + name + std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') + value);
  }
}

std::string endpoint_list(const mesh::v1::Node& node) {
  std::string text;
  for (const auto& endpoint : node.endpoints()) {
    text += (text.empty() ? "" : ", ") + endpoint_text(endpoint);
  }
  return text;
}

std::string expiry_text(const mesh::v1::Node& node, WallTime now) {
  std::string text = time_text(node.key_expires_at(), now, "never");
  if (node.key_expires_at() == 0 && node.state() == mesh::v1::NODE_STATE_PENDING) {
    text = "counts from its approval";
  }
  return node.renews_itself() ? text + ", and renews itself before" : text;
}

std::string shared_key_line(const mesh::v1::Node& node, WallTime now) {
  return "! Two machines use the machine key of " + node.name() + ", last seen " +
         time_text(node.machine_key_shared_at(), now, "") +
         ": a copied state directory or disk? On the copy: meshadm logout";
}

// What somebody has to do, below the table.
void add_warnings(Document& document, const mesh::v1::ListNodesResponse& response, WallTime now) {
  for (const auto& node : response.nodes()) {
    if (node.state() == mesh::v1::NODE_STATE_PENDING) {
      document.line("! " + node.name() + " awaits approval: meshadm node approve " + node.name(),
                    Tone::kWarn);
    }
    if (expires_soon(node, now)) {
      document.line("! The key of " + node.name() + " ends " +
                        time_text(node.key_expires_at(), now, "") + ": meshadm node renew " +
                        node.name(),
                    Tone::kWarn);
    }
    if (!node.lock_problem().empty()) {
      document.line(
          "! The network lock keeps " + node.name() + " out: meshadm lock sign " + node.name(),
          Tone::kWarn);
    }
    if (node.machine_key_shared_at() != 0) document.line(shared_key_line(node, now), Tone::kWarn);
  }
}

}  // namespace

Document node_document(const mesh::v1::Node& node, const std::string& done, WallTime now) {
  Document document;
  document.json = {{"node", node_json(node, now)}};
  if (!done.empty()) {
    document.line(done);
    return document;
  }
  document.blocks.emplace_back(
      Line{{{node.name(), Tone::kStrong}, {"  "}, node_status(node, now)}});
  add_facts(document,
            {{"id", std::to_string(node.id())},
             {"user", node.user_name()},
             {"tags", list_of(node.tags())},
             {"join key", node.join_key_id() == 0 ? "" : std::to_string(node.join_key_id())},
             {"addresses", addresses_text(node.addresses())},
             {"endpoints", endpoint_list(node)},
             {"node key", node.node_key().empty() ? "" : key_json(node.node_key()).dump()},
             {"created", time_text(node.created_at(), now, "-")},
             {"last seen", time_text(node.last_seen_at(), now, "never")},
             {"key expires", expiry_text(node, now)},
             {"key rotation", node.key_rotation_due() ? "asked for, not done yet" : ""},
             {"map applied", std::to_string(node.applied().epoch()) + "." +
                                 std::to_string(node.applied().revision())},
             {"agent", node.agent_version()},
             {"kernel", node.kernel_release()},
             {"ephemeral", node.ephemeral() ? "yes: removed when it has been offline" : ""}});
  if (expires_soon(node, now)) {
    document.line("! Its key ends soon: meshadm node renew " + node.name(), Tone::kWarn);
  }
  if (node.machine_key_shared_at() != 0) document.line(shared_key_line(node, now), Tone::kWarn);
  if (node.state() == mesh::v1::NODE_STATE_PENDING) {
    document.line("  It has no peers until: meshadm node approve " + node.name());
  }
  return document;
}

Document nodes_document(const mesh::v1::ListNodesResponse& response, WallTime now) {
  Document document;
  Json nodes = Json::array();
  Table table{{{"ID", Align::kRight},
               {"NAME"},
               {"USER OR TAGS"},
               {"ADDRESSES"},
               {"STATUS"},
               {"LAST SEEN"},
               {"KEY EXPIRES"},
               {"MAP"},
               {"AGENT"}},
              {}};
  for (const auto& node : response.nodes()) {
    nodes.push_back(node_json(node, now));
    const bool newest = node.applied().epoch() == response.version().epoch() &&
                        node.applied().revision() == response.version().revision();
    table.rows.push_back({{std::to_string(node.id())},
                          {node.name(), Tone::kStrong},
                          {node.tags().empty() ? node.user_name() : list_of(node.tags())},
                          {addresses_text(node.addresses())},
                          node_status(node, now),
                          {node.online() ? "now" : time_text(node.last_seen_at(), now, "never")},
                          {time_text(node.key_expires_at(), now, "never"),
                           expires_soon(node, now) ? Tone::kWarn : Tone::kPlain},
                          newest ? Cell{"newest"} : Cell{"behind", Tone::kWarn},
                          {node.agent_version().empty() ? "-" : node.agent_version()}});
  }
  document.json = {{"nodes", std::move(nodes)}, {"version", version_json(response.version())}};
  if (table.rows.empty()) {
    document.line("No nodes yet: meshadm key create --user USER says how to join one.");
  } else {
    document.blocks.emplace_back(std::move(table));
  }
  add_warnings(document, response, now);
  return document;
}

}  // namespace kernmesh::adm
