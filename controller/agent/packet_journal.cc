// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/packet_journal.h"

#include <time.h>

#include <algorithm>
#include <string>

#include "bpf/abi/acl_reasons.h"
#include "controller/bpf/acl.h"
#include "controller/bpf/convert.h"
#include "controller/core/maplayout/image_view.h"
#include "controller/core/policy/service.h"
#include "controller/rpc/convert.h"

namespace kernmesh::agent {
namespace {

using mesh::v1::AclEvent;

constexpr std::int64_t kNsPerMs = 1'000'000;

std::int64_t to_ns(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// The clock of the programs is coarse: an event may seem a tick younger than now.
std::int64_t wall_ms_of(std::uint64_t event_ns, const Moment& now) {
  const auto age_ns = static_cast<std::int64_t>(now.mono_ns - event_ns);
  return now.wall_ms - std::max<std::int64_t>(age_ns, 0) / kNsPerMs;
}

void tell_rule(const mesh_acl_event& event, std::span<const mesh_acl_line> image, AclEvent& out) {
  const maplayout::ImageView view(image);
  const auto header = view.at<mesh_acl_header>(0, 0);
  const auto extent = view.at<mesh_acl_extent>(2, 0);
  if (!header || !extent || header->generation != event.generation) return;
  if (event.slot == 0 || event.slot >= extent->rule_count) return;
  const auto rule = view.at<mesh_acl_rule>(extent->rules, event.slot);
  if (!rule) return;
  out.set_rule_id(rule->id);
  out.set_rule_line(rule->line);
  out.set_policy_revision(rule->policy_revision);
}

void tell_transport(const mesh_acl_event& event, AclEvent& out) {
  const bool is_icmp =
      event.protocol == policy::kProtocolIcmp || event.protocol == policy::kProtocolIcmpV6;
  out.set_protocol(event.protocol);
  out.set_source_port(bpf::port_from_be(event.sport).value());
  if (!is_icmp) out.set_destination_port(bpf::port_from_be(event.dport).value());
  if (is_icmp) out.set_icmp_type(event.detail);
  if (event.protocol == policy::kProtocolTcp) out.set_tcp_flags(event.detail);
}

}  // namespace

Moment moment_now() {
  timespec mono, wall;
  clock_gettime(CLOCK_MONOTONIC, &mono);
  clock_gettime(CLOCK_REALTIME, &wall);
  return {static_cast<std::uint64_t>(to_ns(mono)), to_ns(wall) / kNsPerMs};
}

AclEvent tell(const mesh_acl_event& event, const EventContext& context) {
  AclEvent out;
  out.set_time_ms(wall_ms_of(event.time_ns, context.now));
  out.set_direction(event.direction == MESH_ACL_IN ? AclEvent::DIRECTION_IN
                                                   : AclEvent::DIRECTION_OUT);
  const bpf::Reason reason = bpf::acl_reason(event.reason);
  out.set_reason(std::string(reason.label));
  out.set_meaning(std::string(reason.meaning));
  out.set_source(rpc::to_wire(bpf::from_abi(event.src)));
  out.set_destination(rpc::to_wire(bpf::from_abi(event.dst)));
  out.set_length(event.length);
  tell_transport(event, out);
  tell_rule(event, context.image, out);
  if (context.map == nullptr || event.node == 0) return out;
  const auto peer = context.map->peers.find(NodeId(event.node));
  if (peer == context.map->peers.end()) return out;
  out.set_peer_name(peer->second.name);
  out.set_peer_user(peer->second.user_name);
  return out;
}

bool is_drop(const mesh_acl_event& event) {
  const bool passed_in = event.reason <= MESH_ACL_IN_ERROR;
  const bool passed_out =
      event.reason >= MESH_ACL_OUT_ALLOWED && event.reason <= MESH_ACL_OUT_NO_STATE;
  return !passed_in && !passed_out;
}

void PacketQueue::put(const AclEvent& event) {
  const std::lock_guard lock(mutex_);
  if (events_.size() == kMost) {
    events_.pop_front();
    ++lost_;
  }
  events_.push_back(event);
  filled_.notify_one();
}

std::optional<AclEvent> PacketQueue::take(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  if (!filled_.wait_for(lock, wait, [this] { return !events_.empty(); })) return std::nullopt;
  AclEvent event = std::move(events_.front());
  events_.pop_front();
  event.set_lost(std::exchange(lost_, 0));
  return event;
}

void PacketJournal::add(Followed kind, AclEvent event) {
  std::erase_if(followers_, [](const Follower& follower) { return follower.queue.expired(); });
  for (const auto& follower : followers_) {
    const auto queue = follower.queue.lock();
    if (queue && follower.kind == kind) queue->put(event);
  }
  if (kind != Followed::kDrops) return;
  if (kept_.size() == kMostKept) kept_.pop_front();
  kept_.push_back(std::move(event));
}

std::vector<AclEvent> PacketJournal::last(std::size_t most) const {
  const std::size_t count = most == 0 ? kept_.size() : std::min(most, kept_.size());
  return {kept_.end() - static_cast<std::ptrdiff_t>(count), kept_.end()};
}

Result<std::shared_ptr<PacketQueue>> PacketJournal::follow(Followed kind) {
  std::erase_if(followers_, [](const Follower& follower) { return follower.queue.expired(); });
  if (followers_.size() >= kMostFollowers) {
    return Error(ErrorCode::kExhausted, std::to_string(kMostFollowers) +
                                            " programs follow packets already; end one of them");
  }
  auto queue = std::make_shared<PacketQueue>();
  followers_.push_back({kind, queue});
  return queue;
}

bool PacketJournal::has_followers(Followed kind) const {
  return std::any_of(followers_.begin(), followers_.end(), [kind](const Follower& follower) {
    return follower.kind == kind && !follower.queue.expired();
  });
}

}  // namespace kernmesh::agent
