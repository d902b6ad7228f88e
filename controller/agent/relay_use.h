// SPDX-License-Identifier: Apache-2.0
// How this node uses the network's relays (L3): where it is at home, whom it meets where, and what
// they see of its network. Wires core/relay and core/netcheck to the public port and the netmap and
// decides nothing. Nothing happens before settle(). Single-threaded.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "controller/core/netcheck/netcheck.h"
#include "controller/core/netmap/netmap.h"
#include "controller/core/relay/meetings.h"

namespace kernmesh::agent {

using relay::RelayId;

class RelayUse {
 public:
  struct Events {
    std::function<void(const Endpoint&, std::span<const std::uint8_t>)> send;
    std::function<void(const relay::SetRelayed&)> on_ways;
    std::function<void(std::optional<RelayId>)> on_home;
    std::function<void()> on_network;  // report() says something else than before
    // Where relays are reached over TLS now, and what they have to present; none while UDP works.
    std::function<void(std::map<Endpoint, netmap::CertificateFingerprint>)> on_streams;
  };
  using CheckDone = std::function<void(const netcheck::Report&)>;

  RelayUse(const X25519SecretKey& disco, Events events);
  // Whoever waits for a check gets what is known.
  ~RelayUse();
  RelayUse(const RelayUse&) = delete;
  RelayUse& operator=(const RelayUse&) = delete;

  // Everything as the map says.
  void apply(MonoTime now, const netmap::Netmap& map);
  // The same when of the peers only these may differ.
  void apply_step(MonoTime now, const netmap::Netmap& map, std::span<const NodeId> touched);
  void on_moved(MonoTime now);
  // A relay over TLS forgets who it knew by a connection that ended.
  void on_stream_lost(MonoTime now) {
    if (!udp_works_) meetings_.on_moved(now);
  }
  // The session carries traffic, or somebody wants to reach the peer.
  void on_active(MonoTime now, NodeId peer);
  void on_doubt(MonoTime now, const path::Way& way) { meetings_.on_doubt(now, way); }
  // False when it is neither STUN nor a relay's word.
  bool on_datagram(MonoTime now, std::span<const std::uint8_t> bytes, const Endpoint& source);

  // Asks every relay anew; `done` is called once, when they have answered or been waited for. False
  // when there is none to ask.
  bool check(MonoTime now, CheckDone done);

  void settle(MonoTime now);
  std::optional<MonoTime> next_deadline() const;

  const std::optional<netcheck::Report>& report() const { return check_.report(); }
  // False: relays that can be are reached over TLS.
  bool udp_works() const { return udp_works_; }
  std::optional<RelayId> home() const { return home_; }
  // Why relays do not let this node in; success when they do, or were not asked.
  const Status& admission() const { return admission_; }

 private:
  void set_relays(MonoTime now, const netmap::Netmap& map);
  void arrange_relays(MonoTime now);
  // By UDP; over TLS while UDP does not get through and the relay has a port for that.
  std::vector<Endpoint> ways_to(const netmap::Relay& relay) const;
  void believe(MonoTime now, const netcheck::Report& report);
  std::optional<RelayId> home_of(const netcheck::Report& report) const;
  void put_peer(MonoTime now, const netmap::Peer& peer);
  void run(MonoTime now, const relay::MeetingCommand& command);
  void run(MonoTime now, const std::variant<netcheck::SendStun, netcheck::NewReport>& command);
  void on_report(MonoTime now, const netcheck::Report& report);

  const Events events_;
  relay::Meetings meetings_;
  netcheck::Netcheck check_;
  netmap::Relays relays_;  // as last taken from a map
  netmap::Self self_;
  bool udp_works_ = true;  // until every relay has been asked in vain
  int vain_rounds_ = 0;    // in a row
  std::map<Endpoint, netmap::CertificateFingerprint> streams_;
  std::optional<MonoTime> streams_end_;  // UDP works again, and nothing comes by them any more then
  std::set<NodeId> peers_;
  std::size_t servers_ = 0;
  std::optional<RelayId> home_;
  std::optional<netcheck::Report> last_report_;
  std::vector<CheckDone> waiting_;
  Status admission_;
};

}  // namespace kernmesh::agent
