// SPDX-License-Identifier: Apache-2.0
#include "tests/nat/tunnel.h"

#include <algorithm>
#include <cstring>

namespace kernmesh::nat {
namespace {

// Messages: type and three zero bytes, then indices, little-endian, where WireGuard has them. Where
// it has sealed fields: the sender's key, of an initiation also the receiver's and the time.
constexpr std::uint8_t kInitiation = 1, kResponse = 2, kData = 4;
constexpr std::size_t kInitiationBytes = 148, kResponseBytes = 92, kDataHeaderBytes = 16,
                      kTagBytes = 16, kKeyBytes = 32;
constexpr std::size_t kInitiatorAt = 8, kResponderAt = 40, kTimeAt = 72, kAnswererAt = 12;
// A session that its initiator must renew before it ends, even if it only receives.
constexpr Duration kRenewReceiving = kRejectAfter - kKeepaliveTimeout - kRekeyTimeout;

template <typename Number>
void store(Bytes& out, std::size_t at, Number value) {
  std::memcpy(&out[at], &value, sizeof value);
}
template <typename Number>
Number load(std::span<const std::uint8_t> in, std::size_t at) {
  Number value;
  std::memcpy(&value, &in[at], sizeof value);
  return value;
}

void store_key(Bytes& out, std::size_t at, const NodePublicKey& key, std::size_t size) {
  std::copy_n(key.bytes().begin(), size, out.begin() + static_cast<std::ptrdiff_t>(at));
}
bool names(std::span<const std::uint8_t> in, std::size_t at, const NodePublicKey& key,
           std::size_t size) {
  return std::equal(in.begin() + static_cast<std::ptrdiff_t>(at),
                    in.begin() + static_cast<std::ptrdiff_t>(at + size), key.bytes().begin());
}

struct Inner {
  IpAddress source, destination;
  std::size_t length = 0;
};
// What WireGuard reads of a packet; none when it is no whole IP packet.
std::optional<Inner> inner_of(std::span<const std::uint8_t> p) {
  Inner inner;
  if (p.size() >= 20 && p[0] >> 4 == 4) {
    inner.length = static_cast<std::size_t>(p[2] << 8 | p[3]);
    inner.source = IpAddress::from_v4_bytes({p[12], p[13], p[14], p[15]});
    inner.destination = IpAddress::from_v4_bytes({p[16], p[17], p[18], p[19]});
  } else if (p.size() >= 40 && p[0] >> 4 == 6) {
    inner.length = 40 + static_cast<std::size_t>(p[4] << 8 | p[5]);
    std::array<std::uint8_t, 16> bytes;
    std::copy_n(p.begin() + 8, 16, bytes.begin());
    inner.source = IpAddress::from_v6_bytes(bytes);
    std::copy_n(p.begin() + 24, 16, bytes.begin());
    inner.destination = IpAddress::from_v6_bytes(bytes);
  }
  if (inner.length < 20 || inner.length > p.size()) return std::nullopt;
  return inner;
}

bool allows(const reconcile::WireguardPeer& peer, const IpAddress& address) {
  return std::any_of(peer.allowed_ips.begin(), peer.allowed_ips.end(),
                     [&](const Prefix& prefix) { return prefix.contains(address); });
}

}  // namespace

bool Tunnel::Window::admit(std::uint64_t number) {
  if (number + seen.size() <= newest) return false;
  if (number > newest) {
    seen <<= std::min<std::uint64_t>(number - newest, seen.size());
    newest = number;
  }
  const auto at = static_cast<std::size_t>(newest - number);
  if (seen[at]) return false;
  seen[at] = true;
  return true;
}

void Tunnel::put_peer(const NodePublicKey& key, const reconcile::WireguardPeer& peer) {
  auto& entry = peers_[key];
  entry.key = key;
  entry.wanted = peer;
}

void Tunnel::remove_peer(const NodePublicKey& key) { peers_.erase(key); }

Duration Tunnel::jitter() { return std::chrono::milliseconds(random_() % 333); }

std::uint32_t Tunnel::fresh_index() {
  std::uint32_t index = 0;
  do index = static_cast<std::uint32_t>(random_());
  while (index == 0 || session_of(index).second != nullptr);
  return index;
}

Tunnel::Peer* Tunnel::peer_for(const IpAddress& destination) {
  for (auto& [key, peer] : peers_) {
    if (allows(peer.wanted, destination)) return &peer;
  }
  return nullptr;
}

std::pair<Tunnel::Peer*, Tunnel::Session*> Tunnel::session_of(std::uint32_t own_index) {
  for (auto& [key, peer] : peers_) {
    for (auto& session : peer.sessions) {
      if (session->own_index == own_index) return {&peer, session.get()};
    }
  }
  return {nullptr, nullptr};
}

void Tunnel::on_packet(MonoTime now, Bytes packet) {
  const auto inner = inner_of(packet);
  Peer* peer = inner ? peer_for(inner->destination) : nullptr;
  if (peer == nullptr) return;
  if (peer->staged.size() == kMostStaged) peer->staged.pop_front();
  peer->staged.push_back(std::move(packet));
  send_staged(now, *peer);
}

Tunnel::Session* Tunnel::usable(MonoTime now, Peer& peer) {
  for (auto& session : peer.sessions) {
    if (session->confirmed && now - session->born < kRejectAfter) return session.get();
  }
  return nullptr;
}

void Tunnel::send_staged(MonoTime now, Peer& peer) {
  Session* session = usable(now, peer);
  if (session == nullptr) {
    initiate(now, peer);
    return;
  }
  for (const auto& packet : std::exchange(peer.staged, {})) send_data(now, peer, *session, packet);
}

// An empty packet is a keepalive.
void Tunnel::send_data(MonoTime now, Peer& peer, Session& session, const Bytes& packet) {
  Bytes message(kDataHeaderBytes);
  message[0] = kData;
  store(message, 4, session.their_index);
  store(message, 8, session.next_number++);
  put_bytes(message, packet);
  message.resize((message.size() + 15) / 16 * 16 + kTagBytes);
  store_key(message, message.size() - kTagBytes, own_, kTagBytes);
  commands_.emplace_back(Send{peer.wanted.endpoint, std::move(message)});
  peer.keepalive_at.reset();
  if (!packet.empty() && !peer.silence_at)
    peer.silence_at = now + kKeepaliveTimeout + kRekeyTimeout + jitter();
  if (session.initiated && now - session.born >= kRekeyAfter) initiate(now, peer);
}

void Tunnel::initiate(MonoTime now, Peer& peer) {
  if (peer.handshake) return;
  peer.handshake = Handshake{0, now, now};
  try_handshake(now, peer);
}

void Tunnel::try_handshake(MonoTime now, Peer& peer) {
  auto& handshake = *peer.handshake;
  if (now - handshake.began > kRekeyAttempt) {
    peer.handshake.reset();
    peer.staged.clear();
    return;
  }
  handshake.own_index = fresh_index();
  handshake.next_try = now + kRekeyTimeout + jitter();
  Bytes message(kInitiationBytes);
  message[0] = kInitiation;
  store(message, 4, handshake.own_index);
  store_key(message, kInitiatorAt, own_, kKeyBytes);
  store_key(message, kResponderAt, peer.key, kKeyBytes);
  store(message, kTimeAt, static_cast<std::uint64_t>(now.time_since_epoch().count()));
  commands_.emplace_back(Send{peer.wanted.endpoint, std::move(message)});
}

// The newest and the one before it.
void Tunnel::add_session(Peer& peer, Session session) {
  peer.sessions.push_front(std::make_shared<Session>(std::move(session)));
  if (peer.sessions.size() > 3) peer.sessions.pop_back();
}

void Tunnel::on_message(MonoTime now, std::span<const std::uint8_t> message) {
  if (message.size() == kInitiationBytes && message[0] == kInitiation) {
    on_initiation(now, message);
  } else if (message.size() == kResponseBytes && message[0] == kResponse) {
    on_response(now, message);
  } else if (message.size() >= kDataHeaderBytes + kTagBytes && message[0] == kData) {
    on_data(now, message);
  }
}

void Tunnel::on_initiation(MonoTime now, std::span<const std::uint8_t> message) {
  if (!names(message, kResponderAt, own_, kKeyBytes)) return;
  const auto from = std::find_if(peers_.begin(), peers_.end(), [&](const auto& entry) {
    return names(message, kInitiatorAt, entry.first, kKeyBytes);
  });
  if (from == peers_.end()) return;
  Peer& peer = from->second;
  const auto time = load<std::uint64_t>(message, kTimeAt);
  if (time <= peer.last_initiation) return;
  peer.last_initiation = time;
  // Linux has one handshake for each peer: to answer is to forget what this end began, though not
  // to repeat it. So two that begin at the same time both fail.
  if (peer.handshake) peer.handshake->own_index = 0;
  Session session;
  session.own_index = fresh_index();
  session.their_index = load<std::uint32_t>(message, 4);
  session.born = now;
  Bytes answer(kResponseBytes);
  answer[0] = kResponse;
  store(answer, 4, session.own_index);
  store(answer, 8, session.their_index);
  store_key(answer, kAnswererAt, own_, kKeyBytes);
  add_session(peer, session);
  peer.silence_at.reset();
  commands_.emplace_back(Send{peer.wanted.endpoint, std::move(answer)});
}

void Tunnel::on_response(MonoTime now, std::span<const std::uint8_t> message) {
  const auto index = load<std::uint32_t>(message, 8);
  for (auto& [key, peer] : peers_) {
    if (index == 0 || !peer.handshake || peer.handshake->own_index != index) continue;
    if (!names(message, kAnswererAt, key, kKeyBytes)) return;
    Session session;
    session.own_index = index;
    session.their_index = load<std::uint32_t>(message, 4);
    session.born = now;
    session.initiated = session.confirmed = true;
    peer.handshake.reset();
    peer.silence_at.reset();
    add_session(peer, session);
    // The other end may send only once it has heard something.
    if (peer.staged.empty()) send_data(now, peer, *peer.sessions.front(), {});
    send_staged(now, peer);
    return;
  }
}

void Tunnel::on_data(MonoTime now, std::span<const std::uint8_t> message) {
  const auto [peer, session] = session_of(load<std::uint32_t>(message, 4));
  if (peer == nullptr || now - session->born >= kRejectAfter) return;
  if (!names(message, message.size() - kTagBytes, peer->key, kTagBytes)) return;
  if (!session->window.admit(load<std::uint64_t>(message, 8))) return;
  peer->silence_at.reset();
  const bool was_confirmed = std::exchange(session->confirmed, true);
  if (session->initiated && now - session->born >= kRenewReceiving) initiate(now, *peer);
  if (!was_confirmed) {
    // Both ends may have begun a handshake; one is enough.
    peer->handshake.reset();
    if (!peer->staged.empty()) send_staged(now, *peer);
  }
  const auto padded =
      message.subspan(kDataHeaderBytes, message.size() - kDataHeaderBytes - kTagBytes);
  if (!padded.empty()) deliver(now, *peer, padded);
}

void Tunnel::deliver(MonoTime now, Peer& peer, std::span<const std::uint8_t> padded) {
  if (!peer.keepalive_at) peer.keepalive_at = now + kKeepaliveTimeout;
  const auto inner = inner_of(padded);
  if (!inner || !allows(peer.wanted, inner->source)) return;
  commands_.emplace_back(
      Deliver{Bytes(padded.begin(), padded.begin() + static_cast<std::ptrdiff_t>(inner->length))});
}

void Tunnel::tick(MonoTime now) {
  for (auto& [key, peer] : peers_) {
    if (peer.handshake && peer.handshake->next_try <= now) try_handshake(now, peer);
    if (peer.silence_at && *peer.silence_at <= now) {
      peer.silence_at.reset();
      initiate(now, peer);
    }
    if (peer.keepalive_at && *peer.keepalive_at <= now) {
      peer.keepalive_at.reset();
      if (Session* session = usable(now, peer)) send_data(now, peer, *session, {});
    }
  }
}

std::optional<MonoTime> Tunnel::next_deadline() const {
  std::optional<MonoTime> next;
  const auto sooner = [&next](MonoTime at) { next = next ? std::min(*next, at) : at; };
  for (const auto& [key, peer] : peers_) {
    if (peer.handshake) sooner(peer.handshake->next_try);
    if (peer.silence_at) sooner(*peer.silence_at);
    if (peer.keepalive_at) sooner(*peer.keepalive_at);
  }
  return next;
}

}  // namespace kernmesh::nat
