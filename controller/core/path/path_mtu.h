// SPDX-License-Identifier: Apache-2.0
// How large a message one way to a peer carries (L1, pure): packet-layer path MTU discovery after
// RFC 8899, by padded pings. Sizes are those of WireGuard's messages, in bytes of UDP payload: 32
// and a multiple of 16, whatever headers the way puts in front.
//
// It begins with the belief that everything passes, because nearly everywhere it does, and a first
// connection should not begin with small segments. A padded ping tests that at once; while a size
// is in doubt only what every network carries is counted on.
#pragma once

#include <cstdint>
#include <optional>

#include "controller/base/clock.h"
#include "controller/core/path/timing.h"

namespace kernmesh::path {

// Fits the smallest MTU of IPv6 (1280, RFC 8200 section 5) behind the headers of IPv6, UDP and a
// relay; never tested, so the least that is ever believed.
inline constexpr std::uint32_t kBaseMessage = 32 + 1184;
// Fits an Ethernet's 1500 bytes behind the same headers: tried first when something larger fails.
inline constexpr std::uint32_t kEthernetMessage = 32 + 1408;
inline constexpr std::uint32_t kMessageStep = 16;  // WireGuard pads to that

inline constexpr int kMtuProbes = 3;  // unanswered: too large (RFC 8899 5.1.2)
// Or three round trips if longer. A witness goes the same way in the same time, so this may be
// short.
inline constexpr Duration kMtuPatience = milliseconds(300);
inline constexpr Duration kMtuConfirm = seconds(6);  // between tests of what is in use
// Try a larger one, at first soon, since a few lost pings look like a narrow way; then after twice
// the time, up to RFC 8899 5.1.1.
inline constexpr Duration kMtuRaiseFirst = seconds(10), kMtuRaise = seconds(600);

class PathMtu {
 public:
  // The largest message that there will be; more of one is never asked for. 0: nothing is tested.
  // Another value than before begins anew.
  void set_largest(MonoTime now, std::uint32_t bytes);
  std::uint32_t largest() const { return largest_; }

  // The largest message that may be counted on now.
  std::uint32_t bytes() const;
  // Whether a test of bytes() has been answered since it became the value.
  bool is_proven() const { return proven_; }

  // What the next padded ping should measure. Nothing to test: none.
  std::optional<std::uint32_t> next_size() const;
  // When it is due, or when something larger should be tried again.
  std::optional<MonoTime> next_at() const;
  // A second ping without padding should go with it, to tell a large message that is lost from a
  // way that is.
  bool wants_witness() const { return !proven_ || sent_ > 0; }
  // The answer is waited for so long.
  void on_sent(MonoTime now, Duration patience);
  // A padded ping of that size, sent then, was answered. One from before its size was given up says
  // nothing about the way as it is.
  void on_answer(MonoTime now, std::uint32_t bytes, MonoTime sent_at);
  // To be called when next_at() has come, before next_size(). last_pong: when the way last answered
  // anything; a test during which it did not says nothing about sizes.
  void on_silence(MonoTime now, std::optional<MonoTime> last_pong);

 private:
  void give_up(MonoTime now, std::uint32_t bytes);
  void settle(MonoTime now);

  std::uint32_t largest_ = 0;
  std::uint32_t works_ = 0;  // 0: nothing has failed, so largest_ is counted on
  std::uint32_t fails_ = 0;  // 0: nothing is known to
  bool proven_ = false;
  bool is_settled_ = false;
  int sent_ = 0;   // of the present size since the last answer
  int tries_ = 0;  // of those, unanswered while the way answered
  std::optional<MonoTime> sent_at_;
  std::optional<MonoTime> gave_up_at_;
  std::optional<MonoTime> next_at_;
  std::optional<MonoTime> raise_at_;
  Duration raise_after_ = kMtuRaiseFirst;
};

}  // namespace kernmesh::path
