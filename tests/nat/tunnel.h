// SPDX-License-Identifier: Apache-2.0
// WireGuard's messages and timers without its cryptography (test support; sans-IO): sessions are
// made, confirmed, renewed and given up as the protocol says, packets are numbered and repeats
// dropped, but everything is in the clear and keys are only names. What looks at packets from
// outside cannot tell the difference. Times: https://www.wireguard.com/papers/wireguard.pdf,
// sections 5 and 6. Not thread-safe.
#pragma once

#include <bitset>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "controller/base/byte_order.h"
#include "controller/base/clock.h"
#include "controller/core/reconcile/device.h"

namespace kernmesh::nat {

inline constexpr Duration kRekeyAfter = std::chrono::seconds(120);
inline constexpr Duration kRejectAfter = std::chrono::seconds(180);
inline constexpr Duration kRekeyAttempt = std::chrono::seconds(90);
inline constexpr Duration kRekeyTimeout = std::chrono::seconds(5);
inline constexpr Duration kKeepaliveTimeout = std::chrono::seconds(10);
inline constexpr std::size_t kMostStaged = 128;  // Linux, MAX_STAGED_PACKETS

class Tunnel {
 public:
  explicit Tunnel(std::uint32_t seed) : random_(seed) {}

  void set_own_key(const NodePublicKey& key) { own_ = key; }
  void put_peer(const NodePublicKey& key, const reconcile::WireguardPeer& peer);
  void remove_peer(const NodePublicKey& key);

  // From the host into the tunnel; without a peer for its destination it is dropped.
  void on_packet(MonoTime now, Bytes packet);
  // From the underlay.
  void on_message(MonoTime now, std::span<const std::uint8_t> message);
  void tick(MonoTime now);
  std::optional<MonoTime> next_deadline() const;

  struct Send {
    Endpoint to;
    Bytes message;
  };
  struct Deliver {
    Bytes packet;
  };
  using Command = std::variant<Send, Deliver>;
  std::vector<Command> take_commands() { return std::exchange(commands_, {}); }

 private:
  // Numbers of received packets, newest at 0.
  struct Window {
    std::uint64_t newest = 0;
    std::bitset<8192> seen;
    bool admit(std::uint64_t number);
  };
  struct Peer;
  struct Session {
    std::uint32_t own_index = 0, their_index = 0;
    MonoTime born{};
    bool initiated = false;  // by this end
    bool confirmed = false;  // the other end is known to have it
    std::uint64_t next_number = 0;
    Window window;
  };
  struct Handshake {
    std::uint32_t own_index = 0;
    MonoTime began{}, next_try{};
  };
  struct Peer {
    NodePublicKey key;
    reconcile::WireguardPeer wanted;
    std::deque<std::shared_ptr<Session>> sessions;  // newest first; the one before for stragglers
    std::optional<Handshake> handshake;
    std::deque<Bytes> staged;
    std::uint64_t last_initiation = 0;     // the other end's timestamp, against repeats
    std::optional<MonoTime> silence_at;    // when a new handshake is due, as nothing came back
    std::optional<MonoTime> keepalive_at;  // when what came must have been answered
  };

  void on_initiation(MonoTime now, std::span<const std::uint8_t> message);
  void on_response(MonoTime now, std::span<const std::uint8_t> message);
  void on_data(MonoTime now, std::span<const std::uint8_t> message);
  void deliver(MonoTime now, Peer& peer, std::span<const std::uint8_t> padded);
  void initiate(MonoTime now, Peer& peer);
  void try_handshake(MonoTime now, Peer& peer);
  void add_session(Peer& peer, Session session);
  Session* usable(MonoTime now, Peer& peer);
  void send_staged(MonoTime now, Peer& peer);
  void send_data(MonoTime now, Peer& peer, Session& session, const Bytes& packet);
  Peer* peer_for(const IpAddress& destination);
  std::pair<Peer*, Session*> session_of(std::uint32_t own_index);
  Duration jitter();
  std::uint32_t fresh_index();

  std::mt19937 random_;
  NodePublicKey own_;
  std::map<NodePublicKey, Peer> peers_;
  std::vector<Command> commands_;
};

}  // namespace kernmesh::nat
