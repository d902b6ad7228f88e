// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/netcheck_view.h"

#include <algorithm>
#include <chrono>

#include "tools/meshadm/local_view.h"
#include "tools/meshadm/quantity.h"
#include "tools/meshadm/wire_text.h"

namespace kernmesh::adm {
namespace {

using Response = mesh::v1::NetcheckResponse;

struct MappingWords {
  const char* json;  // null: not known
  const char* human;
};

MappingWords words_of(Response::Mapping mapping) {
  switch (mapping) {
    case Response::MAPPING_SAME:
      return {"same", "false"};
    case Response::MAPPING_VARIES_IN_STEPS:
      return {"varies_in_steps", "true, in steps that can be guessed"};
    case Response::MAPPING_VARIES:
      return {"varies", "true"};
    default:
      return {nullptr, "not known: fewer than two relays answered"};
  }
}

struct ProtocolWords {
  const char* json;  // null: none
  const char* human;
};

ProtocolWords words_of(mesh::v1::PortMapping::Protocol protocol) {
  switch (protocol) {
    case mesh::v1::PortMapping::PROTOCOL_PCP:
      return {"pcp", "PCP"};
    case mesh::v1::PortMapping::PROTOCOL_NAT_PMP:
      return {"nat-pmp", "NAT-PMP"};
    case mesh::v1::PortMapping::PROTOCOL_UPNP:
      return {"upnp", "UPnP"};
    default:
      return {nullptr, nullptr};
  }
}

std::string seen_text(bool seen, const mesh::v1::Endpoint& endpoint) {
  return seen ? "yes, " + endpoint_text(endpoint) : "no answer";
}

Json list_tls_relays(const Response& response, Document& document) {
  Json relays = Json::array();
  if (response.tls_relays_size() > 0) document.line("    * Relays over TLS:");
  for (const auto& relay : response.tls_relays()) {
    const std::string at = relay.relay_name() + " (" + endpoint_text(relay.endpoint()) + "): ";
    if (relay.connected()) {
      document.line("        - " + at + "connected");
    } else if (relay.problem().empty()) {
      document.line("        - " + at + "not connected; none is made before it is needed");
    } else {
      document.line("        - " + at + relay.problem(), Tone::kBad);
    }
    relays.push_back({{"relay", text_json(relay.relay_name())},
                      {"endpoint", endpoint_text(relay.endpoint())},
                      {"connected", relay.connected()},
                      {"problem", text_json(relay.problem())}});
  }
  return relays;
}

}  // namespace

std::string mapping_text(const mesh::v1::PortMapping& mapping) {
  const ProtocolWords words = words_of(mapping.protocol());
  if (words.human == nullptr) return "none";
  return words.human + (", " + endpoint_text(mapping.external()));
}

Json mapping_json(const mesh::v1::PortMapping& mapping) {
  const ProtocolWords words = words_of(mapping.protocol());
  if (words.json == nullptr) return {};
  return {{"protocol", words.json}, {"endpoint", endpoint_text(mapping.external())}};
}

bool reaches_a_relay(const Response& response) {
  return response.udp() || std::any_of(response.tls_relays().begin(), response.tls_relays().end(),
                                       [](const auto& relay) { return relay.connected(); });
}

Document netcheck_document(const Response& response) {
  Document document;
  const MappingWords mapping = words_of(response.mapping());
  Json latencies = Json::array();
  document.line("Report:");
  document.line(std::string("    * UDP: ") + (response.udp() ? "true" : "false"));
  document.line("    * IPv4: " + seen_text(response.has_v4(), response.v4()));
  document.line("    * IPv6: " + seen_text(response.has_v6(), response.v6()));
  document.line(std::string("    * MappingVariesByDestAddr: ") + mapping.human);
  document.line("    * PortMapping: " + mapping_text(response.port_mapping()));
  document.line("    * Nearest relay: " +
                (response.home_relay().empty() ? "none" : response.home_relay()));
  document.line("    * Relay latency:");
  for (const auto& latency : response.latencies()) {
    latencies.push_back({{"relay", text_json(latency.relay_name())},
                         {"region", text_json(latency.region())},
                         {"latency_us", latency.latency_us()}});
    document.line("        - " + latency.relay_name() + ": " +
                  format_latency(std::chrono::microseconds(latency.latency_us())));
  }
  Json tls_relays = list_tls_relays(response, document);
  const auto silent = response.relays() - static_cast<std::uint32_t>(response.latencies_size());
  if (!response.udp() && reaches_a_relay(response)) {
    document.line("! UDP does not get through; relays are reached over TLS, which is slower.",
                  Tone::kWarn);
  } else if (silent > 0 && response.latencies_size() == 0) {
    document.line("! No relay answers: UDP to them is blocked, or they are down.", Tone::kWarn);
  }
  document.json = {{"udp", response.udp()},
                   {"ipv4", response.has_v4() ? Json(endpoint_text(response.v4())) : Json()},
                   {"ipv6", response.has_v6() ? Json(endpoint_text(response.v6())) : Json()},
                   {"mapping", mapping.json == nullptr ? Json() : Json(mapping.json)},
                   {"port_mapping", mapping_json(response.port_mapping())},
                   {"home_relay", text_json(response.home_relay())},
                   {"relays", response.relays()},
                   {"latencies", std::move(latencies)},
                   {"tls_relays", std::move(tls_relays)}};
  return document;
}

}  // namespace kernmesh::adm
