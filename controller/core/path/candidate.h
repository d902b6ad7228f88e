// SPDX-License-Identifier: Apache-2.0
// One place where a peer may be reached, and what is known of it (L1, pure).
#pragma once

#include <optional>
#include <span>

#include "controller/base/clock.h"
#include "controller/base/ip.h"
#include "controller/core/path/command.h"
#include "controller/core/path/path_mtu.h"
#include "controller/core/path/timing.h"

namespace kernmesh::path {

enum class Origin : std::uint8_t {
  kReported,  // the netmap names it
  kLearnt,    // a pong came from there; the netmap does not name it (any more)
  kCaller,    // a ping came from there and is being probed back; nothing is believed of it yet
  kOffered,   // the peer named it in a call; it has not answered yet
  kRelay,     // a relay gave it to the two of us
};

struct Candidate {
  Way way;
  Origin origin = Origin::kReported;
  std::optional<MonoTime> last_pong;
  std::optional<Duration> latency;           // smoothed round trip of late
  std::optional<MonoTime> last_ping;         // sent by us
  std::optional<MonoTime> first_unanswered;  // the oldest of our pings since the last pong
  int unanswered = 0;                        // our pings since the last pong
  std::optional<MonoTime> next_probe;        // none: nothing planned
  std::optional<DiscoPublicKey> caller_key;  // kCaller: what its ping was sealed under
  std::optional<MonoTime> doubt_told_at;     // kRelay: by DoubtRelay, of the silence that lasts
  int tries = 0;                             // probes of the present search
  bool leaving = false;                      // a relayed way that will be closed
  PathMtu mtu;                               // tested while it is the best
  bool failed = false;                       // the system refused to send there since the last pong
  std::optional<MonoTime> barren_until;      // it swallows data: not chosen before then

  void on_sent(MonoTime now);
  void on_answer(MonoTime now, Duration round_trip);
  // Plans a first probe, unless one has gone out within kPatience.
  void plan(MonoTime now);
  // Whenever the last probe was.
  void ask_at_once(MonoTime now);
  // From when on a ping is late: no reason to leave, one to use another way beside this one.
  std::optional<MonoTime> questionable_from() const;
  bool is_questionable(MonoTime now) const {
    return questionable_from() && now >= *questionable_from();
  }
  // From when on an unanswered ping is a bad sign.
  std::optional<MonoTime> suspect_from() const;
  bool is_suspect(MonoTime now) const { return suspect_from() && now >= *suspect_from(); }
};

// Could a peer be there at all? Not port 0, unspecified, multicast, class E (synthetic endpoints),
// 0/8, link-local (it would need a zone), IPv4-mapped, or inside one of `overlay`; loopback as
// said.
bool is_usable(const Endpoint& endpoint, Loopback loopback, std::span<const Prefix> overlay);

}  // namespace kernmesh::path
