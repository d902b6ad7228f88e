// SPDX-License-Identifier: Apache-2.0
// What kind of network this node is in (L1, sans-IO): asks the relays' STUN servers from the public
// port, in rounds, and makes a report of their answers. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "controller/base/clock.h"
#include "controller/core/netcheck/allocation.h"
#include "controller/core/relay/home.h"
#include "controller/core/stun/transactions.h"

namespace kernmesh::netcheck {

using relay::RelayId;

// A relay's endpoints that answer STUN: at most one of each family is asked.
struct Server {
  RelayId relay;
  std::vector<Endpoint> endpoints;
};

struct Report {
  MonoTime made_at{};
  bool udp = false;                            // some server answered
  std::optional<Endpoint> v4, v6;              // the public port as some server sees it: the
                                               // nearest, kept for as long as one does
  Mapping mapping = Mapping::kUnknown;         // of IPv4, where NATs are
  std::vector<Endpoint> guesses;               // of the next mapping, when it is sequential
  std::vector<relay::RelayLatency> latencies;  // of relays that answered, nearest first
  std::optional<RelayId> home;                 // with hysteresis
  // "MappingVariesByDestAddr"; none when too few servers answered to tell.
  std::optional<bool> mapping_varies() const;
};

// Do the two say the same but for time and latencies?
bool is_same_network(const Report& a, const Report& b);

// Where peers may find this node, each once and at most `most`: its own addresses, then what
// servers see, then guesses. Of many addresses the last give way to what servers see, which is
// where a host behind a NAT of its own is found. A mapping that varies leads nowhere, but a probe
// to it opens NATs that filter by address alone.
std::vector<Endpoint> reachable_endpoints(const Report& report, std::span<const Endpoint> local,
                                          std::size_t most);

// The same as the server is told: without guesses, which go to peers that call and not to
// everybody.
std::vector<Endpoint> reported_endpoints(const std::optional<Report>& report,
                                         std::span<const Endpoint> local, std::size_t most);

struct SendStun {
  Endpoint to;
  Bytes bytes;
};
struct NewReport {
  Report report;
};

class Netcheck {
 public:
  explicit Netcheck(path::RandomStream random) : random_(std::move(random)) {}

  void set_servers(MonoTime now, std::vector<Server> servers);
  // The home relay that is in force, from a saved state for example; reports keep it if they can.
  void set_home(std::optional<RelayId> home) { home_ = home; }
  // Some session is in use: while it lasts (kSessionActive) rounds follow each other every 20-26 s,
  // which keeps the NAT's mapping as well.
  void on_active(MonoTime now);
  // A round now, of all servers: this node has moved, or somebody wants to know.
  void start(MonoTime now);

  // False when it is no answer to a question of ours.
  bool on_datagram(MonoTime now, std::span<const std::uint8_t> bytes, const Endpoint& source);
  void tick(MonoTime now);
  std::optional<MonoTime> next_deadline() const;
  std::vector<std::variant<SendStun, NewReport>> take_commands() {
    return std::exchange(commands_, {});
  }
  const std::optional<Report>& report() const { return report_; }

 private:
  struct Question {
    RelayId relay;
    Endpoint server;
    int tries = 0;
    std::optional<stun::Observation> answer;
  };
  void ask(MonoTime now);
  void finish(MonoTime now);
  bool hears_home() const;
  bool is_server(RelayId relay) const;
  std::vector<Endpoint> mapped_of(IpFamily family) const;
  std::optional<Endpoint> steady(const Question* near, const std::optional<Endpoint>& before) const;
  std::vector<RelayId> nearest_first() const;

  path::RandomStream random_;
  stun::Transactions transactions_;
  std::vector<Server> servers_;
  std::vector<Question> round_;  // empty: none is running
  std::optional<MonoTime> next_try_;
  std::optional<MonoTime> next_round_;
  std::optional<MonoTime> last_whole_round_;
  std::optional<MonoTime> active_until_;
  std::optional<RelayId> home_;
  int home_misses_ = 0;  // rounds in a row in which it did not answer
  std::optional<Report> report_;
  std::vector<std::variant<SendStun, NewReport>> commands_;
};

}  // namespace kernmesh::netcheck
