// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/held_handshakes.h"

#include <algorithm>
#include <array>

namespace kernmesh::path {
namespace {

using std::chrono::milliseconds;

// WireGuard makes a new message after that (REKEY_TIMEOUT, https://www.wireguard.com/protocol/).
constexpr auto kUseful = std::chrono::seconds(5);
// Between copies: the peer may be a moment later to accept what comes on a new way, or one is lost.
// Who has got one takes no other: it names the same time.
constexpr std::array<Duration, 3> kPauses = {milliseconds(40), milliseconds(160),
                                             milliseconds(800)};

}  // namespace

void HeldHandshakes::hold(MonoTime now, NodeId peer, Bytes message) {
  if (message.empty()) return;
  if (held_.size() >= kMost && !held_.contains(peer)) {
    held_.erase(std::min_element(held_.begin(), held_.end(), [](const auto& a, const auto& b) {
      return a.second.since < b.second.since;
    }));
  }
  held_[peer] = Held{std::move(message), now, {}, false, std::nullopt, 0};
}

void HeldHandshakes::repeat(MonoTime now, NodeId peer, Bytes message) {
  hold(now, peer, std::move(message));
  const auto found = held_.find(peer);
  if (found == held_.end()) return;
  found->second.sent = 1;
  found->second.sent_first = now;
  found->second.due = now + kPauses[0];
}

void HeldHandshakes::on_path(MonoTime now, NodeId peer) {
  const auto found = held_.find(peer);
  if (found != held_.end() && !found->second.due) found->second.due = now;
}

std::vector<HeldHandshakes::Message> HeldHandshakes::take_due(MonoTime now, const Peers& peers) {
  std::vector<Message> messages;
  for (auto it = held_.begin(); it != held_.end();) {
    auto& [peer, held] = *it;
    const bool is_over = held.since + kUseful <= now || held.sent > kPauses.size();
    if (!is_over && (!held.due || *held.due > now)) {
      ++it;
      continue;
    }
    const auto heard = is_over || held.was_put_off ? std::nullopt : peers.last_heard(peer);
    if (held.sent == 0 && heard && *heard >= held.since) {
      held.was_put_off = true;
      held.due = now + kPauses[0];
      ++it;
      continue;
    }
    if (is_over || (held.sent > 0 && heard && *heard >= held.sent_first)) {
      it = held_.erase(it);
      continue;
    }
    if (!peers.has_way(peer)) {
      held.due.reset();
      ++it;
      continue;
    }
    messages.push_back({peer, held.message, held.sent == 0});
    if (held.sent == 0) held.sent_first = now;
    held.was_put_off = false;
    held.due = held.sent < kPauses.size() ? now + kPauses[held.sent] : held.since + kUseful;
    ++held.sent;
    ++it;
  }
  return messages;
}

std::optional<MonoTime> HeldHandshakes::next_deadline() const {
  std::optional<MonoTime> next;
  for (const auto& [peer, held] : held_) {
    const MonoTime due = std::min(held.due.value_or(MonoTime::max()), held.since + kUseful);
    next = next ? std::min(*next, due) : due;
  }
  return next;
}

}  // namespace kernmesh::path
