// SPDX-License-Identifier: Apache-2.0
// Which of a peer's ways to use (L1, pure functions of what is known of each). Direct ways come
// before relayed ones; the one in use is kept as long as nothing speaks against it.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "controller/core/path/candidates.h"

namespace kernmesh::path {

// A reading of the clock, and since when a pong proves anything: our own last move.
struct Moment {
  MonoTime now{};
  MonoTime distrust_before = MonoTime::min();
};

// It answered within the last 6.5 s, from where we are now.
bool is_trusted(const Candidate& candidate, const Moment& moment);
bool is_barren(const Candidate& candidate, const Moment& moment);
// Trusted, and no heartbeat is overdue.
bool is_healthy(const Candidate* held, const Moment& moment);

// The way to use from now on.
std::optional<Way> choose(const Candidates& candidates, const std::optional<Way>& held,
                          const Moment& moment, std::span<const IpAddress> local_addresses);

// The relayed way to take when the direct one is in doubt. It need not have answered: the relay
// has said that the peer is there.
const Candidate* insurance(const Candidates& candidates, const std::optional<Way>& held);

struct Usage {
  std::optional<Way> held;
  bool active = false;        // the session
  bool provisional = false;   // nobody has seen data arrive on the held way yet
  std::optional<Way> lapsed;  // the direct way that was left a short while ago because of silence
};
// Where packets go: to a second way as well while the first is in doubt.
SetPath path_of(NodeId peer, const Candidates& candidates, const Usage& usage,
                const Moment& moment);

// The ways that packets are accepted on: those that have answered, and relayed ones.
std::vector<Way> sources_of(const Candidates& candidates, const std::optional<Way>& held);

}  // namespace kernmesh::path
