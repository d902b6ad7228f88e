// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/packet_view.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <string>

#include "controller/base/timestamp.h"
#include "controller/core/policy/service.h"
#include "tools/meshadm/quantity.h"
#include "tools/meshadm/wire_text.h"

namespace kernmesh::adm {
namespace {

using mesh::v1::AclEvent;
using mesh::v1::AclFlow;

// "2026-11-21T05:40:30.123Z"
std::string time_text(std::int64_t time_ms) {
  const auto time =
      std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(time_ms));
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  std::array<char, 8> rest{};
  std::snprintf(rest.data(), rest.size(), ".%03dZ", static_cast<int>((time - second).count()));
  std::string text = format_rfc3339(second);
  return text.substr(0, text.size() - 1) + rest.data();
}

std::string protocol_text(std::uint32_t protocol) {
  return protocol > 255 ? "?" : policy::protocol_name(static_cast<std::uint8_t>(protocol));
}

bool with_ports(std::uint32_t protocol) {
  return protocol <= 255 && policy::has_ports(static_cast<std::uint8_t>(protocol));
}

// An end of a packet: "100.64.0.2:443", "[fd7a::2]:443", without ports only the address.
std::string end_text(const std::string& address, std::uint32_t port, std::uint32_t protocol) {
  if (!with_ports(protocol)) return address_text(address);
  mesh::v1::Endpoint endpoint;
  endpoint.set_address(address);
  endpoint.set_port(port);
  return endpoint_text(endpoint);
}

Json port_json(std::uint32_t port, std::uint32_t protocol) {
  return with_ports(protocol) ? Json(port) : Json();
}

// Of an event or a flow.
template <typename Message>
std::string peer_text(const Message& of) {
  if (of.peer_name().empty()) return "nobody's";
  return of.peer_user().empty() ? of.peer_name() : of.peer_name() + " (" + of.peer_user() + ")";
}

Json number_or_null(std::uint32_t number) { return number == 0 ? Json() : Json(number); }

const char* direction_word(AclEvent::Direction direction) {
  return direction == AclEvent::DIRECTION_IN    ? "in"
         : direction == AclEvent::DIRECTION_OUT ? "out"
                                                : "unknown";
}

Json event_json(const AclEvent& event, const char* type) {
  const bool is_tcp = event.protocol() == policy::kProtocolTcp;
  const bool is_icmp =
      event.protocol() == policy::kProtocolIcmp || event.protocol() == policy::kProtocolIcmpV6;
  const bool has_rule = event.rule_id() != 0;
  return {{"type", type},
          {"time", time_text(event.time_ms())},
          {"direction", direction_word(event.direction())},
          {"reason", event.reason()},
          {"meaning", event.meaning()},
          {"source", address_json(event.source())},
          {"source_port", port_json(event.source_port(), event.protocol())},
          {"destination", address_json(event.destination())},
          {"destination_port", port_json(event.destination_port(), event.protocol())},
          {"protocol", protocol_text(event.protocol())},
          {"length", event.length()},
          {"peer", text_json(event.peer_name())},
          {"user", text_json(event.peer_user())},
          {"rule_line", has_rule ? Json(event.rule_line()) : Json()},
          {"policy_revision", has_rule ? Json(event.policy_revision()) : Json()},
          {"tcp_flags", is_tcp ? Json(event.tcp_flags()) : Json()},
          {"icmp_type", is_icmp ? Json(event.icmp_type()) : Json()},
          {"lost", event.lost()}};
}

std::string packet_text(const AclEvent& event) {
  return time_text(event.time_ms()) + " " + direction_word(event.direction()) + " " +
         protocol_text(event.protocol()) + " " +
         end_text(event.source(), event.source_port(), event.protocol()) + " -> " +
         end_text(event.destination(), event.destination_port(), event.protocol()) + " " +
         peer_text(event);
}

template <typename Message>
std::string rule_text(const Message& of) {
  if (of.rule_line() == 0) return "";
  return ", line " + std::to_string(of.rule_line()) + " of policy revision " +
         std::to_string(of.policy_revision());
}

Document event_line(const AclEvent& event, const char* type) {
  Document document;
  document.json = event_json(event, type);
  if (event.lost() > 0) {
    document.line("(" + std::to_string(event.lost()) + " before this one were lost: too many)",
                  Tone::kWarn);
  }
  document.line(packet_text(event) + ": " + event.meaning() + rule_text(event));
  return document;
}

const char* opener_word(AclFlow::Opener opener) {
  return opener == AclFlow::OPENER_THIS_NODE ? "this_node"
         : opener == AclFlow::OPENER_PEER    ? "peer"
                                             : "unknown";
}

const char* state_word(AclFlow::State state) {
  switch (state) {
    case AclFlow::STATE_OPENED:
      return "opened";
    case AclFlow::STATE_REPLIED:
      return "replied";
    case AclFlow::STATE_CLOSING:
      return "closing";
    default:
      return "unknown";
  }
}

Json flow_json(const AclFlow& flow) {
  return {{"type", "flow"},
          {"opener", opener_word(flow.opener())},
          {"state", state_word(flow.state())},
          {"protocol", protocol_text(flow.protocol())},
          {"local", address_json(flow.local())},
          {"local_port", port_json(flow.local_port(), flow.protocol())},
          {"remote", address_json(flow.remote())},
          {"remote_port", port_json(flow.remote_port(), flow.protocol())},
          {"peer", text_json(flow.peer_name())},
          {"user", text_json(flow.peer_user())},
          {"rule_line", number_or_null(flow.rule_line())},
          {"policy_revision", number_or_null(flow.policy_revision())},
          {"age_s", flow.age_s()},
          {"idle_s", flow.idle_s()}};
}

std::string span_text(std::uint32_t span_s) { return format_span(std::chrono::seconds(span_s)); }

std::vector<Cell> flow_cells(const AclFlow& flow) {
  return {{flow.opener() == AclFlow::OPENER_THIS_NODE ? "this node" : "the peer"},
          {protocol_text(flow.protocol())},
          {end_text(flow.local(), flow.local_port(), flow.protocol())},
          {end_text(flow.remote(), flow.remote_port(), flow.protocol())},
          {peer_text(flow)},
          {flow.rule_line() == 0 ? "" : "line " + std::to_string(flow.rule_line())},
          {state_word(flow.state())},
          {span_text(flow.age_s())},
          {span_text(flow.idle_s())}};
}

}  // namespace

Document drops_document(const std::vector<AclEvent>& events) {
  Document document;
  Json list = Json::array();
  Table table{{{"TIME"}, {"WAY"}, {"PROTOCOL"}, {"SOURCE"}, {"DESTINATION"}, {"PEER"}, {"REASON"}},
              {}};
  for (const auto& event : events) {
    list.push_back(event_json(event, "drop"));
    table.rows.push_back(
        {{time_text(event.time_ms())},
         {direction_word(event.direction())},
         {protocol_text(event.protocol())},
         {end_text(event.source(), event.source_port(), event.protocol())},
         {end_text(event.destination(), event.destination_port(), event.protocol())},
         {peer_text(event)},
         {event.reason() + ": " + event.meaning()}});
  }
  document.json = {{"drops", std::move(list)}};
  if (table.rows.empty()) {
    document.line("No packet was dropped since the agent began.");
  } else {
    document.blocks.emplace_back(std::move(table));
  }
  return document;
}

Document flows_document(const std::vector<AclFlow>& flows) {
  Document document;
  Json list = Json::array();
  Table table{{{"OPENED BY"},
               {"PROTOCOL"},
               {"HERE"},
               {"THERE"},
               {"PEER"},
               {"RULE"},
               {"STATE"},
               {"AGE", Align::kRight},
               {"QUIET FOR", Align::kRight}},
              {}};
  for (const auto& flow : flows) {
    list.push_back(flow_json(flow));
    table.rows.push_back(flow_cells(flow));
  }
  document.json = {{"flows", std::move(list)}};
  if (table.rows.empty()) {
    document.line("The kernel remembers no flow.");
  } else {
    document.blocks.emplace_back(std::move(table));
  }
  return document;
}

Document drop_line(const AclEvent& event) { return event_line(event, "drop"); }

Document flow_line(const mesh::v1::FlowsResponse& item) {
  if (item.has_event()) return event_line(item.event(), "new_flow");
  const auto& flow = item.flow();
  Document document;
  document.json = flow_json(flow);
  const bool is_ours = flow.opener() == AclFlow::OPENER_THIS_NODE;
  const std::string here = end_text(flow.local(), flow.local_port(), flow.protocol());
  const std::string there = end_text(flow.remote(), flow.remote_port(), flow.protocol());
  document.line("remembered " + std::string(is_ours ? "out " : "in ") +
                protocol_text(flow.protocol()) + " " + (is_ours ? here : there) + " -> " +
                (is_ours ? there : here) + " " + peer_text(flow) + ": " + state_word(flow.state()) +
                ", began " + span_text(flow.age_s()) + " ago, quiet for " +
                span_text(flow.idle_s()) + rule_text(flow));
  return document;
}

}  // namespace kernmesh::adm
