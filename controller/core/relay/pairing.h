// SPDX-License-Identifier: Apache-2.0
// Who is bound at the relay, who wishes to reach whom, and which channels follow from that (L1,
// pure). A wish is one direction of a pair; two that meet make the pair live. Knows nothing of
// datagrams. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include "controller/core/path/token_bucket.h"
#include "controller/core/relay/cookie_jar.h"
#include "controller/core/relay/exchange.h"
#include "controller/core/relay/message.h"
#include "controller/core/relay/origin.h"

namespace kernmesh::relay {

struct Wish {
  Channel channel;      // the owner's name for the pair
  MonoTime asked_at{};  // when its peer was last told
};

// What a client may send while it is bound, apart from what strangers share.
struct Budget {
  path::TokenBucket hellos, requests;
};

struct Client {
  DiscoPublicKey key;
  NetworkId network{};
  NodeId node;
  WallTime ticket_ends{};
  std::uint16_t most_pairs = 0;
  Origin origin;
  // The connection by which it came before it moved; what is still in it is forwarded.
  StreamId former_stream;
  SharedKey shared;
  Sequence sequence;             // of its last request
  Era era;                       // only requests behind a cookie of this one are served
  std::uint64_t stamp = 0;       // of the last answer to it
  MonoTime alive_at{};           // last bind, refresh or data
  std::optional<Budget> budget;  // set when it is let in
  std::map<DiscoPublicKey, Wish> wishes;
};

// Packets that arrive from there on `in` go there. No `onward`: they go nowhere any more.
struct Onward {
  Origin to;
  Channel out;
  bool operator==(const Onward&) const = default;
};
struct ChannelChange {
  Origin from;
  Channel in;
  std::optional<Onward> onward;
};
// What a client should hear without having asked.
struct Notice {
  DiscoPublicKey to;
  std::variant<Opened, Asked, Closed> word;
};
struct Effects {
  std::vector<ChannelChange> channels;
  std::vector<StreamId> left;  // connections by which no client is bound any more
  std::vector<Notice> notices;
};

class Pairing {
 public:
  struct Limits {
    std::size_t clients = 16384;
    std::size_t wishes = 65536;
    std::size_t wishes_of_client = 1024;  // whatever its ticket says
  };
  Pairing(const Limits& limits, path::RandomStream random)
      : limits_(limits), random_(std::move(random)) {}

  Client* find(const DiscoPublicKey& key);
  const std::unordered_map<DiscoPublicKey, Client>& clients() const { return clients_; }
  std::size_t wish_count() const { return channels_.size(); }
  // Of clients that have opened each other; looks at every wish.
  std::size_t pair_count() const;

  // A new client, or a known one that may have moved. Another client of the same node gives way: it
  // has a new disco key. Nothing when the relay is full.
  Client* bind(const Ticket& ticket, const Origin& origin, const SharedKey& shared,
               Effects& effects);
  // kNoSuchPeer keeps the wish.
  std::variant<Opened, Reason> open(Client& client, const DiscoPublicKey& peer, MonoTime now,
                                    Effects& effects);
  void close(Client& client, const DiscoPublicKey& peer, Effects& effects);
  void drop(const DiscoPublicKey& key, Effects& effects);

  // Where a packet goes that came from there on that channel. `owner` gets who sent it.
  std::optional<Onward> onward(const Origin& from, Channel in, Client*& owner);
  // The client that owns a channel; null when none does.
  Client* owner_of(Channel channel);

  // Puts a wish of an earlier run back, with its channel. False when it does not fit.
  bool restore(Client& client, const DiscoPublicKey& peer, Channel channel, Effects& effects);

 private:
  struct Direction {
    DiscoPublicKey owner, peer;
  };
  // The peer when it is bound in the client's network.
  Client* peer_of(const Client& client, const DiscoPublicKey& peer);
  static const Wish* wish_of(const Client& client, const DiscoPublicKey& peer);
  void set_pair(const Client& a, const Client& b, Effects& effects) const;
  void clear_pair(const Client& a, const Client& b, Effects& effects) const;
  void move(Client& client, const Origin& to, Effects& effects);
  void announce(const Client& client, Effects& effects);
  Channel new_channel();
  void enter(StreamId stream);
  void leave(StreamId stream, Effects& effects);

  Limits limits_;
  path::RandomStream random_;
  std::unordered_map<DiscoPublicKey, Client> clients_;
  std::map<std::pair<NetworkId, NodeId>, DiscoPublicKey> by_node_;
  std::unordered_map<Channel, Direction> channels_;
  std::map<StreamId, std::size_t> on_stream_;  // how many clients are bound by it
  // By whom a client is wished for, whether it is bound or not.
  std::map<std::pair<DiscoPublicKey, DiscoPublicKey>, Channel> wished_;  // (peer, owner)
};

}  // namespace kernmesh::relay
