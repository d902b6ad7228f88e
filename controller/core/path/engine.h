// SPDX-License-Identifier: Apache-2.0
// Finds and keeps a path to every peer (L1, sans-IO): readings of the clock and datagrams in,
// commands out. The shell calls tick() when next_deadline() has come and takes the commands after
// every call. Single-threaded. Ways are direct, IPv4 and IPv6, or lead through a relay; who talks
// to the relays (core/relay/client.h) tells the engine which channels there are.
//
// What moves a path, an accepted source or a key is only ever a pong that answers a ping of ours,
// from where that ping went: a replayed or relayed ping costs at most an answer and a probe.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/base/key.h"
#include "controller/core/path/command.h"
#include "controller/core/path/peer_paths.h"

namespace kernmesh::path {

// What became of a datagram, for the shell's counters.
enum class Verdict : std::uint8_t {
  kAccepted,
  kMalformed,      // not a whole, authentic disco message
  kUnknownSender,  // authentic or not, from nobody that the netmap explains
  kLimited,        // dropped unread: too many from unknown senders, or too many pings of one peer
  kUnmatched,      // a pong that answers no outstanding ping, or a ping seen before
  kBadSource,      // from an address that no peer can have, or a channel that is not the sender's
};

class Engine {
 public:
  Engine(LocalIdentity identity, RandomStream random, Settings settings = {});

  // The whole list of peers; what was learnt of those that stay is kept. New peers and new
  // endpoints are probed at once, within the budget.
  void set_peers(MonoTime now, std::vector<PeerInfo> peers);
  void upsert_peer(MonoTime now, PeerInfo peer);
  void remove_peer(NodeId id);
  // This node's underlay addresses. A change means that it moved: every peer is probed again,
  // active sessions first.
  void set_local_addresses(MonoTime now, std::vector<IpAddress> addresses);
  // Another key of WireGuard's under the same disco key.
  void set_node_key(const NodePublicKey& key, const Attestation& attestation);
  // Ranges in which no path can lie, because they are the mesh's own.
  void set_overlay_prefixes(std::vector<Prefix> prefixes);

  // Where peers may find this node: its own endpoints and those that servers see (core/netcheck).
  // Told to them through relays; at most kMostOfferedEndpoints count.
  void set_offer(MonoTime now, std::vector<Endpoint> endpoints);

  // The largest WireGuard message that this node's interface can make, bytes: what ways are tested
  // for. 0, as at first: they are not.
  void set_largest_message(MonoTime now, std::uint32_t bytes);

  // source: the sender as recvmsg() gave it; local: the address that it was sent to. Takes disco
  // messages, bare or behind a relay's header.
  Verdict on_datagram(MonoTime now, std::span<const std::uint8_t> bytes, const Endpoint& source,
                      const IpAddress& local);
  // When WireGuard last sent to (also into the void, while there is no path) and received from the
  // peer. Call it when either changed, at least once a second.
  void on_traffic(MonoTime now, NodeId id, const Traffic& traffic);
  // WireGuard's handshake came from a source that no path explains: somebody may have moved.
  void on_unknown_initiation(MonoTime now, const Endpoint& source);
  // The system refused to send there (no route, network unreachable).
  void on_send_failed(MonoTime now, NodeId id, const Way& to);
  // All relayed ways that lead to the peer now, on which both it and this node are bound. Those
  // that are being left are used until another way has answered, and the peer is heard on them.
  void set_relayed(MonoTime now, NodeId id, const std::vector<Way>& ways,
                   const std::vector<Way>& leaving = {});
  // Answered by one PingResult with the returned id: for `meshadm ping`. kNotFound for a peer that
  // is not known, kExhausted when too many are waiting.
  Result<PingRequestId> ping_now(MonoTime now, NodeId id);

  void tick(MonoTime now);
  // When tick() has something to do; may lie in the past. None: nothing until the next input.
  std::optional<MonoTime> next_deadline() const;
  std::vector<Command> take_commands() { return std::exchange(commands_, {}); }

  // kNone in .kind for a peer that has no path; no value for one that is not known.
  std::optional<PathStatus> status(MonoTime now, NodeId id) const;

 private:
  struct Entry {
    PeerPaths paths;
    Urgency urgency{};
    std::optional<MonoTime> filed_at;          // its key in due_
    std::vector<DiscoPublicKey> indexed_keys;  // its keys in by_disco_key_
  };
  using Peers = std::unordered_map<NodeId, Entry>;

  Surroundings surroundings();
  void put(MonoTime now, PeerInfo info);
  void erase(Peers::iterator found);
  void settle(MonoTime now, NodeId id, Entry& entry);
  void unfile(NodeId id, Entry& entry);
  void index_keys(NodeId id, Entry& entry);
  Verdict on_known(MonoTime now, const Envelope& envelope, NodeId id, const Arrival& arrival);
  Verdict on_unknown(MonoTime now, const Envelope& envelope, const Arrival& arrival);

  LocalIdentity identity_;
  DiscoPublicKey disco_key_;
  Settings settings_;
  RandomStream random_;
  TokenBucket probes_;                     // discovery of all peers together
  TokenBucket unknown_;                    // public-key work for senders that nobody knows
  TokenBucket strange_;                    // searches set off by unexplained handshakes
  std::optional<MonoTime> starved_until_;  // the budget was empty at the last tick
  bool knows_local_addresses_ = false;
  std::vector<IpAddress> local_addresses_;
  std::uint64_t last_request_ = 0;
  std::vector<Prefix> overlay_;
  std::vector<Endpoint> offer_;
  std::uint32_t largest_message_ = 0;
  std::vector<Command> commands_;
  Peers peers_;
  std::unordered_map<NodePublicKey, NodeId> by_node_key_;
  std::unordered_map<DiscoPublicKey, NodeId> by_disco_key_;
  // Deadlines of all peers by urgency, so that active sessions are served first.
  std::array<std::set<std::pair<MonoTime, NodeId>>, kUrgencies> due_;
};

}  // namespace kernmesh::path
