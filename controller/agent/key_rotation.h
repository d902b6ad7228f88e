// SPDX-License-Identifier: Apache-2.0
// Gives this node another WireGuard key without losing packets (L3, docs/adr/0016;
// single-threaded). The kernel has the new key first: what peers send under old sessions still gets
// in, and what this node sends waits in WireGuard's queues until they know the key from the server
// and greet it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/key.h"

namespace kernmesh::agent {

// A server that has not taken the new key by then is told the old one: WireGuard queues 128 packets
// for a peer (MAX_STAGED_PACKETS, drivers/net/wireguard/messages.h), and a session of before lives
// for 180 s at most.
inline constexpr auto kRotationPatience = std::chrono::seconds(10);
class KeyRotation {
 public:
  // Who wants it; each is heard so long after the attempt before. The clock sooner, because
  // sessions end within three minutes when peers refuse to renew them.
  enum class Reason { kServer, kClock };
  static constexpr auto kServerPause = std::chrono::minutes(5);
  static constexpr auto kClockPause = std::chrono::seconds(20);

  struct Events {
    // Makes the kernel use the key, and peers be told of it in pings.
    std::function<Status(const X25519SecretKey&)> use;
    // Tells the server, again and again until it has answered; a newer key takes the place of an
    // older one. Answered by on_told() or on_refused().
    std::function<void(const X25519SecretKey&)> tell;
    // The server has it: it is this node's from now on, also after a restart.
    std::function<void(const X25519SecretKey&)> keep;
  };
  explicit KeyRotation(Events events) : events_(std::move(events)) {}

  // Whether begin() would do something: not while one is under way, or soon after one.
  bool may_begin(MonoTime now, Reason reason) const;
  // `current`: the key in use.
  void begin(MonoTime now, const X25519SecretKey& current, const X25519SecretKey& next);
  void on_told(const NodePublicKey& key);
  // For good: the server has not taken it.
  void on_refused(const Error& error);
  // Gives up when it is time to; returns when that will be.
  std::optional<MonoTime> settle(MonoTime now);
  // The session is over: its successor tells the key that was there before.
  void abandon();

  bool is_under_way() const { return turn_.has_value(); }
  // What the kernel is to use while one is under way; nothing: the key that was kept.
  std::optional<X25519SecretKey> key_in_use() const;

 private:
  struct Turn {
    X25519SecretKey current;
    X25519SecretKey next;
    MonoTime give_up_at;
    bool goes_back = false;  // the server is being told the old key again
  };
  void go_back();

  const Events events_;
  std::optional<Turn> turn_;
  std::optional<MonoTime> last_begun_;
};

}  // namespace kernmesh::agent
