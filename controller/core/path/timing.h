// SPDX-License-Identifier: Apache-2.0
// The times that path discovery lives by (L1). Those marked (design) are Tailscale's, known to work
// on the Internet for years (docs/architecture.md, paths); the others are ours, each with a reason.
#pragma once

#include "controller/base/clock.h"

namespace kernmesh::path {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr Duration kHeartbeat = seconds(3);       // on the best path, active (design)
inline constexpr Duration kSessionActive = seconds(45);  // after the last packet sent (design)
inline constexpr Duration kTrust = milliseconds(6500);   // that a pong buys (design)
inline constexpr Duration kPingTimeout = seconds(5);     // (design)
// An unanswered heartbeat is repeated this soon, and casts doubt on the path after it: far above
// any sane round trip, and it leaves five more tries within the 10 s in which a path must be back.
inline constexpr Duration kPatience = seconds(1);
inline constexpr int kPatienceRoundTrips = 3;  // or this many round trips if longer
// A ping that is unanswered for this long, or that many round trips, makes data take a second way
// as well, and is repeated once. Far below what people notice, above the agents' own delays; what
// was only late costs some packets sent twice.
inline constexpr Duration kHesitation = milliseconds(100);
// Data that has left for this long, for that many round trips, and for that many times the longest
// silence of late, without a packet coming back: the way is asked at once. At least TCP's smallest
// retransmission time (Linux: 200 ms).
inline constexpr Duration kDataSilence = milliseconds(200);
inline constexpr int kSilenceOfUsual = 3;
// A relay that stays silent is doubted again after this: leaves three tries within those 10 s.
inline constexpr Duration kDoubtAgain = kHeartbeat;
inline constexpr int kDoubtfulPings = 2;                  // unanswered: look for other paths
inline constexpr Duration kSearchFast = seconds(1);       // between probes, active session
inline constexpr int kSearchFastTries = 10;               // with 30 % loss each way 0.1 % fail
inline constexpr Duration kSearchSlow = kHeartbeat;       // after those, while active
inline constexpr Duration kIdleSearchMost = seconds(30);  // 1, 2, 4 .. 30 s while idle
inline constexpr int kIdleSearchTries = 12;               // about 4 minutes; then traffic decides
inline constexpr Duration kUpgrade = seconds(60);         // look for something better (Tailscale)
// Relayed and active: how often to look for a direct way (design), after a fast search at first.
inline constexpr Duration kDirectRetry = seconds(30);
inline constexpr int kDirectRetryTries = 3;
// Calls through a relay: three when a search begins, since any may be lost.
inline constexpr int kCalls = 3;
inline constexpr Duration kCallPause = seconds(2);
inline constexpr Duration kCallAnswerPause = seconds(10);
// A call may name 32 places that belong to others: 32 probes of each offer in 5 s at most.
inline constexpr double kCallsHeardPerSecond = 0.2, kCallsHeardBurst = 4;
// A direct way that fell silent is used beside the relay's this long, then the relay's alone.
inline constexpr Duration kLapsedUse = seconds(30);
// A direct way that answers pings and carries nothing is left alone this long.
inline constexpr Duration kBarren = seconds(60);
inline constexpr Duration kBarrenAfter = seconds(5);  // of pongs that tell of no data any more
// Of pongs that have told of none yet: WireGuard repeats a lost handshake after 5.3 s at most, and
// what then arrives is read once a second and told once a second. Both ways carry meanwhile.
inline constexpr Duration kBarrenFromTheStart = seconds(8);
inline constexpr Duration kBarrenSilence = seconds(10);  // or of data that stopped arriving
inline constexpr int kBarrenPongs = 3;
inline constexpr Duration kLearntSilence = std::chrono::minutes(5);  // then refreshing forgets it
// A path replaces a working one when it gains this much: noise of a quiet Ethernet stays below.
inline constexpr Duration kLatencyNoise = milliseconds(2);
inline constexpr int kLatencyNoiseFraction = 4;  // or a quarter of the round trip
// Round trips are smoothed with those of this long before: six heartbeats. What is asked only once
// a minute or half a minute is measured afresh, or it would take many minutes to notice a change.
inline constexpr Duration kLatencyMemory = seconds(20);
// Of probes without an answer, for people: 40 heartbeats, so a lost one is 2.5 %.
inline constexpr Duration kLossWindow = std::chrono::minutes(2);
inline constexpr std::size_t kMostLossProbes = 64;
inline constexpr Duration kStarvedPause = milliseconds(20);  // between looks at an empty budget

inline constexpr std::size_t kMostCandidates = 32;
inline constexpr int kCallerTries = 3;          // a lost probe must not lose a peer that has moved
inline constexpr int kOfferTries = 3;           // of an endpoint that the peer named in a call
inline constexpr std::size_t kMostCallers = 4;  // unproven sources that are probed back
inline constexpr std::size_t kMostRelayedWays = 3;   // to one peer
inline constexpr std::size_t kMostSources = 8;       // accepted for one peer's WireGuard packets
inline constexpr std::size_t kMostOutstanding = 96;  // pings of one peer: 3 rounds of everything
inline constexpr std::size_t kMostPingRequests = 8;  // of people, for one peer
inline constexpr std::size_t kRememberedPings = 64;  // transaction ids, against replays
// Answers to one peer's pings: a round of 32 candidates at once, then as for active sessions.
inline constexpr double kAnswersPerSecond = 40, kAnswerBurst = 80;
inline constexpr double kCallerProbesPerSecond = 5, kCallerProbeBurst = 10;
// About 0.15 ms each for X25519 and Ed25519: a flood costs at most 2 % of one core.
inline constexpr double kUnknownPerSecond = 100, kUnknownBurst = 200;
inline constexpr double kStrangePerSecond = 1, kStrangeBurst = 3;

}  // namespace kernmesh::path
