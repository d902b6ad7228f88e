// SPDX-License-Identifier: Apache-2.0
// The status of this node (the other half of local_view.h): a sentence, what is wrong, the peers.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "tools/meshadm/local_view.h"
#include "tools/meshadm/quantity.h"
#include "tools/meshadm/wire_text.h"

namespace kernmesh::adm {
namespace {

using mesh::v1::PeerStatus;
using mesh::v1::StatusResponse;

constexpr std::uint32_t kNoPacketYet = 0xffffffff;  // local.proto, PeerStatus.last_rx_age_ms

struct StateWords {
  const char* json;
  const char* human;
  Tone tone;
};
StateWords words_of(mesh::v1::RunState state) {
  switch (state) {
    case mesh::v1::RUN_STATE_LOGGED_OUT:
      return {"logged_out", "logged out", Tone::kWarn};
    case mesh::v1::RUN_STATE_DOWN:
      return {"down", "down", Tone::kWarn};
    case mesh::v1::RUN_STATE_STARTING:
      return {"starting", "starting", Tone::kWarn};
    case mesh::v1::RUN_STATE_UP:
      return {"up", "up", Tone::kGood};
    case mesh::v1::RUN_STATE_EXPIRED:
      return {"expired", "expired", Tone::kBad};
    case mesh::v1::RUN_STATE_PENDING:
      return {"pending", "awaiting approval", Tone::kWarn};
    default:
      return {"unknown", "in an unknown state", Tone::kWarn};
  }
}

PathFacts path_of(const PeerStatus& peer) {
  return {peer.path_kind(), peer.path(), peer.relay_name(), peer.relay_over_tls()};
}

Tone tone_of(const std::string& state) {
  if (state == "active") return Tone::kGood;
  if (state == "expired") return Tone::kBad;
  return state == "offline" ? Tone::kFaint : Tone::kPlain;
}

std::string last_seen(std::uint32_t age_ms) {
  if (age_ms == kNoPacketYet) return "never";
  if (age_ms < 2'000) return "now";
  return format_span(std::chrono::seconds(age_ms / 1000)) + " ago";
}

Json age_json(std::uint32_t age_ms) { return age_ms == kNoPacketYet ? Json() : Json(age_ms); }

// Neither an MTU nor a port is ever 0.
Json number_json(std::uint32_t value) { return value == 0 ? Json() : Json(value); }

// To a thousandth.
Json loss_json(const PeerStatus& status) {
  return status.has_loss() ? Json(std::round(status.loss() * 1000) / 1000) : Json();
}

Json peer_json(const PeerStatus& status, WallTime now) {
  const auto& peer = status.peer();
  return {{"id", peer.node_id()},
          {"name", peer.name()},
          {"user", text_json(peer.user_name())},
          {"state", peer_state(status, now)},
          {"online", peer.online()},
          {"addresses", addresses_json(peer.addresses())},
          {"endpoints", endpoints_json(peer.endpoints())},
          {"node_key", key_json(peer.node_key())},
          {"key_expires_at", time_json(peer.key_expires_at())},
          {"synthetic_address", address_json(status.synthetic_address())},
          {"path", path_json(path_of(status))},
          {"mtu", number_json(status.mtu())},
          {"latency_us", status.latency_us() == 0 ? Json() : Json(status.latency_us())},
          {"loss", loss_json(status)},
          {"rx_bytes", status.rx_bytes()},
          {"tx_bytes", status.tx_bytes()},
          {"rx_packets", status.rx_packets()},
          {"tx_packets", status.tx_packets()},
          {"last_rx_age_ms", age_json(status.last_rx_age_ms())},
          {"last_tx_age_ms", age_json(status.last_tx_age_ms())}};
}

Json lock_json(const mesh::v1::LockStatus& lock) {
  Json left_out = Json::array();
  for (const auto& peer : lock.left_out()) left_out.push_back(peer.name());
  const bool is_in_force = lock.state() == mesh::v1::LockStatus::STATE_IN_FORCE;
  return {{"in_force", is_in_force},
          {"signed", is_in_force ? Json(lock.is_endorsed()) : Json()},
          {"left_out", std::move(left_out)}};
}

Json status_json(const StatusResponse& response, WallTime now) {
  const auto& self = response.self();
  const bool known = self.node_id() != 0;
  Json peers = Json::array();
  for (const auto& peer : response.peers()) peers.push_back(peer_json(peer, now));
  Json problems = Json::array();
  for (const auto& problem : response.problems()) problems.push_back(problem);
  Json node = nullptr;
  if (known) {
    node = {{"id", self.node_id()},
            {"name", self.name()},
            {"user", text_json(self.user_name())},
            {"addresses", addresses_json(self.addresses())},
            {"key_expires_at", time_json(self.key_expires_at())}};
  }
  Json missing = nullptr;
  if (response.has_server_missing_s()) missing = response.server_missing_s();
  return {{"state", words_of(response.state()).json},
          {"node", std::move(node)},
          {"server",
           {{"address", text_json(response.server())},
            {"connected", response.server_connected()},
            {"missing_s", std::move(missing)},
            {"error", text_json(response.server_error())}}},
          {"received", version_json(response.received())},
          {"applied", version_json(response.applied())},
          {"interface", text_json(response.interface_name())},
          {"underlay", text_json(response.underlay_name())},
          {"mtu", number_json(response.mtu())},
          {"port", number_json(response.public_port())},
          {"attach_kind", text_json(response.attach_kind())},
          {"local_endpoints", endpoints_json(response.local_endpoints())},
          {"home_relay", text_json(response.home_relay())},
          {"port_mapping", mapping_json(response.port_mapping())},
          {"agent_version", text_json(response.agent_version())},
          {"kernel_release", text_json(response.kernel_release())},
          {"lock", lock_json(response.lock())},
          {"problems", std::move(problems)},
          {"peers", std::move(peers)}};
}

// "web-1  100.64.0.1, fd7a::1  up, connected to vpn.example:8443"
Line first_line(const StatusResponse& response) {
  const StateWords state = words_of(response.state());
  Line line;
  if (response.self().node_id() != 0) {
    line.pieces.push_back({response.self().name(), Tone::kStrong});
    line.pieces.push_back({"  " + addresses_text(response.self().addresses()) + "  "});
  } else {
    line.pieces.push_back({"This machine is "});
  }
  line.pieces.push_back({state.human, state.tone});
  if (response.state() == mesh::v1::RUN_STATE_LOGGED_OUT || response.server().empty()) return line;
  if (response.server_connected()) {
    line.pieces.push_back({", connected to " + response.server()});
  } else {
    line.pieces.push_back({", "});
    line.pieces.push_back({"not connected", Tone::kWarn});
    line.pieces.push_back({" to " + response.server()});
    if (response.has_server_missing_s()) {
      const std::chrono::seconds missing(response.server_missing_s());
      line.pieces.push_back({" for " + format_span(missing)});
    }
  }
  return line;
}

// What to do about the state itself; empty when it is as it should be.
std::string next_step(mesh::v1::RunState state) {
  switch (state) {
    case mesh::v1::RUN_STATE_LOGGED_OUT:
      return "Join a network with `meshadm up --server HOST:PORT --key mk-…`.";
    case mesh::v1::RUN_STATE_DOWN:
      return "Bring it up with `meshadm up`.";
    case mesh::v1::RUN_STATE_EXPIRED:
      return "This node's key has expired: `meshadm up` lets its user sign in again, `meshadm up "
             "--key mk-…` takes a join key of his, and an administrator renews it with `meshadm "
             "node renew NAME`.";
    case mesh::v1::RUN_STATE_PENDING:
      return "An administrator has to let this node in: `meshadm node approve NAME`. It goes on by "
             "itself then.";
    default:
      return "";
  }
}

void add_problems(Document& document, const StatusResponse& response) {
  if (const auto step = next_step(response.state()); !step.empty()) document.line("  " + step);
  const bool running = response.state() == mesh::v1::RUN_STATE_UP ||
                       response.state() == mesh::v1::RUN_STATE_PENDING ||
                       response.state() == mesh::v1::RUN_STATE_STARTING;
  if (running && !response.server_connected() && !response.server_error().empty()) {
    document.line("! server: " + response.server_error(), Tone::kWarn);
    if (response.state() == mesh::v1::RUN_STATE_UP) {
      document.line("  The mesh goes on with what it last heard from it.");
    }
  }
  if (running && (response.received().epoch() != response.applied().epoch() ||
                  response.received().revision() != response.applied().revision())) {
    document.line("! The newest map of the network is not applied yet (received " +
                      std::to_string(response.received().revision()) + ", applied " +
                      std::to_string(response.applied().revision()) + ").",
                  Tone::kWarn);
  }
  for (const auto& problem : response.problems()) document.line("! " + problem, Tone::kWarn);
}

std::string loss_text(const PeerStatus& status) {
  if (status.loss() <= 0) return "-";
  return std::to_string(std::max(1L, std::lround(status.loss() * 100))) + " %";
}

// A column of its own behind the latency, and only when there is something to tell.
void add_loss(Table& table, const std::vector<const PeerStatus*>& peers) {
  constexpr std::ptrdiff_t kColumn = 6;
  const auto loses = [](const PeerStatus* status) { return status->loss() > 0; };
  if (std::none_of(peers.begin(), peers.end(), loses)) return;
  table.columns.insert(table.columns.begin() + kColumn, {"LOSS", Align::kRight});
  for (std::size_t i = 0; i < peers.size(); ++i)
    table.rows[i].insert(table.rows[i].begin() + kColumn, {loss_text(*peers[i]), Tone::kWarn});
}

Table peer_table(const StatusResponse& response, WallTime now) {
  Table table{{{"NAME"},
               {"ADDRESS"},
               {"USER"},
               {"STATUS"},
               {"PATH"},
               {"LATENCY", Align::kRight},
               {"RX", Align::kRight},
               {"TX", Align::kRight},
               {"LAST SEEN"}},
              {}};
  std::vector<const PeerStatus*> sorted;
  for (const auto& status : response.peers()) sorted.push_back(&status);
  std::sort(sorted.begin(), sorted.end(), [](const PeerStatus* a, const PeerStatus* b) {
    return a->peer().name() < b->peer().name();
  });
  for (const PeerStatus* status : sorted) {
    const auto& peer = status->peer();
    const std::string state = peer_state(*status, now);
    const std::string latency =
        status->latency_us() == 0 ? "-"
                                  : format_latency(std::chrono::microseconds(status->latency_us()));
    table.rows.push_back({{peer.name(), Tone::kStrong},
                          {peer.addresses().empty() ? "-" : address_text(peer.addresses(0))},
                          {peer.user_name()},
                          {state, tone_of(state)},
                          {path_text(path_of(*status))},
                          {latency},
                          {format_bytes(status->rx_bytes())},
                          {format_bytes(status->tx_bytes())},
                          {last_seen(status->last_rx_age_ms())}});
  }
  add_loss(table, sorted);
  return table;
}

}  // namespace

std::string peer_state(const PeerStatus& status, WallTime now) {
  const auto expiry = status.peer().key_expires_at();
  if (expiry != 0 && expiry <= now.time_since_epoch().count()) return "expired";
  if (status.session_active()) return "active";
  return status.peer().online() ? "idle" : "offline";
}

Document status_document(const StatusResponse& response, WallTime now) {
  Document document;
  document.json = status_json(response, now);
  document.blocks.emplace_back(first_line(response));
  add_problems(document, response);
  if (!response.peers().empty()) {
    document.line("");
    document.blocks.emplace_back(peer_table(response, now));
  } else if (response.state() == mesh::v1::RUN_STATE_UP) {
    document.line("No peers yet: make a key for another machine with `meshadm key create`.");
  }
  return document;
}

}  // namespace kernmesh::adm
