// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/request_queue.h"

#include <algorithm>

namespace kernmesh::relay {

void RequestQueue::Entry::on_sent(MonoTime now) {
  ++tries;
  next_try = now + (tries < kDoubtfulTries + 1 ? kRequestPatience : 2 * kRequestPatience);
}

void RequestQueue::add(MonoTime now, RequestType type, const DiscoPublicKey& peer) {
  const bool known = std::any_of(entries_.begin(), entries_.end(),
                                 [&](const Entry& e) { return e.type == type && e.peer == peer; });
  if (known) return;
  Entry entry;
  entry.type = type;
  entry.peer = peer;
  entry.next_try = now;
  entries_.push_back(entry);
}

void RequestQueue::remove(RequestType type, const DiscoPublicKey& peer) {
  std::erase_if(entries_, [&](const Entry& e) { return e.type == type && e.peer == peer; });
}

std::optional<RequestQueue::Entry> RequestQueue::take(Sequence sequence) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) {
    return std::find(e.sequences.begin(), e.sequences.end(), sequence) != e.sequences.end();
  });
  if (found == entries_.end()) return std::nullopt;
  const Entry entry = *found;
  entries_.erase(found);
  return entry;
}

void RequestQueue::send_again(MonoTime now) {
  for (auto& e : entries_)
    if (e.tries > 0) e.next_try = now;
}

}  // namespace kernmesh::relay
