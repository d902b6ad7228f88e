// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/pairing.h"

#include <algorithm>

namespace kernmesh::relay {
namespace {

// A client that repeats its wish makes the relay tell the peer once a second, not each time.
constexpr auto kRepeatWish = std::chrono::seconds(1);
// Whoever binds hears of so many that wait; the others open again anyway.
constexpr std::size_t kMostAnnounced = 32;

}  // namespace

Client* Pairing::find(const DiscoPublicKey& key) {
  const auto found = clients_.find(key);
  return found != clients_.end() ? &found->second : nullptr;
}

std::size_t Pairing::pair_count() const {
  std::size_t directions = 0;
  for (const auto& [pair, channel] : wished_) {
    const bool live = wished_.contains({pair.second, pair.first}) &&
                      clients_.contains(pair.first) && clients_.contains(pair.second);
    if (live) ++directions;
  }
  return directions / 2;
}

Client* Pairing::peer_of(const Client& client, const DiscoPublicKey& peer) {
  Client* found = find(peer);
  return found != nullptr && found->network == client.network ? found : nullptr;
}

const Wish* Pairing::wish_of(const Client& client, const DiscoPublicKey& peer) {
  const auto found = client.wishes.find(peer);
  return found != client.wishes.end() ? &found->second : nullptr;
}

void Pairing::set_pair(const Client& a, const Client& b, Effects& effects) const {
  const Wish* there = wish_of(a, b.key);
  const Wish* back = wish_of(b, a.key);
  if (there == nullptr || back == nullptr) return;
  effects.channels.push_back({a.origin, there->channel, Onward{b.origin, back->channel}});
  effects.channels.push_back({b.origin, back->channel, Onward{a.origin, there->channel}});
}

void Pairing::clear_pair(const Client& a, const Client& b, Effects& effects) const {
  const Wish* there = wish_of(a, b.key);
  const Wish* back = wish_of(b, a.key);
  if (there == nullptr || back == nullptr) return;
  effects.channels.push_back({a.origin, there->channel, std::nullopt});
  effects.channels.push_back({b.origin, back->channel, std::nullopt});
}

void Pairing::move(Client& client, const Origin& to, Effects& effects) {
  if (client.origin == to) return;
  for (const auto& [peer, wish] : client.wishes) {
    const Client* other = peer_of(client, peer);
    if (other == nullptr || wish_of(*other, client.key) == nullptr) continue;
    effects.channels.push_back({client.origin, wish.channel, std::nullopt});
  }
  client.former_stream = client.origin.stream;
  enter(to.stream);
  leave(client.origin.stream, effects);
  client.origin = to;
  for (const auto& [peer, wish] : client.wishes) {
    if (const Client* other = peer_of(client, peer)) set_pair(client, *other, effects);
  }
}

void Pairing::enter(StreamId stream) {
  if (stream.value() != 0) ++on_stream_[stream];
}

void Pairing::leave(StreamId stream, Effects& effects) {
  const auto found = on_stream_.find(stream);
  if (found == on_stream_.end() || --found->second > 0) return;
  on_stream_.erase(found);
  effects.left.push_back(stream);
}

// Tells a new client and those that wait for it of each other.
void Pairing::announce(const Client& client, Effects& effects) {
  std::size_t told = 0;
  for (auto it = wished_.lower_bound({client.key, DiscoPublicKey()});
       it != wished_.end() && it->first.first == client.key && told < kMostAnnounced; ++it) {
    const Client* waiting = peer_of(client, it->first.second);
    if (waiting == nullptr) continue;
    ++told;
    effects.notices.push_back({client.key, Asked{waiting->key}});
    effects.notices.push_back({waiting->key, Opened{client.key, it->second, PairState::kWaits}});
  }
}

Client* Pairing::bind(const Ticket& ticket, const Origin& origin, const SharedKey& shared,
                      Effects& effects) {
  const auto of_node = by_node_.find({ticket.network, ticket.node});
  if (of_node != by_node_.end() && of_node->second != ticket.client) {
    drop(DiscoPublicKey(of_node->second), effects);
  }
  Client* client = find(ticket.client);
  if (client != nullptr && (client->network != ticket.network || client->node != ticket.node)) {
    drop(ticket.client, effects);
    client = nullptr;
  }
  const bool is_new = client == nullptr;
  if (is_new) {
    if (clients_.size() >= limits_.clients) return nullptr;
    client = &clients_[ticket.client];
    client->key = ticket.client;
    client->network = ticket.network;
    client->node = ticket.node;
    client->origin = origin;
    enter(origin.stream);
    client->shared = shared;
    by_node_[{ticket.network, ticket.node}] = ticket.client;
  }
  client->ticket_ends = ticket.not_after;
  client->most_pairs = ticket.most_pairs;
  if (is_new) {
    announce(*client, effects);
  } else {
    move(*client, origin, effects);
  }
  return client;
}

Channel Pairing::new_channel() {
  for (;;) {
    const auto bytes = random_.bytes<4>();
    const Channel channel(static_cast<std::uint32_t>(ByteReader(bytes).take_number<4>()));
    if (channel.value() != 0 && !channels_.contains(channel)) return channel;
  }
}

std::variant<Opened, Reason> Pairing::open(Client& client, const DiscoPublicKey& peer, MonoTime now,
                                           Effects& effects) {
  if (peer == client.key) return Reason::kNoSuchPeer;
  const bool is_new = !client.wishes.contains(peer);
  if (is_new) {
    const auto most = std::min<std::size_t>(client.most_pairs, limits_.wishes_of_client);
    if (client.wishes.size() >= most) return Reason::kTooManyPairs;
    if (channels_.size() >= limits_.wishes) return Reason::kFull;
    const Channel channel = new_channel();
    client.wishes[peer] = {channel, {}};
    channels_[channel] = {client.key, peer};
    wished_[{peer, client.key}] = channel;
  }
  Wish& wish = client.wishes[peer];
  const Client* other = peer_of(client, peer);
  if (other == nullptr) return Reason::kNoSuchPeer;
  if (const Wish* back = wish_of(*other, client.key)) {
    if (is_new) set_pair(client, *other, effects);
    // Also when it is asked again: who doubts a pair may be the only one that believes in it.
    if (is_new || now - wish.asked_at >= kRepeatWish) {
      wish.asked_at = now;
      effects.notices.push_back({peer, Opened{client.key, back->channel, PairState::kPaired}});
    }
    return Opened{peer, wish.channel, PairState::kPaired};
  }
  if (is_new || now - wish.asked_at >= kRepeatWish) {
    wish.asked_at = now;
    effects.notices.push_back({peer, Asked{client.key}});
  }
  return Opened{peer, wish.channel, PairState::kWaits};
}

void Pairing::close(Client& client, const DiscoPublicKey& peer, Effects& effects) {
  const auto wish = client.wishes.find(peer);
  if (wish == client.wishes.end()) return;
  if (const Client* other = peer_of(client, peer);
      other != nullptr && wish_of(*other, client.key) != nullptr) {
    clear_pair(client, *other, effects);
    effects.notices.push_back({peer, Closed{client.key}});
  }
  channels_.erase(wish->second.channel);
  wished_.erase({peer, client.key});
  client.wishes.erase(wish);
}

void Pairing::drop(const DiscoPublicKey& key, Effects& effects) {
  Client* client = find(key);
  if (client == nullptr) return;
  while (!client->wishes.empty()) {
    close(*client, DiscoPublicKey(client->wishes.begin()->first), effects);
  }
  leave(client->origin.stream, effects);
  by_node_.erase({client->network, client->node});
  clients_.erase(DiscoPublicKey(key));
}

std::optional<Onward> Pairing::onward(const Origin& from, Channel in, Client*& owner) {
  const auto found = channels_.find(in);
  if (found == channels_.end()) return std::nullopt;
  owner = find(found->second.owner);
  if (owner == nullptr) return std::nullopt;
  const bool is_late = from.stream != StreamId() && from.stream == owner->former_stream;
  if (owner->origin != from && !is_late) return std::nullopt;
  const Client* peer = peer_of(*owner, found->second.peer);
  const Wish* back = peer != nullptr ? wish_of(*peer, owner->key) : nullptr;
  if (back == nullptr) return std::nullopt;
  return Onward{peer->origin, back->channel};
}

Client* Pairing::owner_of(Channel channel) {
  const auto found = channels_.find(channel);
  return found != channels_.end() ? find(found->second.owner) : nullptr;
}

bool Pairing::restore(Client& client, const DiscoPublicKey& peer, Channel channel,
                      Effects& effects) {
  if (channel.value() == 0 || channels_.contains(channel) || peer == client.key ||
      client.wishes.contains(peer) || channels_.size() >= limits_.wishes ||
      client.wishes.size() >= limits_.wishes_of_client) {
    return false;
  }
  client.wishes[peer] = {channel, {}};
  channels_[channel] = {client.key, peer};
  wished_[{peer, client.key}] = channel;
  if (const Client* other = peer_of(client, peer)) set_pair(client, *other, effects);
  return true;
}

}  // namespace kernmesh::relay
