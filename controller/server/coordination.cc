// SPDX-License-Identifier: Apache-2.0
#include "controller/server/coordination.h"

#include <algorithm>

#include "controller/rpc/convert.h"
#include "controller/server/audit.h"
#include "controller/server/watch_source.h"

namespace kernmesh::server {
namespace {

// Of a kernel release or agent version; the kernel's own limit is 64 (struct new_utsname).
Status check_text(const std::string& text, const char* what) {
  const bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
  if (text.size() <= 64 && printable) return {};
  return Error(ErrorCode::kInvalid,
               std::string(what) + " is not up to 64 printable ASCII characters");
}

}  // namespace

Result<mesh::v1::ChallengeResponse> Coordination::challenge(
    const rpc::Caller&, const mesh::v1::ChallengeRequest& request) {
  return enrollment_.challenge(request);
}

Result<mesh::v1::RegisterResponse> Coordination::enroll(const rpc::Caller& caller,
                                                        const mesh::v1::RegisterRequest& request) {
  return enrollment_.enroll(caller, request);
}

// Where peers find the node.
Status Coordination::put_whereabouts(const rpc::Caller& caller,
                                     const mesh::v1::ReportRequest& request) {
  MESH_TRY_ASSIGN(const auto endpoints, rpc::from_proto(request.endpoints()));
  return commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    MESH_TRY(check_standing(view, caller.node, caller.machine_key));
    store::Commit commit;
    store::NodeRecord record = view.nodes.at(caller.node);
    const auto before = record.node;
    if (request.has_endpoints()) record.node.endpoints = endpoints;
    if (request.has_home_relay()) record.node.home_relay = netmap::RelayId(request.home_relay());
    if (record.node == before) return commit;
    commit.audience = store::Audience::kNetwork;
    commit.puts.emplace_back(std::move(record));
    return commit;
  });
}

Status Coordination::put_facts(const rpc::Caller& caller, const mesh::v1::ReportRequest& request) {
  MESH_TRY(check_text(request.kernel_release(), "kernel release"));
  MESH_TRY(check_text(request.agent_version(), "agent version"));
  return directory_.read([&](const View& view) -> Status {
    MESH_TRY(check_standing(view, caller.node, caller.machine_key));
    auto facts = presence_.facts_of(caller.node).value_or(view.nodes.at(caller.node).facts);
    const auto before = facts;
    if (!request.kernel_release().empty()) facts.kernel_release = request.kernel_release();
    if (!request.agent_version().empty()) facts.agent_version = request.agent_version();
    if (request.has_applied()) {
      facts.applied = rpc::from_proto(request.applied());
      if (facts.applied > view.network.version()) {
        return Error(ErrorCode::kInvalid, "applied a netmap that this server has not made");
      }
    }
    if (facts != before) presence_.put_facts(caller.node, std::move(facts));
    return {};
  });
}

Result<mesh::v1::ReportResponse> Coordination::report(const rpc::Caller& caller,
                                                      const mesh::v1::ReportRequest& request) {
  MESH_TRY(put_facts(caller, request));
  if (request.has_endpoints() || request.has_home_relay())
    MESH_TRY(put_whereabouts(caller, request));
  return mesh::v1::ReportResponse{};
}

Result<mesh::v1::LeaveResponse> Coordination::leave(const rpc::Caller& caller,
                                                    const mesh::v1::LeaveRequest&) {
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    MESH_TRY(check_standing(view, caller.node, caller.machine_key));
    const auto& record = view.nodes.at(caller.node);
    store::Commit commit;
    commit.audience = store::Audience::kNetwork;
    commit.removals.emplace_back(store::Removal<NodeId>{caller.node, record.written});
    commit.audit = {event_by(caller, clock_(), {"node.leave", subject_of(record), ""})};
    return commit;
  }));
  return mesh::v1::LeaveResponse{};
}

Result<std::unique_ptr<rpc::UpdateSource>> Coordination::watch(
    const rpc::Caller& caller, const mesh::v1::WatchRequest& request,
    std::shared_ptr<rpc::UpdateStream> stream) {
  auto source = std::make_unique<WatchSource>(WatchSource::Sources{directory_, tickets_, clock_},
                                              caller.node, request);
  MESH_TRY_ASSIGN(const auto claim, machines_.claim(caller, request.instance()));
  MESH_TRY(presence_.opened({caller, std::move(stream)}, claim.older_ends_with));
  return std::unique_ptr<rpc::UpdateSource>(std::move(source));
}

void Coordination::closed(const rpc::Caller& caller, const rpc::UpdateStream* stream) {
  presence_.closed(caller.node, stream);
}

}  // namespace kernmesh::server
