// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/admission.h"

#include <spdlog/spdlog.h>

namespace kernmesh::relay {
namespace {

constexpr auto kDrainTime = std::chrono::seconds(60);
constexpr const char* kDrainFile = "drain";
constexpr const char* kDrains = "yes\n";
constexpr const char* kServes = "no\n";

}  // namespace

void Admission::load() {
  // Tickets that the server has signed are good without it.
  if (const auto keys = files_.ticket_keys()) serve(*keys);
  const auto drain = files_.read_text(kDrainFile);
  is_ordered_ = drain && *drain != kServes;
}

void Admission::serve(const std::vector<TicketPublicKey>& of_server) {
  auto networks = own_;
  networks.insert(networks.end(), of_server.begin(), of_server.end());
  table_.set_networks(std::move(networks));
}

Commands Admission::obey(const rpc::RelayOrders& orders, const Now& now) {
  for (const Status& kept : {files_.write_ticket_keys(orders.ticket_keys),
                             files_.write_text(kDrainFile, orders.drain ? kDrains : kServes)}) {
    if (!kept) spdlog::warn("{}", kept.error().message());
  }
  serve(orders.ticket_keys);
  is_ordered_ = orders.drain;
  return settle(now);
}

Commands Admission::drain_by_hand(const Now& now) {
  is_by_hand_ = true;
  spdlog::info("draining for {} s; a restart ends it", kDrainTime.count());
  return table_.drain(kDrainTime, now);
}

Commands Admission::settle(const Now& now) {
  const bool wanted = is_ordered_ || is_by_hand_;
  if (wanted == table_.is_draining()) return {};
  if (wanted) {
    spdlog::info("draining for {} s, as the server wants", kDrainTime.count());
    return table_.drain(kDrainTime, now);
  }
  spdlog::info("letting clients in again");
  table_.end_drain();
  return {};
}

}  // namespace kernmesh::relay
