// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/relay_use.h"

#include <sodium.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "controller/core/netmap/validate.h"

namespace kernmesh::agent {
namespace {

path::Seed fresh_seed() {
  path::Seed seed;
  randombytes_buf(seed.mutable_bytes().data(), seed.mutable_bytes().size());
  return seed;
}

// The clock in microseconds, so that requests rise over restarts.
relay::Sequence first_sequence() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return relay::Sequence(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

}  // namespace

RelayUse::RelayUse(const X25519SecretKey& disco, Events events)
    : events_(std::move(events)),
      meetings_({disco, fresh_seed(), first_sequence()}),
      check_(fresh_seed()) {}

RelayUse::~RelayUse() {
  for (const auto& done : waiting_) done(last_report_.value_or(netcheck::Report()));
}

void RelayUse::apply(MonoTime now, const netmap::Netmap& map) {
  set_relays(now, map);
  std::set<NodeId> gone = std::exchange(peers_, {});
  for (const auto& [id, peer] : map.peers) {
    gone.erase(id);
    put_peer(now, peer);
  }
  for (const NodeId id : gone) meetings_.remove_peer(now, id);
}

void RelayUse::apply_step(MonoTime now, const netmap::Netmap& map,
                          std::span<const NodeId> touched) {
  set_relays(now, map);
  for (const NodeId id : touched) {
    const auto peer = map.peers.find(id);
    if (peer != map.peers.end()) {
      put_peer(now, peer->second);
    } else if (peers_.erase(id) > 0) {
      meetings_.remove_peer(now, id);
    }
  }
}

void RelayUse::put_peer(MonoTime now, const netmap::Peer& peer) {
  peers_.insert(peer.id);
  const auto home =
      peer.home_relay == RelayId() ? std::nullopt : std::optional<RelayId>(peer.home_relay);
  meetings_.upsert_peer(now, {peer.id, peer.disco_key, home});
}

void RelayUse::set_relays(MonoTime now, const netmap::Netmap& map) {
  if (map.relays.ticket && map.relays.ticket != relays_.ticket)
    meetings_.set_ticket(now, *map.relays.ticket);
  const bool same = map.relays.known == relays_.known && map.self.overlay_prefixes == overlay_;
  relays_ = map.relays;
  overlay_ = map.self.overlay_prefixes;
  if (same) return;
  std::vector<relay::RelayInfo> infos;
  std::vector<netcheck::Server> servers;
  for (const auto& [id, relay] : relays_.known) {
    auto endpoints = netmap::usable_endpoints(relay, map.self);
    if (endpoints.empty()) continue;
    const auto use =
        relay.draining ? relay::RelayInfo::Use::kDraining : relay::RelayInfo::Use::kOpen;
    // Nobody makes one his home that wants to be left.
    if (!relay.draining) servers.push_back({id, endpoints});
    infos.push_back({id, {relay.key, std::move(endpoints)}, use});
  }
  servers_ = servers.size();
  meetings_.set_relays(now, std::move(infos));
  check_.set_servers(now, std::move(servers));
}

void RelayUse::on_moved(MonoTime now) {
  meetings_.on_moved(now);
  check_.start(now);
}

void RelayUse::on_active(MonoTime now, NodeId peer) {
  meetings_.on_active(now, peer);
  check_.on_active(now);
}

bool RelayUse::on_datagram(MonoTime now, std::span<const std::uint8_t> bytes,
                           const Endpoint& source) {
  if (stun::is_stun(bytes)) {
    check_.on_datagram(now, bytes, source);
    return true;
  }
  if (!relay::is_control(bytes)) return false;
  meetings_.on_datagram(now, bytes, source);
  return true;
}

bool RelayUse::check(MonoTime now, CheckDone done) {
  if (servers_ == 0) return false;
  waiting_.push_back(std::move(done));
  check_.start(now);
  return true;
}

void RelayUse::settle(MonoTime now) {
  if (const auto due = meetings_.next_deadline(); due && *due <= now) meetings_.tick(now);
  if (const auto due = check_.next_deadline(); due && *due <= now) check_.tick(now);
  for (bool again = true; again;) {
    again = false;
    for (const auto& command : meetings_.take_commands()) again = true, run(now, command);
    for (const auto& command : check_.take_commands()) again = true, run(now, command);
  }
}

std::optional<MonoTime> RelayUse::next_deadline() const {
  const auto a = meetings_.next_deadline(), b = check_.next_deadline();
  if (a && b) return std::min(*a, *b);
  return a ? a : b;
}

void RelayUse::run(MonoTime now, const relay::MeetingCommand& command) {
  if (const auto* ways = std::get_if<relay::SetRelayed>(&command)) {
    events_.on_ways(*ways);
  } else if (const auto* out = std::get_if<relay::ToRelay>(&command)) {
    events_.send(out->relay, out->bytes);
  } else if (const auto* seen = std::get_if<relay::SeenByRelay>(&command)) {
    admission_ = {};
    spdlog::info("bound at relay {}, which sees this node at {}", to_string(seen->relay),
                 to_string(seen->observed));
  } else if (const auto* lost = std::get_if<relay::HomeLost>(&command)) {
    spdlog::info("home relay {} does not answer or wants to be left", to_string(lost->relay));
    check_.start(now);
  } else {
    admission_ = Error(ErrorCode::kPermissionDenied,
                       "a relay does not take this node's ticket: " +
                           std::string(to_string(std::get<relay::TicketRefused>(command).reason)));
  }
}

void RelayUse::run(MonoTime now,
                   const std::variant<netcheck::SendStun, netcheck::NewReport>& command) {
  if (const auto* out = std::get_if<netcheck::SendStun>(&command)) {
    events_.send(out->to, out->bytes);
  } else {
    on_report(now, std::get<netcheck::NewReport>(command).report);
  }
}

void RelayUse::on_report(MonoTime now, const netcheck::Report& report) {
  if (report.home != home_) {
    home_ = report.home;
    spdlog::info("home relay: {}", home_ ? to_string(*home_) : "none");
    meetings_.set_home(now, home_);
    events_.on_home(home_);
  }
  const bool same = last_report_ && netcheck::is_same_network(*last_report_, report);
  last_report_ = report;
  if (!same) events_.on_network();
  for (const auto& done : std::exchange(waiting_, {})) done(report);
}

}  // namespace kernmesh::agent
