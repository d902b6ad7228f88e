// SPDX-License-Identifier: Apache-2.0
// The places where one peer may be reached (L1, pure): a bounded list and who has to go when it is
// full.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "controller/core/path/candidate.h"

namespace kernmesh::path {

class Candidates {
 public:
  using List = std::vector<Candidate>;
  List::iterator begin() { return list_.begin(); }
  List::iterator end() { return list_.end(); }
  List::const_iterator begin() const { return list_.begin(); }
  List::const_iterator end() const { return list_.end(); }

  Candidate* find(const Way& way);
  const Candidate* find(const Way& way) const;
  // All but callers, of whom nothing is believed.
  std::size_t count() const;

  // In all of these `held` is the way in use, which never goes. What the netmap does not name any
  // more is forgotten once it has been silent for long.
  void set_reported(MonoTime now, std::span<const Endpoint> endpoints,
                    const std::optional<Way>& held);
  // The peer named it in a call. False when it is known already, or there is no room.
  bool add_offered(MonoTime now, const Endpoint& endpoint, const std::optional<Way>& held);
  void add_caller(MonoTime now, const Endpoint& source, const DiscoPublicKey& key);
  // A pong came from there. None when there is no room for it.
  Candidate* add_learnt(Candidate learnt, const std::optional<Way>& held);
  // The relayed ways that there are, all of them; at most kMostRelayedWays of each list count.
  void set_relayed(MonoTime now, std::span<const Way> ways, std::span<const Way> leaving);
  // Offers that were asked in vain.
  void drop_vain_offers(MonoTime now, const std::optional<Way>& held);
  // When the next of them goes.
  std::optional<MonoTime> vain_from() const;

 private:
  bool make_room(Origin newcomer, const std::optional<Way>& held);
  void add_reported(MonoTime now, const Endpoint& endpoint, const std::optional<Way>& held);

  List list_;
};

}  // namespace kernmesh::path
