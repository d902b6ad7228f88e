// SPDX-License-Identifier: Apache-2.0
#include "controller/core/reconcile/device.h"

#include <algorithm>
#include <iterator>

namespace kernmesh::reconcile {

WireguardChange diff(const WireguardDevice& desired, const WireguardDevice& observed) {
  WireguardChange change;
  change.set_private_key = desired.public_key != observed.public_key;
  if (desired.listen_port != observed.listen_port) change.listen_port = desired.listen_port;
  for (const auto& [key, peer] : observed.peers) {
    if (!desired.peers.contains(key)) change.removed.push_back(key);
  }
  for (const auto& [key, peer] : desired.peers) {
    const auto found = observed.peers.find(key);
    if (found == observed.peers.end() || found->second != peer)
      change.upserted.emplace_back(key, peer);
  }
  return change;
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
