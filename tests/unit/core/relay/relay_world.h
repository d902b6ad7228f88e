// SPDX-License-Identifier: Apache-2.0
// A relay without network and clients that talk to it (test support).
#pragma once

#include <gtest/gtest.h>

#include <map>

#include "controller/core/relay/session_table.h"
#include "tests/unit/core/relay/relay_keys.h"

namespace kernmesh::relay {

// Where two peers send from.
inline constexpr const char* kA = "192.0.2.1:4000";
inline constexpr const char* kB = "203.0.113.2:5000";

inline const X25519SecretKey kRelaySecret = filled<32>(200);

inline Origin origin(const std::string& endpoint) {
  const auto client = Endpoint::parse(endpoint).value();
  const auto local = IpAddress::parse(client.address.is_v4() ? "198.51.100.1" : "2001:db8:f::1");
  return {client, local.value(), StreamId()};
}

// Every answer's size is checked against its request's by World.
struct World {
  explicit World(SessionSettings settings = {})
      : table(with_server(settings), kRelaySecret, filled<32>(1)) {}

  static SessionSettings with_server(SessionSettings settings) {
    settings.networks = {ticket_public_key(kServer), ticket_public_key(kOtherServer)};
    settings.forbidden.own.insert(IpAddress::parse("198.51.100.1").value());
    return settings;
  }
  void pass(std::chrono::milliseconds time) {
    now.mono += time;
    now.wall += time;
  }
  // Keeps the map as the kernel would; gives what is sent.
  std::vector<Outgoing> apply(const Commands& commands) {
    for (const auto& change : commands.channels) {
      if (change.onward) {
        channels[{change.from, change.in}] = *change.onward;
      } else {
        channels.erase({change.from, change.in});
      }
    }
    return commands.send;
  }
  std::vector<Outgoing> deliver(const Origin& from, const Bytes& datagram) {
    auto sent = apply(table.on_control(from, datagram, now));
    for (const auto& out : sent) {
      if (out.to == from) {
        EXPECT_LE(out.bytes.size(), datagram.size());
      }
    }
    return sent;
  }

  Now now{MonoTime(std::chrono::hours(1)), std::chrono::sys_days(std::chrono::year(2030) / 1 / 1)};
  std::map<std::pair<Origin, Channel>, Onward> channels;
  SessionTable table;
};

struct Peer {
  Peer(World& in, std::uint8_t number, const std::string& endpoint, std::uint16_t most_pairs = 8,
       const Ed25519SecretKey& server = kServer)
      : world(in),
        secret(filled<32>(number)),
        key(disco_public_key(secret)),
        shared(*shared_key(relay_public_key(kRelaySecret), secret)),
        at(origin(endpoint)),
        random(filled<32>(static_cast<std::uint8_t>(number + 100))) {
    const auto ends = std::chrono::floor<std::chrono::seconds>(in.now.wall) + std::chrono::hours(1);
    ticket = sign_ticket(
        {network_id(ticket_public_key(server)), NodeId(number), key, ends, most_pairs}, server);
  }

  void fetch_cookie() {
    for (const auto& out : world.deliver(at, encode(Hello{key}))) {
      const auto parsed = parse_datagram(out.bytes);
      cookie = std::get<Challenge>(std::get<Datagram>(parsed)).cookie;
    }
  }
  template <typename Wish>
  Bytes request(const Wish& wish) {
    last_request = seal(Request{Sequence(++sequence), wish}, key, cookie, shared, random);
    return last_request;
  }
  // The answers that come to this client, and what others hear lands in `heard_by_others`.
  std::vector<Answer> send(const Bytes& datagram) {
    std::vector<Answer> answers;
    heard_by_others = 0;
    for (const auto& out : world.deliver(at, datagram)) {
      if (const auto answer = read(out); answer) {
        answers.push_back(*answer);
      } else {
        ++heard_by_others;
      }
    }
    return answers;
  }
  template <typename Word, typename Wish>
  Word ask(const Wish& wish) {
    const auto answers = send(request(wish));
    const Word* word = answers.empty() ? nullptr : std::get_if<Word>(&answers.front().word);
    EXPECT_NE(word, nullptr);
    return word != nullptr ? *word : Word{};
  }
  std::optional<Answer> read(const Outgoing& out) const {
    const auto parsed = parse_datagram(out.bytes);
    const auto* datagram = std::get_if<Datagram>(&parsed);
    const auto* sealed = datagram != nullptr ? std::get_if<SealedAnswer>(datagram) : nullptr;
    if (sealed == nullptr || sealed->client != key) return std::nullopt;
    const auto answer = relay::open(*sealed, shared);
    return std::get<Answer>(answer);
  }
  Bound bind() {
    fetch_cookie();
    return ask<Bound>(Bind{ticket});
  }
  Opened open(const Peer& to) { return ask<Opened>(Open{to.key}); }
  Reason refused(const std::variant<Bind, Open, Close, Refresh>& wish) {
    return ask<Refused>(wish).reason;
  }

  World& world;
  X25519SecretKey secret;
  DiscoPublicKey key;
  SharedKey shared;
  Origin at;
  path::RandomStream random;
  TicketBytes ticket{};
  Cookie cookie{};
  std::uint64_t sequence = 0;
  Bytes last_request;
  int heard_by_others = 0;
};

inline void bind_both(Peer& a, Peer& b) {
  a.bind();
  b.bind();
}
// Both bound, and each has opened the other.
inline void pair_up(Peer& a, Peer& b) {
  bind_both(a, b);
  a.open(b);
  b.open(a);
}

}  // namespace kernmesh::relay
