// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/relay_use.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "controller/core/netmap/validate.h"
#include "controller/host/kernel_random.h"

namespace kernmesh::agent {
namespace {

// UDP that has worked is not given up for one round: its questions may have been lost.
constexpr int kVainRounds = 2;
// After UDP works again; longer than what came by them is expected (Meetings::kLeaving).
constexpr auto kStreamsKept = relay::Meetings::kLeaving + std::chrono::seconds(2);

// The clock in microseconds, so that requests rise over restarts.
relay::Sequence first_sequence() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return relay::Sequence(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

}  // namespace

RelayUse::RelayUse(const X25519SecretKey& disco, Events events)
    : events_(std::move(events)),
      meetings_({disco, host::kernel_random(), first_sequence()}),
      check_(host::kernel_random()) {}

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
  const bool same =
      map.relays.known == relays_.known && map.self.overlay_prefixes == self_.overlay_prefixes;
  relays_ = map.relays;
  self_ = map.self;
  if (same) return;
  std::vector<netcheck::Server> servers;
  for (const auto& [id, relay] : relays_.known) {
    auto endpoints = netmap::usable_endpoints(relay, self_);
    // Nobody makes one his home that wants to be left.
    if (!endpoints.empty() && !relay.draining) servers.push_back({id, std::move(endpoints)});
  }
  servers_ = servers.size();
  arrange_relays(now);
  check_.set_servers(now, std::move(servers));
}

std::vector<Endpoint> RelayUse::ways_to(const netmap::Relay& relay) const {
  auto endpoints = netmap::usable_endpoints(relay, self_);
  if (udp_works_ || relay.tls_port == Port()) return endpoints;
  for (auto& endpoint : endpoints) endpoint.port = relay.tls_port;
  return endpoints;
}

void RelayUse::arrange_relays(MonoTime now) {
  std::vector<relay::RelayInfo> infos;
  std::map<Endpoint, netmap::CertificateFingerprint> streams;
  for (const auto& [id, relay] : relays_.known) {
    auto endpoints = ways_to(relay);
    if (endpoints.empty()) continue;
    for (const auto& usable : netmap::usable_endpoints(relay, self_)) {
      const Endpoint stream{usable.address, relay.tls_port};
      const bool kept = streams_end_ && streams_.contains(stream);
      if (relay.tls_port != Port() && (kept || !udp_works_))
        streams[stream] = relay.tls_fingerprint;
    }
    const auto use =
        relay.draining ? relay::RelayInfo::Use::kDraining : relay::RelayInfo::Use::kOpen;
    infos.push_back({id, {relay.key, std::move(endpoints)}, use});
  }
  streams_ = std::move(streams);
  events_.on_streams(streams_);
  meetings_.set_relays(now, std::move(infos));
}

// Latencies of TLS are not measured, so without UDP it is the first of the map's that can be had.
std::optional<RelayId> RelayUse::home_of(const netcheck::Report& report) const {
  if (udp_works_) return report.home;
  const auto can_be = [](const netmap::Relay& relay) {
    return relay.tls_port != Port() && !relay.draining && relay.online;
  };
  if (home_) {
    const auto known = relays_.known.find(*home_);
    if (known != relays_.known.end() && can_be(known->second)) return home_;
  }
  for (const auto& [id, relay] : relays_.known)
    if (can_be(relay)) return id;
  return report.home;
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
  if (streams_end_ && *streams_end_ <= now) {
    streams_end_.reset();
    streams_.clear();
    events_.on_streams({});
  }
  if (const auto due = meetings_.next_deadline(); due && *due <= now) meetings_.tick(now);
  if (const auto due = check_.next_deadline(); due && *due <= now) check_.tick(now);
  for (bool again = true; again;) {
    again = false;
    for (const auto& command : meetings_.take_commands()) again = true, run(now, command);
    for (const auto& command : check_.take_commands()) again = true, run(now, command);
  }
}

std::optional<MonoTime> RelayUse::next_deadline() const {
  std::optional<MonoTime> earliest = streams_end_;
  for (const auto& due : {meetings_.next_deadline(), check_.next_deadline()})
    if (due && (!earliest || *due < *earliest)) earliest = due;
  return earliest;
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
  } else if (const auto* liar = std::get_if<relay::RelayDistrusted>(&command)) {
    spdlog::warn("relay {} gives one channel, {}, for two peers: it is not used for ten minutes",
                 to_string(liar->relay), liar->channel.value());
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

void RelayUse::believe(MonoTime now, const netcheck::Report& report) {
  vain_rounds_ = report.udp ? 0 : vain_rounds_ + 1;
  const bool works = report.udp || (last_report_ && udp_works_ && vain_rounds_ < kVainRounds);
  if (works && !report.udp) check_.start(now);
  if (works == udp_works_) return;
  udp_works_ = works;
  streams_end_ = works ? std::optional(now + kStreamsKept) : std::nullopt;
  spdlog::info("UDP {} this network", works ? "gets out of" : "does not get out of");
  arrange_relays(now);
}

void RelayUse::on_report(MonoTime now, const netcheck::Report& report) {
  believe(now, report);
  const auto home = home_of(report);
  if (home != home_) {
    home_ = home;
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
