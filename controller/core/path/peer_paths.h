// SPDX-License-Identifier: Apache-2.0
// The paths to one peer (L1, sans-IO; engine.h drives it): when to probe which of its candidates,
// what the answers say, and the path that follows. Single-threaded.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "controller/core/path/calling.h"
#include "controller/core/path/candidates.h"
#include "controller/core/path/choice.h"
#include "controller/core/path/command.h"
#include "controller/core/path/data_proof.h"
#include "controller/core/path/data_silence.h"
#include "controller/core/path/disco_keys.h"
#include "controller/core/path/ping_book.h"
#include "controller/core/path/probe_loss.h"
#include "controller/core/path/timing.h"
#include "controller/core/path/token_bucket.h"

namespace kernmesh::path {

// What the engine lends for the length of a call.
struct Surroundings {
  const LocalIdentity& identity;
  const DiscoPublicKey& disco_key;
  const Settings& settings;
  RandomStream& random;
  TokenBucket& probes;
  std::span<const IpAddress> local_addresses;
  std::span<const Prefix> overlay;
  std::span<const Endpoint> offer;  // where this node may be found, for calls
  std::uint32_t largest_message;    // bytes; 0: sizes are not tested
  std::vector<Command>& out;
};

// Where a datagram came from and to.
struct Arrival {
  Way source;
  IpAddress local;
};

// Who is served first when the budget is short.
enum class Urgency : std::uint8_t { kActive, kFresh, kRetry };
inline constexpr std::size_t kUrgencies = 3;

enum class Reception : std::uint8_t { kTaken, kLimited, kUnmatched };

class PeerPaths {
 public:
  explicit PeerPaths(PeerInfo info);

  const PeerInfo& info() const { return info_; }
  DiscoKeys& keys() { return keys_; }
  const DiscoKeys& keys() const { return keys_; }

  // The netmap's newest word on the peer, also the first.
  void refresh(MonoTime now, PeerInfo info, const Surroundings& around);
  void on_traffic(MonoTime now, const Traffic& traffic);
  void on_moved(MonoTime now);
  void on_send_failed(const Way& to);
  // The relayed ways that there are now, and others that are being left.
  void set_relayed(MonoTime now, std::span<const Way> ways, std::span<const Way> leaving);
  bool is_relayed_way(const Way& way) const;
  // Somebody unknown tried to shake hands from there: look again if that could be this peer.
  void on_strange_source(MonoTime now, const Endpoint& source);
  // Both sealed under `key`, authentic.
  Reception on_ping(MonoTime now, const Ping& ping, const DiscoPublicKey& key,
                    const Arrival& arrival, const Surroundings& around);
  Reception on_pong(MonoTime now, const Pong& pong, const DiscoPublicKey& key, const Way& source,
                    const Surroundings& around);
  Reception on_call(MonoTime now, const CallMeMaybe& call, const Surroundings& around);
  // This node may be found elsewhere than before.
  void on_new_offer(MonoTime now);
  // False when too many wait already.
  bool ping_now(MonoTime now, PingRequestId request, const Surroundings& around);

  // Does all that is due; to be called after every input. What the budget does not allow stays due.
  void advance(MonoTime now, const Surroundings& around);
  std::optional<MonoTime> deadline() const;
  Urgency urgency(MonoTime now) const;
  PathStatus status(MonoTime now) const;

 private:
  const Candidate* best() const { return best_ ? candidates_.find(*best_) : nullptr; }
  Candidate* best() { return best_ ? candidates_.find(*best_) : nullptr; }
  Moment moment(MonoTime now) const { return {now, distrust_before_}; }
  bool is_active(MonoTime now) const { return active_until_ && now < *active_until_; }
  bool is_healthy(MonoTime now) const { return path::is_healthy(best(), moment(now)); }
  bool is_searching(MonoTime now) const;
  // A relay carries the session: is there nothing straighter?
  bool wants_direct(MonoTime now) const;
  bool is_provisional() const;
  bool has_trusted_direct(MonoTime now) const;
  MonoTime heartbeat_due(const Candidate& best) const;
  Duration replan_interval() const;
  void plan_all(MonoTime now, int tries);
  void replan(MonoTime now);
  void choose(MonoTime now, const Surroundings& around);
  void probe_due(MonoTime now, const Surroundings& around);
  bool may_probe(MonoTime now, Candidate& candidate, const Surroundings& around);
  void plan_next(MonoTime now, Candidate& candidate) const;
  void heartbeat(MonoTime now, const Surroundings& around);
  void ask_relay(MonoTime now);
  void ask_when_silent(MonoTime now);
  void ask_held(MonoTime now);
  void test_size(MonoTime now, const Surroundings& around);
  void judge_data(MonoTime now);
  void call(MonoTime now, const Surroundings& around);
  void move_to(MonoTime now, const Way& way);
  void count_probe(MonoTime now, const OutstandingPing& ping, ProbeLoss::Fate fate);
  void send_ping(MonoTime now, Candidate& to, const DiscoPublicKey& key, PingRequestId request,
                 const Surroundings& around);
  void send_padded_ping(MonoTime now, const Way& to, std::uint32_t bytes,
                        const Surroundings& around);
  Ping make_ping(const Surroundings& around) const;
  SendDatagram datagram(const Way& to, Bytes sealed) const;
  void publish(MonoTime now, const Surroundings& around);
  void publish_limit(const Surroundings& around);
  void publish_doubts(MonoTime now, const Surroundings& around);

  PeerInfo info_;
  DiscoKeys keys_;
  PingBook book_;
  Candidates candidates_;
  std::optional<Way> best_;
  MonoTime used_since_{};
  ProbeLoss loss_;   // of the best way, since then
  DataProof proof_;  // of the best way, when it is direct
  std::optional<Way> lapsed_;
  std::optional<MonoTime> lapsed_until_;
  Calling calling_;
  int direct_tries_ = kSearchFastTries;  // of each candidate, while a relay carries the session
  Traffic traffic_;
  DataSilence silence_;  // of data
  std::optional<MonoTime> active_until_;
  MonoTime distrust_before_ = MonoTime::min();  // pongs before our own move prove nothing
  bool unsettled_ = true;  // nothing has answered since the peer appeared or we moved
  bool was_searching_ = false;
  std::optional<MonoTime> last_planned_;
  std::optional<MonoTime> advanced_at_;
  TokenBucket answers_{kAnswersPerSecond, kAnswerBurst};
  TokenBucket caller_probes_{kCallerProbesPerSecond, kCallerProbeBurst};
  SetPath published_path_;
  std::uint32_t published_limit_ = 0;
  std::vector<Way> published_sources_;
};

}  // namespace kernmesh::path
