// SPDX-License-Identifier: Apache-2.0
#include "controller/core/reconcile/device.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace kernmesh::reconcile {

WireguardChange diff(const WireguardDevice& desired, const WireguardDevice& observed) {
  WireguardChange change;
  change.set_private_key = desired.public_key != observed.public_key;
  if (desired.listen_port != observed.listen_port) change.listen_port = desired.listen_port;
  // Both are sorted by key: one walk over the two, because 10,000 searches would cost more than the
  // change.
  auto wanted = desired.peers.begin();
  auto present = observed.peers.begin();
  while (wanted != desired.peers.end() || present != observed.peers.end()) {
    const bool only_wanted = present == observed.peers.end() ||
                             (wanted != desired.peers.end() && wanted->first < present->first);
    if (only_wanted) {
      change.upserted.emplace_back(wanted->first, wanted->second);
      ++wanted;
    } else if (wanted == desired.peers.end() || present->first < wanted->first) {
      change.removed.push_back(present->first);
      ++present;
    } else {
      // A preshared key goes with the whole peer: written as nothing into each of 10,000 peers at a
      // start it would cost more than this ever does.
      if (present->second.has_preshared_key) change.removed.push_back(present->first);
      if (wanted->second != present->second)
        change.upserted.emplace_back(wanted->first, wanted->second);
      ++wanted;
      ++present;
    }
  }
  return change;
}

ChangeInTurn split(const WireguardChange& change) {
  ChangeInTurn turn{change, {}};
  if (change.upserted.empty()) return turn;
  // One that is made anew under the same key has to go before.
  std::set<NodePublicKey> made;
  for (const auto& [key, peer] : change.upserted) made.insert(key);
  turn.first.removed.clear();
  for (const auto& key : change.removed) {
    (made.contains(key) ? turn.first : turn.later).removed.push_back(key);
  }
  return turn;
}

template <typename T>
SetChange<T> diff_sets(std::vector<T> desired, std::vector<T> observed) {
  for (auto* list : {&desired, &observed}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  SetChange<T> change;
  std::set_difference(desired.begin(), desired.end(), observed.begin(), observed.end(),
                      std::back_inserter(change.added));
  std::set_difference(observed.begin(), observed.end(), desired.begin(), desired.end(),
                      std::back_inserter(change.removed));
  return change;
}

template SetChange<Prefix> diff_sets(std::vector<Prefix>, std::vector<Prefix>);
template SetChange<Route> diff_sets(std::vector<Route>, std::vector<Route>);
template SetChange<Rule> diff_sets(std::vector<Rule>, std::vector<Rule>);

}  // namespace kernmesh::reconcile
