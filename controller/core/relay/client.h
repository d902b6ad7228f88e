// SPDX-License-Identifier: Apache-2.0
// A node's side of one relay (L1, sans-IO; docs/adr/0009): datagrams and clock readings in,
// datagrams and events out. Binds, keeps the binding and the NAT's mapping, opens peers, follows
// this node's own moves. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "controller/base/clock.h"
#include "controller/core/relay/client_event.h"
#include "controller/core/relay/given_channels.h"
#include "controller/core/relay/message.h"
#include "controller/core/relay/request_queue.h"

namespace kernmesh::relay {

struct RelayAddress {
  RelayPublicKey key;
  std::vector<Endpoint> endpoints;  // in the order in which to try them; not empty
  bool operator==(const RelayAddress&) const = default;
};

enum class ClientState : std::uint8_t { kIdle, kGreeting, kBinding, kBound, kAway };
enum class Reception : std::uint8_t { kTaken, kElsewhere, kMalformed, kUnmatched };

class RelayClient {
 public:
  struct Settings {
    X25519SecretKey disco_secret;
    path::RandomStream random;  // nonces of what is sealed, and pauses
    // Of the first request; the clock in microseconds, so that it rises over restarts.
    Sequence first_sequence;
  };
  RelayClient(Settings settings, RelayAddress relay);

  // Without a ticket there is nothing to bind with. A new one is shown with the next refresh.
  void set_ticket(MonoTime now, const TicketBytes& ticket);
  void bind(MonoTime now);
  // Forgets everything, without a word: the relay's own time ends the binding.
  void leave();
  // Kept, and asked again after a loss, until close(). Answered by PairUp when the peer has opened
  // us too.
  void open(MonoTime now, const DiscoPublicKey& peer);
  void close(MonoTime now, const DiscoPublicKey& peer);
  // This node has another address: binds from there; pairs stay.
  void on_moved(MonoTime now);
  // The relay is reached another way from now on: binds there. Pairs stay up the way they are until
  // it has, and come up again the new way then, under the channels they have.
  void move_to(MonoTime now, std::vector<Endpoint> endpoints);
  // That way through the relay does not answer: ask at once whether relay and pair are there.
  void on_doubt(MonoTime now, Channel channel);

  Reception on_datagram(MonoTime now, std::span<const std::uint8_t> bytes, const Endpoint& source);
  void tick(MonoTime now);
  std::optional<MonoTime> next_deadline() const;
  // To be sent from the public port to endpoint().
  std::vector<Bytes> take_datagrams() { return std::exchange(out_, {}); }
  std::vector<Event> take_events() { return std::exchange(events_, {}); }

  ClientState state() const { return state_; }
  const Endpoint& endpoint() const { return relay_.endpoints[endpoint_]; }
  // Nobody is to be reached there, and the relay has heard so.
  bool is_idle() const { return pairs_.empty() && queue_.entries().empty(); }

 private:
  struct Pair {
    std::optional<path::Way> up;
    MonoTime ask_again{};
    int vain = 0;  // times in a row that the peer was not there
  };

  void greet(MonoTime now);
  void go_away(MonoTime now);
  void lose(MonoTime now);
  void enqueue(MonoTime now, RequestType type, const DiscoPublicKey& peer = {});
  void send_due(MonoTime now);
  void send(MonoTime now, RequestQueue::Entry& entry);
  void on_unanswered(MonoTime now, int tries);
  void take_up(const DiscoPublicKey& peer, Pair& pair, Channel channel);
  Sequence next_sequence(MonoTime now);
  Reception on_challenge(MonoTime now, const Challenge& challenge);
  Reception on_answer(MonoTime now, const Answer& answer);
  void on_word(MonoTime now, const Bound& bound);
  void on_word(MonoTime now, const Opened& opened);
  void on_word(MonoTime now, const Draining& draining);
  void on_word(MonoTime now, const Closed& closed);
  void on_refused(MonoTime now, const Refused& refused, const DiscoPublicKey& peer);
  void ask_later(MonoTime now, Pair& pair);
  void take_down(const DiscoPublicKey& peer, Pair& pair);
  void lose_pair(MonoTime now, const DiscoPublicKey& peer);
  void distrust(MonoTime now, Channel channel);

  X25519SecretKey disco_secret_;
  DiscoPublicKey disco_key_;
  RelayAddress relay_;
  std::optional<SharedKey> shared_;
  path::RandomStream random_;
  Sequence last_sequence_;
  std::optional<MonoTime> clock_start_;  // when last_sequence_ was the clock's
  Sequence first_sequence_;
  std::optional<TicketBytes> ticket_;
  bool ticket_is_new_ = false;

  ClientState state_ = ClientState::kIdle;
  std::size_t endpoint_ = 0;
  Cookie cookie_{};
  int challenges_ = 0;  // since the last answer: a forger of them gets bounded work
  RequestQueue queue_;
  RequestQueue::Entry hello_;
  bool doubtful_ = false;
  int failures_ = 0;  // in a row; spaces the tries
  MonoTime retry_at_{};
  MonoTime bound_until_{};
  MonoTime refresh_at_{};
  std::uint64_t highest_stamp_ = 0;
  std::optional<Endpoint> observed_;
  std::map<DiscoPublicKey, Pair> pairs_;
  GivenChannels given_;
  std::vector<Bytes> out_;
  std::vector<Event> events_;
};

}  // namespace kernmesh::relay
