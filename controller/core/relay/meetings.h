// SPDX-License-Identifier: Apache-2.0
// Where a node meets its peers when it cannot reach them straight (L1, sans-IO): one client for
// each relay in use, and which peer is opened at which. Not thread-safe.
//
// A peer is asked for at the relay where it is at home, since it is bound there; who is asked for
// opens too. When that relay is dead both go to the next one of the map by number that is not: they
// know the same map, so they need nobody to tell them where.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "controller/core/relay/client.h"
#include "controller/core/relay/home.h"

namespace kernmesh::relay {

struct RelayInfo {
  RelayId id;
  RelayAddress address;
  enum class Use : std::uint8_t { kOpen, kDraining } use = Use::kOpen;  // the server's word
};

struct MeetingPeer {
  NodeId id;
  DiscoPublicKey key;
  std::optional<RelayId> home;
};

// For the path engine: all relayed ways that lead to the peer now. On those that are being left the
// peer is still heard, since it may leave them a moment later; nothing new should go there.
struct SetRelayed {
  NodeId peer;
  std::vector<path::Way> ways;
  std::vector<path::Way> leaving;
};
// Send from the public port.
struct ToRelay {
  Endpoint relay;
  Bytes bytes;
};
struct SeenByRelay {
  RelayId relay;
  Endpoint observed;
};
struct HomeLost {
  RelayId relay;
};
// The relay gave this node one channel for two peers, and is not used for long.
struct RelayDistrusted {
  RelayId relay;
  Channel channel;
};
using MeetingCommand =
    std::variant<SetRelayed, ToRelay, SeenByRelay, HomeLost, TicketRefused, RelayDistrusted>;

class Meetings {
 public:
  // A session that nobody has used for this long gives its pair back.
  static constexpr Duration kKept = std::chrono::minutes(5);
  // So long both ends have to leave a pair at about the same time.
  static constexpr Duration kLeaving = std::chrono::seconds(10);
  // A relay that refused because it drains is asked again after this: it reports to the server
  // every five seconds, so its word may be older than the server's.
  static constexpr Duration kRefusal = std::chrono::seconds(15);

  explicit Meetings(RelayClient::Settings settings);

  void set_relays(MonoTime now, std::vector<RelayInfo> relays);
  void set_ticket(MonoTime now, const TicketBytes& ticket);
  void set_home(MonoTime now, std::optional<RelayId> home);
  void upsert_peer(MonoTime now, const MeetingPeer& peer);
  void remove_peer(MonoTime now, NodeId id);
  // The session has carried traffic. As often as the shell likes while it lasts.
  void on_active(MonoTime now, NodeId id);
  void on_moved(MonoTime now);
  // The engine's DoubtRelay.
  void on_doubt(MonoTime now, const path::Way& way);

  Reception on_datagram(MonoTime now, std::span<const std::uint8_t> bytes, const Endpoint& source);
  void tick(MonoTime now);
  std::optional<MonoTime> next_deadline() const;
  std::vector<MeetingCommand> take_commands() { return std::exchange(commands_, {}); }

 private:
  enum class Health : std::uint8_t { kGood, kDoubtful, kDead };
  struct Former {
    Endpoint endpoint;
    MonoTime until{};
  };
  struct Place {
    RelayInfo info;
    std::unique_ptr<RelayClient> client;    // none: not in use
    Health health = Health::kGood;          // dead until it binds us again
    std::optional<MonoTime> refuses_until;  // by its own word: it drains, or did when it said so
    std::optional<Former> former;           // where it was reached before, and is still heard
  };
  struct Session {
    MeetingPeer peer;
    std::optional<MonoTime> wanted_until;
    std::map<RelayId, MonoTime> asked_until;  // where the peer has asked for us
    std::set<RelayId> opened;
    std::map<RelayId, path::Way> up;
    std::map<RelayId, MonoTime> leaving;  // opened and up, closed then
  };

  RelayClient& client_of(MonoTime now, Place& place);
  Sequence first_sequence(MonoTime now);
  // True when the relay is reached another way from now on.
  static bool move(MonoTime now, Place& place, RelayInfo info);
  void expire(MonoTime now);
  static bool drains(const Place& place);
  static bool is_good(const Place& place);
  // The relay itself when it is good, else the next that is; none when none is.
  std::optional<RelayId> good_from(std::optional<RelayId> relay) const;
  std::set<RelayId> wanted_relays(MonoTime now, const Session& session) const;
  void arrange(MonoTime now, Session& session);
  bool may_close(MonoTime now, Session& session, RelayId relay);
  void arrange_all(MonoTime now);
  void bind_home(MonoTime now);
  void drop_idle_clients();
  void drain(MonoTime now);
  void take(MonoTime now, RelayId id, const Event& event);
  Session* session_of(const DiscoPublicKey& key);
  void publish(const Session& session);

  RelayClient::Settings settings_;
  std::optional<MonoTime> clock_start_;  // when settings_.first_sequence was the clock's
  std::optional<TicketBytes> ticket_;
  std::optional<RelayId> home_;
  std::map<RelayId, Place> places_;
  std::map<NodeId, Session> sessions_;
  std::set<NodeId> live_;  // those that are wanted, asked for or opened
  std::map<DiscoPublicKey, NodeId> by_key_;
  std::vector<MeetingCommand> commands_;
};

}  // namespace kernmesh::relay
