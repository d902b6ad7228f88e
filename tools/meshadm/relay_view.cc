// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/relay_view.h"

#include <chrono>

#include "tools/meshadm/quantity.h"
#include "tools/meshadm/wire_text.h"

namespace kernmesh::adm {
namespace {

std::string when(std::int64_t seconds, WallTime now) {
  return seconds == 0 ? "never" : format_relative(WallTime(std::chrono::seconds(seconds)), now);
}

std::string state_of(const mesh::v1::RelayPlace& place) {
  if (place.draining()) return "draining";
  return place.online() ? "online" : "offline";
}

Tone relay_tone(const std::string& state) {
  if (state == "online") return Tone::kGood;
  return state == "draining" ? Tone::kWarn : Tone::kFaint;
}

Json load_json(const mesh::v1::Relay& relay) {
  if (!relay.has_load()) return {};
  const auto& load = relay.load();
  return {{"clients", load.clients()},
          {"pairs", load.pairs()},
          {"packets_per_second", load.packets_per_second()},
          {"tls_connections", load.tls_connections()}};
}

Json relay_json(const mesh::v1::Relay& relay) {
  const auto& place = relay.place();
  return {{"id", place.id()},
          {"name", place.name()},
          {"region", text_json(place.region())},
          {"state", state_of(place)},
          {"online", place.online()},
          {"draining", place.draining()},
          {"endpoints", endpoints_json(place.endpoints())},
          {"tls_port", place.tls_port() == 0 ? Json() : Json(place.tls_port())},
          {"relay_key", key_json(place.relay_key())},
          {"load", load_json(relay)},
          {"created_at", time_json(relay.created_at())},
          {"last_seen_at", time_json(relay.last_seen_at())},
          {"version", text_json(relay.relay_version())}};
}

std::string endpoints_text(const mesh::v1::RelayPlace& place) {
  std::string text;
  for (const auto& endpoint : place.endpoints()) {
    text += (text.empty() ? "" : ", ") + endpoint_text(endpoint);
  }
  return text.empty() ? "-" : text;
}

}  // namespace

Document relay_document(const mesh::v1::Relay& relay, const std::string& done, WallTime now) {
  Document document;
  document.json = {{"relay", relay_json(relay)}};
  if (!done.empty()) {
    document.line(done);
    return document;
  }
  const auto& place = relay.place();
  const std::string state = state_of(place);
  document.blocks.emplace_back(
      Line{{{place.name(), Tone::kStrong}, {"  "}, {state, relay_tone(state)}}});
  const auto fact = [&](const std::string& name, const std::string& value) {
    if (value.empty()) return;
    document.line("  " + name + std::string(14 - name.size(), ' ') + value);
  };
  fact("id", std::to_string(place.id()));
  fact("region", place.region());
  fact("endpoints", endpoints_text(place));
  fact("TLS", place.tls_port() == 0 ? "" : "port " + std::to_string(place.tls_port()));
  fact("key", key_json(place.relay_key()).dump());
  if (relay.has_load()) {
    const auto& load = relay.load();
    fact("clients", std::to_string(load.clients()));
    fact("pairs", std::to_string(load.pairs()));
    fact("packets/s", std::to_string(load.packets_per_second()));
  }
  fact("created", when(relay.created_at(), now));
  fact("last seen", place.online() ? "now" : when(relay.last_seen_at(), now));
  fact("version", relay.relay_version());
  return document;
}

Document relays_document(const mesh::v1::ListRelaysResponse& response, WallTime now) {
  Document document;
  Json relays = Json::array();
  Table table{{{"ID", Align::kRight},
               {"NAME"},
               {"REGION"},
               {"STATUS"},
               {"ENDPOINTS"},
               {"CLIENTS", Align::kRight},
               {"PAIRS", Align::kRight},
               {"PACKETS/S", Align::kRight},
               {"LAST SEEN"}},
              {}};
  for (const auto& relay : response.relays()) {
    relays.push_back(relay_json(relay));
    const auto& place = relay.place();
    const std::string state = state_of(place);
    const auto number = [&](std::uint64_t value) {
      return relay.has_load() ? std::to_string(value) : std::string("-");
    };
    table.rows.push_back({{std::to_string(place.id())},
                          {place.name(), Tone::kStrong},
                          {place.region().empty() ? "-" : place.region()},
                          {state, relay_tone(state)},
                          {endpoints_text(place)},
                          {number(relay.load().clients())},
                          {number(relay.load().pairs())},
                          {number(relay.load().packets_per_second())},
                          {place.online() ? "now" : when(relay.last_seen_at(), now)}});
  }
  document.json = {{"relays", std::move(relays)}};
  if (table.rows.empty()) {
    document.line(
        "No relays yet: `meshadm key create --relay` makes the key that mesh-relay wants.");
  } else {
    document.blocks.emplace_back(std::move(table));
  }
  return document;
}

}  // namespace kernmesh::adm
