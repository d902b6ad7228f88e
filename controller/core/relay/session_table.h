// SPDX-License-Identifier: Apache-2.0
// The relay's side of the protocol (L1, pure; docs/adr/0009): datagrams and clock readings in,
// datagrams to send and channels to set out. Before a source has brought its cookie back nothing is
// kept about it; all tables are bounded. Not thread-safe.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <vector>

#include "controller/core/relay/cookie_jar.h"
#include "controller/core/relay/pairing.h"
#include "controller/core/relay/source_quota.h"

namespace kernmesh::relay {

struct Now {
  MonoTime mono;
  std::chrono::sys_time<std::chrono::microseconds> wall;
};

struct SessionSettings {
  std::vector<TicketPublicKey> networks;  // whose tickets are good here
  Forbidden forbidden;
  Pairing::Limits limits;
  std::chrono::seconds lifetime{90};  // of a binding without refresh or data
  // Of a bound client, from where it is bound, and of each source address besides: strangers, who
  // have shown their address at most, take nothing of what is a client's.
  Rate hellos{20, 40};
  Rate requests{50, 200};
  // Of strangers, each of whose requests costs a key exchange (about 50 µs): so ten networks have
  // to join to keep others from binding.
  Rate network_requests{500, 1000};
  Rate all_requests{5000, 10000};
};

struct Outgoing {
  Origin to;
  Bytes bytes;
};
struct Commands {
  std::vector<Outgoing> send;
  std::vector<ChannelChange> channels;
  std::vector<StreamId> left;     // no client is bound by these connections any more
  std::optional<StreamId> bound;  // a client is bound by this one, even if it is among `left`
};

// Why datagrams were not served, and what was.
struct SessionCounts {
  std::uint64_t challenges = 0, binds = 0, refusals = 0, forbidden = 0, over_quota = 0,
                malformed = 0, not_authentic = 0, replayed = 0, forwarded = 0, no_channel = 0;
};

// What a later run of the relay needs to go on with.
struct SavedClient {
  Ticket ticket;  // as far as it is remembered
  Origin origin;
  std::uint64_t sequence = 0, stamp = 0;
  std::vector<std::pair<DiscoPublicKey, Channel>> wishes;
};

class SessionTable {
 public:
  // Answers are sealed under nonces from `random`.
  SessionTable(const SessionSettings& settings, const X25519SecretKey& key,
               path::RandomStream random);

  // A control message; anything else is counted and dropped.
  Commands on_control(const Origin& from, std::span<const std::uint8_t> datagram, const Now& now);
  // Data that the kernel did not forward itself. Nothing: it goes nowhere.
  std::optional<Outgoing> on_data(const Origin& from, std::span<const std::uint8_t> datagram,
                                  const Now& now);
  // The kernel has forwarded for this channel at that time.
  void on_use(Channel channel, MonoTime last_used, const Now& now);
  Commands on_stream_closed(StreamId stream, const Now& now);
  // Ends what has run out. Call it once a second.
  Commands expire(const Now& now);
  // From now on nobody may bind or open; everybody is told to leave within `left`.
  Commands drain(std::chrono::seconds left, const Now& now);
  bool is_draining() const { return draining_; }
  void end_drain() { draining_ = false; }

  // Whose tickets are good from now on. Who is bound already stays until the binding ends.
  void set_networks(std::vector<TicketPublicKey> networks) {
    settings_.networks = std::move(networks);
  }

  void set_own_addresses(std::set<IpAddress> own) { settings_.forbidden.own = std::move(own); }

  // UDP clients only: a connection ends with its process. Tickets were checked when they came.
  std::vector<SavedClient> save() const;
  Commands restore(const std::vector<SavedClient>& saved, const Now& now);
  // Changes whenever save() would say something else that matters.
  std::uint64_t generation() const { return generation_; }

  std::size_t client_count() const { return pairing_.clients().size(); }
  std::size_t wish_count() const { return pairing_.wish_count(); }
  std::size_t pair_count() const { return pairing_.pair_count(); }
  const SessionCounts& counts() const { return counts_; }

 private:
  // The budget of a client that is bound from there; null for everybody else.
  Budget* budget_of(const Origin& from, const DiscoPublicKey& key);
  bool may_greet(const CookieHolder& holder, MonoTime now);
  bool may_request(const CookieHolder& proven, MonoTime now);
  void challenge(const CookieHolder& holder, const Now& now, Commands& commands);
  void on_request(const CookieHolder& proven, const SealedRequest& sealed, const Now& now,
                  Commands& commands);
  void serve(const Origin& from, const DiscoPublicKey& key, const SharedKey& shared,
             const Request& request, const Now& now, Commands& commands);
  std::variant<Ticket, Reason> checked(const Bind& bind, const DiscoPublicKey& key,
                                       const Now& now) const;
  decltype(Answer::word) bind(const Origin& from, const DiscoPublicKey& key,
                              const SharedKey& shared, const Request& request, const Now& now,
                              Effects& effects);
  decltype(Answer::word) serve_bound(Client& client, const Request& request, const Now& now,
                                     Effects& effects);
  Client* let_in(const Ticket& ticket, const Origin& from, const SharedKey& shared,
                 Effects& effects);
  Bound bound(const Client& client, const Now& now) const;
  void answer(const Origin& to, const DiscoPublicKey& key, const SharedKey& shared, Answer answer,
              const Now& now, Commands& commands);
  void notify(Client& client, decltype(Answer::word) word, const Now& now, Commands& commands);
  void settle(Effects& effects, const Now& now, Commands& commands);

  SessionSettings settings_;
  X25519SecretKey key_;
  path::RandomStream random_;
  CookieJar cookies_;
  Pairing pairing_;
  SourceQuota hellos_;
  SourceQuota requests_;
  SourceQuota network_requests_;
  path::TokenBucket all_requests_;
  SessionCounts counts_;
  bool draining_ = false;
  std::uint64_t generation_ = 0;
};

}  // namespace kernmesh::relay
