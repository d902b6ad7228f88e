// SPDX-License-Identifier: Apache-2.0
#include "controller/core/stun/transactions.h"

#include <algorithm>

namespace kernmesh::stun {

Bytes Transactions::ask(MonoTime now, const Endpoint& server, path::RandomStream& random) {
  if (waiting(now) >= kMost) waiting_.erase(waiting_.begin());
  const auto tx = random.bytes<12>();
  waiting_.push_back({tx, server, now});
  return to_bytes(BindingRequest{tx});
}

std::size_t Transactions::waiting(MonoTime now) {
  std::erase_if(waiting_, [&](const Waiting& w) { return now >= w.sent_at + kTimeout; });
  return waiting_.size();
}

std::variant<Observation, Refusal> Transactions::on_datagram(MonoTime now,
                                                             std::span<const std::uint8_t> datagram,
                                                             const Endpoint& source) {
  const auto parsed = parse(datagram);
  const auto* message = std::get_if<Message>(&parsed);
  if (message == nullptr || std::holds_alternative<BindingRequest>(*message))
    return Refusal::kMalformed;
  const auto tx = std::visit([](const auto& m) { return m.tx; }, *message);
  (void)waiting(now);
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) {
    return w.tx == tx && w.server == source;
  });
  if (found == waiting_.end()) return Refusal::kUnmatched;
  const Waiting asked = *found;
  waiting_.erase(found);
  const auto* success = std::get_if<BindingSuccess>(message);
  if (success == nullptr) return Refusal::kError;
  return Observation{source, success->mapped, now - asked.sent_at};
}

}  // namespace kernmesh::stun
