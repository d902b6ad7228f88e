// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/audit_view.h"

#include "controller/base/timestamp.h"
#include "tools/meshadm/wire_text.h"

namespace kernmesh::adm {
namespace {

Json audit_event_json(const mesh::v1::AuditEvent& event) {
  return {{"id", event.id()},
          {"time", time_json(event.at())},
          {"actor", event.actor()},
          {"action", event.action()},
          {"subject", text_json(event.subject())},
          {"detail", text_json(event.detail())},
          {"from", text_json(event.from())}};
}

std::string event_time(const mesh::v1::AuditEvent& event) {
  return format_rfc3339(WallTime(std::chrono::seconds(event.at())));
}

Tone event_tone(const mesh::v1::AuditEvent& event) {
  return event.action().ends_with(".denied") ? Tone::kWarn : Tone::kPlain;
}

}  // namespace

Document audit_document(const std::vector<mesh::v1::AuditEvent>& events) {
  Document document;
  Json list = Json::array();
  Table table{{{"TIME"}, {"ACTOR"}, {"FROM"}, {"ACTION"}, {"SUBJECT"}, {"DETAIL"}}, {}};
  for (const auto& event : events) {
    list.push_back(audit_event_json(event));
    table.rows.push_back({{event_time(event)},
                          {event.actor(), Tone::kStrong},
                          {event.from().empty() ? "-" : event.from()},
                          {event.action(), event_tone(event)},
                          {event.subject()},
                          {event.detail()}});
  }
  document.json = {{"events", std::move(list)}};
  if (table.rows.empty()) {
    document.line("Nothing in the audit log is so.");
  } else {
    document.blocks.emplace_back(std::move(table));
  }
  return document;
}

Document audit_line(const mesh::v1::AuditEvent& event) {
  Document document;
  document.json = audit_event_json(event);
  Line line{{{event_time(event) + "  "}, {event.actor(), Tone::kStrong}}};
  if (!event.from().empty()) line.pieces.push_back({" (" + event.from() + ")", Tone::kFaint});
  line.pieces.push_back({"  " + event.action(), event_tone(event)});
  line.pieces.push_back({"  " + event.subject()});
  if (!event.detail().empty()) line.pieces.push_back({": " + event.detail()});
  document.blocks.emplace_back(std::move(line));
  return document;
}

}  // namespace kernmesh::adm
