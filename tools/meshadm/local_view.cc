// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/local_view.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "tools/meshadm/quantity.h"
#include "tools/meshadm/wire_text.h"

namespace kernmesh::adm {
namespace {

using mesh::v1::PeerStatus;
using std::chrono::microseconds;

std::string seconds_text(std::uint32_t ms) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f s", ms / 1000.0);
  return text.data();
}

std::string path_word(PeerStatus::PathKind kind) {
  switch (kind) {
    case PeerStatus::PATH_KIND_DIRECT:
      return "direct";
    case PeerStatus::PATH_KIND_RELAY:
      return "relay";
    default:
      return "none";
  }
}

}  // namespace

Json path_json(const PathFacts& path) {
  const bool known =
      path.kind == PeerStatus::PATH_KIND_DIRECT || path.kind == PeerStatus::PATH_KIND_RELAY;
  return {{"kind", path_word(path.kind)},
          {"endpoint", known ? Json(endpoint_text(path.endpoint)) : Json()},
          {"relay", text_json(path.relay_name)},
          {"tls", path.relay_over_tls}};
}

std::string path_text(const PathFacts& path) {
  const std::string word = path_word(path.kind);
  if (word == "none") return word;
  return word + " " + (path.relay_name.empty() ? endpoint_text(path.endpoint) : path.relay_name) +
         (path.relay_over_tls ? " (TLS)" : "");
}

Document up_document(const mesh::v1::UpResponse& response) {
  Document document;
  const auto& self = response.self();
  document.json = {{"node",
                    {{"id", self.node_id()},
                     {"name", self.name()},
                     {"user", text_json(self.user_name())},
                     {"addresses", addresses_json(self.addresses())}}},
                   {"state", self.awaits_approval() ? "pending" : "up"},
                   {"peer_count", response.peer_count()},
                   {"elapsed_ms", response.elapsed_ms()}};
  if (self.awaits_approval()) {
    document.line(self.name() + " has joined as " + addresses_text(self.addresses()) +
                      " and awaits approval.",
                  Tone::kWarn);
    document.line("An administrator lets it in with `meshadm node approve " + self.name() +
                  "`; it goes on by itself then.");
    return document;
  }
  const std::string peers =
      response.peer_count() == 1 ? "1 peer" : std::to_string(response.peer_count()) + " peers";
  document.blocks.emplace_back(
      Line{{{self.name(), Tone::kStrong},
            {" is "},
            {"up", Tone::kGood},
            {" as " + addresses_text(self.addresses()) + " after " +
             seconds_text(response.elapsed_ms()) + ", with " + peers + "."}}});
  return document;
}

Document invitation_document(const mesh::v1::SignInResponse::Invitation& invitation) {
  Document document;
  document.json = {{"sign_in",
                    {{"url", invitation.url()},
                     {"code", invitation.user_code()},
                     {"lifetime_s", invitation.lifetime_s()}}}};
  document.line("To sign this machine in, open");
  document.blocks.emplace_back(Line{{{"  "}, {invitation.url(), Tone::kStrong}}});
  const auto minutes = std::to_string(invitation.lifetime_s() / 60);
  document.blocks.emplace_back(
      Line{{{"within " + minutes + " minutes, where you see or type the code "},
            {invitation.user_code(), Tone::kStrong},
            {"."}}});
  return document;
}

Document signed_in_document(const mesh::v1::UpResponse& response) {
  Document document = up_document(response);
  document.blocks.insert(
      document.blocks.begin(),
      Line{{{"Signed in as "}, {response.self().user_name(), Tone::kStrong}, {"."}}});
  return document;
}

Document down_document() {
  Document document;
  document.json = {{"state", "down"}};
  document.line("The mesh is down. Keys and netmap are kept: `meshadm up` brings it back.");
  return document;
}

Document logout_document(const mesh::v1::LogoutResponse& response) {
  Document document;
  document.json = {{"state", "logged_out"}, {"warning", text_json(response.warning())}};
  document.line("Logged out: this machine has left the network and forgotten its keys.");
  if (!response.warning().empty()) document.line("! " + response.warning(), Tone::kWarn);
  return document;
}

Document routes_document(const mesh::v1::RoutesResponse& response) {
  Document document;
  Json routes = Json::array();
  Table table{{{"DESTINATION"}, {"PEER"}, {"DEVICE"}, {"TABLE", Align::kRight}, {"IN KERNEL"}}, {}};
  for (const auto& route : response.routes()) {
    routes.push_back({{"destination", prefix_text(route.destination())},
                      {"peer", text_json(route.peer_name())},
                      {"device", text_json(route.device())},
                      {"table", route.table()},
                      {"installed", route.installed()}});
    table.rows.push_back({{prefix_text(route.destination())},
                          {route.peer_name().empty() ? "the network" : route.peer_name()},
                          {route.device()},
                          {std::to_string(route.table())},
                          route.installed() ? Cell{"yes", Tone::kGood} : Cell{"no", Tone::kBad}});
  }
  document.json = {{"routes", std::move(routes)}};
  if (table.rows.empty()) {
    document.line("No routes: the mesh is not up. `meshadm status` says why.");
  } else {
    document.blocks.emplace_back(std::move(table));
  }
  return document;
}

Document version_document(const mesh::v1::VersionResponse* response) {
  Document document;
  document.json["meshadm"] = KERNMESH_VERSION;
  document.json["agent"] = nullptr;
  document.line("meshadm  " KERNMESH_VERSION);
  if (response == nullptr) return document;
  document.json["agent"] = {{"version", response->agent_version()},
                            {"protocol_minor", response->protocol_minor()},
                            {"abi_version", response->abi_version()},
                            {"kernel_release", response->kernel_release()}};
  document.line("agent    " + response->agent_version() + " (protocol 1." +
                std::to_string(response->protocol_minor()) + ", maps ABI " +
                std::to_string(response->abi_version()) + ")");
  document.line("kernel   " + response->kernel_release());
  return document;
}

Document ping_document(const mesh::v1::PingResponse& answer) {
  Document document;
  const std::string address = address_text(answer.peer_address());
  const PathFacts path{answer.path_kind(), answer.path(), answer.relay_name(),
                       answer.relay_over_tls()};
  document.json = {{"type", "reply"},
                   {"sequence", answer.sequence()},
                   {"peer", text_json(answer.peer_name())},
                   {"address", address_json(answer.peer_address())},
                   {"timed_out", answer.timed_out()},
                   {"path", path_json(path)},
                   {"latency_us", answer.timed_out() ? Json() : Json(answer.latency_us())}};
  const std::string peer = answer.peer_name() + " (" + address + ")";
  const std::string sequence = " seq=" + std::to_string(answer.sequence());
  if (answer.timed_out()) {
    document.line("no reply from " + peer + sequence, Tone::kWarn);
  } else {
    document.line("reply from " + peer + " via " + path_text(path) + ": " +
                  format_latency(microseconds(answer.latency_us())) + sequence);
  }
  return document;
}

void PingCount::add(const mesh::v1::PingResponse& answer) {
  ++sent;
  if (answer.timed_out()) return;
  least_us = received == 0 ? answer.latency_us() : std::min(least_us, answer.latency_us());
  most_us = std::max(most_us, answer.latency_us());
  sum_us += answer.latency_us();
  ++received;
}

Document ping_summary(const std::string& target, const PingCount& count) {
  Document document;
  const bool any = count.received > 0;
  const auto mean = any ? count.sum_us / count.received : 0;
  const auto number = [any](std::uint64_t value) { return any ? Json(value) : Json(); };
  document.json = {{"type", "summary"},
                   {"target", target},
                   {"sent", count.sent},
                   {"received", count.received},
                   {"latency_min_us", number(count.least_us)},
                   {"latency_mean_us", number(mean)},
                   {"latency_max_us", number(count.most_us)}};
  std::string text = std::to_string(count.sent) + " sent, " + std::to_string(count.received) +
                     " answered, " + std::to_string(count.sent - count.received) + " lost";
  if (any) {
    text += "; least " + format_latency(microseconds(count.least_us)) + ", mean " +
            format_latency(microseconds(mean)) + ", most " +
            format_latency(microseconds(count.most_us));
  }
  document.line(text);
  return document;
}

}  // namespace kernmesh::adm
