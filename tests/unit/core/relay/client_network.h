// SPDX-License-Identifier: Apache-2.0
// Clients and a relay on a network of virtual time (test support).
#pragma once

#include <queue>
#include <random>

#include "controller/core/relay/client.h"
#include "tests/unit/core/relay/relay_world.h"

namespace kernmesh::relay {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline TicketBytes ticket_for(const DiscoPublicKey& key, std::uint32_t node, WallTime ends) {
  return sign_ticket({network_id(ticket_public_key(kServer)), NodeId(node), key, ends, 64},
                     kServer);
}

struct Guest {
  Guest(std::uint8_t number, MonoTime now, WallTime ticket_ends)
      : key(disco_public_key(filled<32>(number))),
        client({filled<32>(number), filled<32>(static_cast<std::uint8_t>(number + 50)),
                Sequence(1'000'000)},
               {relay_public_key(kRelaySecret), {Endpoint::parse("198.51.100.1:3478").value()}}),
        at(Endpoint::parse("203.0.113." + std::to_string(number) + ":4500").value()) {
    client.set_ticket(now, ticket_for(key, number, ticket_ends));
  }
  std::optional<Channel> channel_to(const Guest& peer) const {
    const auto found = up.find(peer.key);
    return found == up.end() ? std::nullopt : std::optional(found->second.channel);
  }

  DiscoPublicKey key;
  RelayClient client;
  Endpoint at;
  std::map<DiscoPublicKey, path::Way> up;
  std::vector<DiscoPublicKey> asked_by;
  int losses = 0, downs = 0, doubts = 0, refused_tickets = 0, lies = 0, sent = 0;
  std::optional<MonoTime> drains_by;
  std::optional<Endpoint> observed;
};

class ClientNetwork {
 public:
  double loss = 0;
  bool relay_is_dead = false;
  std::optional<std::uint8_t> lost_to;  // the guest whom nothing reaches
  Endpoint relay_at = Endpoint::parse("198.51.100.1:3478").value();  // from where it answers
  World world;

  MonoTime now() const { return world.now.mono; }
  Guest& add(std::uint8_t number, seconds ticket_life = std::chrono::hours(24)) {
    const auto wall = std::chrono::floor<seconds>(world.now.wall);
    auto& guest = guests_.try_emplace(number, number, now(), wall + ticket_life).first->second;
    guest.client.bind(now());
    return guest;
  }
  Guest& guest(std::uint8_t number) { return guests_.at(number); }
  void restart_relay() {
    world.table = SessionTable(World::with_server({}), kRelaySecret, filled<32>(2));
  }

  void run(Duration span) {
    const MonoTime end = now() + span;
    MonoTime next_expiry = now();
    while (now() <= end) {
      for (auto& [number, guest] : guests_) {
        if (const auto due = guest.client.next_deadline(); due && *due <= now())
          guest.client.tick(now());
        collect(guest);
      }
      if (now() >= next_expiry && !relay_is_dead) {
        send_all(world.apply(world.table.expire(world.now)));
        next_expiry = now() + seconds(1);
      }
      deliver_due();
      world.pass(milliseconds(10));
    }
  }
  void collect(Guest& guest) {
    for (const auto& bytes : guest.client.take_datagrams()) {
      ++guest.sent;
      fly({now() + milliseconds(20), ++order_, std::nullopt, guest.at, bytes});
    }
    for (const auto& event : guest.client.take_events()) {
      if (const auto* pair = std::get_if<PairUp>(&event)) guest.up[pair->peer] = pair->way;
      if (const auto* pair = std::get_if<PairDown>(&event))
        guest.downs += static_cast<int>(guest.up.erase(pair->peer));
      if (const auto* ask = std::get_if<PeerAsks>(&event)) guest.asked_by.push_back(ask->peer);
      if (const auto* bound = std::get_if<RelayBound>(&event)) guest.observed = bound->observed;
      if (const auto* drains = std::get_if<RelayDrains>(&event)) guest.drains_by = drains->by;
      if (std::holds_alternative<RelayLost>(event)) ++guest.losses;
      if (std::holds_alternative<RelayDoubtful>(event)) ++guest.doubts;
      if (std::holds_alternative<TicketRefused>(event)) ++guest.refused_tickets;
      if (std::holds_alternative<RelayLies>(event)) ++guest.lies;
    }
  }
  void send_all(const std::vector<Outgoing>& sent) {
    for (const auto& out : sent)
      fly({now() + milliseconds(20), ++order_, out.to.client, {}, out.bytes});
  }
  // Does a packet of one reach the other through the relay's map, on the channels that they hold?
  bool carries(std::uint8_t from, std::uint8_t to) {
    const Guest& a = guests_.at(from);
    const Guest& b = guests_.at(to);
    const auto in = a.channel_to(b);
    if (!in || !b.channel_to(a)) return false;
    const auto found = world.channels.find({origin(to_string(a.at)), *in});
    return found != world.channels.end() && found->second.to.client == b.at &&
           found->second.out == b.channel_to(a);
  }

 private:
  struct Flight {
    MonoTime at;
    std::uint64_t order;
    std::optional<Endpoint> to;  // none: the relay
    Endpoint from;
    Bytes bytes;
    bool operator>(const Flight& o) const { return std::tie(at, order) > std::tie(o.at, o.order); }
  };
  void fly(Flight flight) {
    if (std::uniform_real_distribution<>(0, 1)(random_) >= loss) in_flight_.push(std::move(flight));
  }
  void deliver_due() {
    while (!in_flight_.empty() && in_flight_.top().at <= now()) {
      const Flight flight = in_flight_.top();
      in_flight_.pop();
      if (!flight.to) {
        if (!relay_is_dead) send_all(world.deliver(origin(to_string(flight.from)), flight.bytes));
        continue;
      }
      for (auto& [number, guest] : guests_) {
        if (guest.at != *flight.to || lost_to == number) continue;
        guest.client.on_datagram(now(), flight.bytes, relay_at);
        collect(guest);
      }
    }
  }

  std::map<std::uint8_t, Guest> guests_;
  std::priority_queue<Flight, std::vector<Flight>, std::greater<>> in_flight_;
  std::uint64_t order_ = 0;
  std::mt19937 random_{5};
};

}  // namespace kernmesh::relay
