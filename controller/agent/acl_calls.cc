// SPDX-License-Identifier: Apache-2.0
// What meshadm asks of the agent about access control (L3): looked up on the loop, sent from the
// caller's thread.
#include <spdlog/spdlog.h>

#include <chrono>

#include "controller/agent/acl_report.h"
#include "controller/agent/agent.h"
#include "controller/agent/loop_call.h"

namespace kernmesh::agent {
namespace {

// How soon a follower whose reader hung up is noticed.
constexpr auto kFollowStep = std::chrono::milliseconds(100);

// Hands on what the queue gets, until nobody listens any more.
template <typename Message, typename Wrap>
void pass_on(PacketQueue& queue, const rpc::Stream<Message>& stream, const Wrap& wrap) {
  while (stream.is_open()) {
    const auto event = queue.take(kFollowStep);
    if (event && !stream.send(wrap(*event))) return;
  }
}

}  // namespace

Result<AclFacts> Agent::acl_facts() const {
  if (!node_) return Error(ErrorCode::kUnavailable, "this node is not up; run `meshadm up`");
  AclFacts facts;
  facts.map = node_->netmap() ? node_->netmap().get() : stored_.get();
  facts.image = node_->device().access().programs().live();
  facts.stale = lease_.has_ended(host::mono_now());
  return facts;
}

void Agent::on_packets(const std::vector<mesh_acl_event>& events) {
  const auto facts = acl_facts();
  if (!facts) return;
  const EventContext context{facts->map, facts->image, moment_now()};
  for (const auto& event : events) {
    journal_.add(is_drop(event) ? Followed::kDrops : Followed::kFlows, tell(event, context));
  }
}

// The programs report new flows only while somebody wants them.
void Agent::set_access() {
  if (!node_) return;
  const bpf::AclSettings settings{.quiet = instance_.access.quiet,
                                  .follow_flows = journal_.has_followers(Followed::kFlows),
                                  .deny_after = lease_.end()};
  if (const Status set = node_->set_access(settings); !set)
    spdlog::warn("cannot tell the programs what to do: {}", set.error().message());
}

Result<mesh::v1::AclShowResponse> Agent::acl_show() {
  return on_loop<mesh::v1::AclShowResponse>([this]() -> Result<mesh::v1::AclShowResponse> {
    MESH_TRY_ASSIGN(const auto facts, acl_facts());
    const auto& programs = node_->device().access().programs();
    MESH_TRY_ASSIGN(const auto counts, programs.rule_counts(counter_slots(facts.image)));
    return report_rules(facts, counts);
  });
}

Result<mesh::v1::AclExplainResponse> Agent::acl_explain(
    const mesh::v1::AclExplainRequest& request) {
  return on_loop<mesh::v1::AclExplainResponse>(
      [this, request]() -> Result<mesh::v1::AclExplainResponse> {
        MESH_TRY_ASSIGN(const auto facts, acl_facts());
        const auto& programs = node_->device().access().programs();
        MESH_TRY_ASSIGN(const auto counts, programs.rule_counts(counter_slots(facts.image)));
        return explain(facts, request, counts);
      });
}

Result<mesh::v1::AclStatsResponse> Agent::acl_stats() {
  return on_loop<mesh::v1::AclStatsResponse>([this]() -> Result<mesh::v1::AclStatsResponse> {
    MESH_TRY_ASSIGN(const auto facts, acl_facts());
    const auto& programs = node_->device().access().programs();
    MESH_TRY_ASSIGN(const auto counters, programs.counters());
    MESH_TRY_ASSIGN(const auto flows, programs.flows());
    return report_stats(facts, {counters, flows, programs.max_flows()});
  });
}

Status Agent::drops(const mesh::v1::DropsRequest& request,
                    const rpc::Stream<mesh::v1::AclEvent>& stream) {
  struct Found {
    std::vector<mesh::v1::AclEvent> past;
    std::shared_ptr<PacketQueue> queue;  // see PacketJournal::follow(); null: not followed
  };
  MESH_TRY_ASSIGN(const auto found, on_loop<Found>([this, &request]() -> Result<Found> {
                    Found result{journal_.last(request.last()), nullptr};
                    if (request.follow()) {
                      MESH_TRY_ASSIGN(result.queue, journal_.follow(Followed::kDrops));
                    }
                    return result;
                  }));
  for (const auto& event : found.past) {
    if (!stream.send(event)) return {};
  }
  if (found.queue) pass_on(*found.queue, stream, [](const auto& event) { return event; });
  return {};
}

Status Agent::flows(const mesh::v1::FlowsRequest& request,
                    const rpc::Stream<mesh::v1::FlowsResponse>& stream) {
  struct Found {
    std::vector<mesh::v1::AclFlow> remembered;
    std::shared_ptr<PacketQueue> queue;  // as above
  };
  MESH_TRY_ASSIGN(auto found, on_loop<Found>([this, &request]() -> Result<Found> {
                    MESH_TRY_ASSIGN(const auto facts, acl_facts());
                    Found result;
                    if (request.follow()) {
                      MESH_TRY_ASSIGN(result.queue, journal_.follow(Followed::kFlows));
                      set_access();
                    }
                    MESH_TRY_ASSIGN(const auto flows, node_->device().access().programs().flows());
                    result.remembered = report_flows(facts, flows, moment_now().mono_ns);
                    return result;
                  }));
  bool listens = true;
  for (auto& flow : found.remembered) {
    mesh::v1::FlowsResponse item;
    *item.mutable_flow() = std::move(flow);
    listens = listens && stream.send(item);
  }
  if (!found.queue) return {};
  if (listens) {
    pass_on(*found.queue, stream, [](const auto& event) {
      mesh::v1::FlowsResponse item;
      *item.mutable_event() = event;
      return item;
    });
  }
  found.queue.reset();
  loop_.post([this] { set_access(); });
  return {};
}

}  // namespace kernmesh::agent
