// SPDX-License-Identifier: Apache-2.0
// The paths to one peer (L1, sans-IO; engine.h drives it): its candidates, the best of them, and
// when to probe which. Single-threaded.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "controller/core/path/candidate.h"
#include "controller/core/path/command.h"
#include "controller/core/path/disco_keys.h"
#include "controller/core/path/ping_book.h"
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
  std::vector<Command>& out;
};

// Where a datagram came from and to.
struct Arrival {
  Endpoint source;
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
  void on_send_failed(const Endpoint& to);
  // Somebody unknown tried to shake hands from there: look again if that could be this peer.
  void on_strange_source(MonoTime now, const Endpoint& source);
  // Both sealed under `key`, authentic.
  Reception on_ping(MonoTime now, const Ping& ping, const DiscoPublicKey& key,
                    const Arrival& arrival, const Surroundings& around);
  Reception on_pong(MonoTime now, const Pong& pong, const DiscoPublicKey& key,
                    const Endpoint& source, const Surroundings& around);
  // False when too many wait already.
  bool ping_now(MonoTime now, PingRequestId request, const Surroundings& around);

  // Does all that is due; to be called after every input. What the budget does not allow stays due.
  void advance(MonoTime now, const Surroundings& around);
  std::optional<MonoTime> deadline() const;
  Urgency urgency(MonoTime now) const;
  PathStatus status(MonoTime now) const;

 private:
  Candidate* find(const Endpoint& endpoint);
  const Candidate* best() const;
  Candidate* best();
  bool is_active(MonoTime now) const { return active_until_ && now < *active_until_; }
  bool is_trusted(const Candidate& candidate, MonoTime now) const;
  bool is_healthy(MonoTime now) const;
  bool is_searching(MonoTime now) const;
  MonoTime heartbeat_due(const Candidate& best) const;

  void add_reported(MonoTime now, const Endpoint& endpoint);
  void add_caller(MonoTime now, const Endpoint& source, const DiscoPublicKey& key);
  bool make_room(Origin newcomer);
  void plan_all(MonoTime now);
  void choose(MonoTime now, const Surroundings& around);
  void probe_due(MonoTime now, const Surroundings& around);
  bool may_probe(MonoTime now, Candidate& candidate, const Surroundings& around);
  void plan_next(MonoTime now, Candidate& candidate) const;
  void heartbeat(MonoTime now, const Surroundings& around);
  void send_ping(MonoTime now, Candidate& to, const DiscoPublicKey& key, PingRequestId request,
                 const Surroundings& around);
  const Candidate* runner_up() const;
  void publish_sources(const Surroundings& around);
  void publish(MonoTime now, const Surroundings& around);

  PeerInfo info_;
  DiscoKeys keys_;
  PingBook book_;
  std::vector<Candidate> candidates_;
  std::optional<Endpoint> best_;
  Traffic traffic_;
  std::optional<MonoTime> active_until_;
  MonoTime distrust_before_ = MonoTime::min();  // pongs before our own move prove nothing
  bool unsettled_ = true;  // nothing has answered since the peer appeared or we moved
  bool was_searching_ = false;
  std::optional<MonoTime> last_planned_;
  std::optional<MonoTime> advanced_at_;
  TokenBucket answers_{kAnswersPerSecond, kAnswerBurst};
  TokenBucket caller_probes_{kCallerProbesPerSecond, kCallerProbeBurst};
  SetPath published_path_;
  std::vector<Endpoint> published_sources_;
};

}  // namespace kernmesh::path
