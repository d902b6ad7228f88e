// SPDX-License-Identifier: Apache-2.0
// drops, flows: what was dropped inside the tunnel, and what the kernel remembers; --follow goes on
// until Ctrl-C.
#include <memory>
#include <vector>

#include "tools/meshadm/command.h"
#include "tools/meshadm/interrupt.h"
#include "tools/meshadm/packet_view.h"

namespace kernmesh::adm {
namespace {

struct DropsOptions {
  bool follow = false;
  std::uint32_t last = 0;
};

struct FlowsOptions {
  bool follow = false;
};

Result<Outcome> run_drops(Session& session, const DropsOptions& options) {
  mesh::v1::DropsRequest request;
  request.set_follow(options.follow);
  request.set_last(options.last);
  rpc::Cancellation cancellation;
  const Interrupt interrupt([&cancellation] { cancellation.cancel(); });
  MESH_TRY_ASSIGN(auto agent, session.agent());
  std::vector<mesh::v1::AclEvent> events;
  const auto on_event = [&](const mesh::v1::AclEvent& event) {
    if (options.follow) {
      session.renderer().show_next(drop_line(event));
    } else {
      events.push_back(event);
    }
  };
  MESH_TRY(agent.drops(request, on_event, cancellation));
  if (!options.follow) session.renderer().show(drops_document(events));
  return Outcome::kDone;
}

Result<Outcome> run_flows(Session& session, const FlowsOptions& options) {
  mesh::v1::FlowsRequest request;
  request.set_follow(options.follow);
  rpc::Cancellation cancellation;
  const Interrupt interrupt([&cancellation] { cancellation.cancel(); });
  MESH_TRY_ASSIGN(auto agent, session.agent());
  std::vector<mesh::v1::AclFlow> flows;
  const auto on_item = [&](const mesh::v1::FlowsResponse& item) {
    if (options.follow) {
      session.renderer().show_next(flow_line(item));
    } else if (item.has_flow()) {
      flows.push_back(item.flow());
    }
  };
  MESH_TRY(agent.flows(request, on_item, cancellation));
  if (!options.follow) session.renderer().show(flows_document(flows));
  return Outcome::kDone;
}

}  // namespace

void add_packet_commands(CLI::App& root, Invocation& invocation) {
  auto& drops = add_command(root, {"drops", "Show packets that were dropped inside the tunnel",
                                   "meshadm drops --last 20\n"
                                   "meshadm drops --follow\n"
                                   "meshadm drops --follow --json | jq .reason"});
  auto of_drops = std::make_shared<DropsOptions>();
  drops.add_flag("-f,--follow", of_drops->follow, "Go on with new ones until Ctrl-C");
  drops
      .add_option("-n,--last", of_drops->last,
                  "Only so many of the past; else all that are kept (1000)")
      ->type_name("N");
  drops.callback([&invocation, of_drops] {
    invocation.action = [of_drops](Session& session) { return run_drops(session, *of_drops); };
  });
  auto& flows = add_command(root, {"flows", "Show the flows that the kernel remembers",
                                   "meshadm flows\n"
                                   "meshadm flows --follow"});
  auto of_flows = std::make_shared<FlowsOptions>();
  flows.add_flag("-f,--follow", of_flows->follow, "Go on with those that begin, until Ctrl-C");
  flows.callback([&invocation, of_flows] {
    invocation.action = [of_flows](Session& session) { return run_flows(session, *of_flows); };
  });
}

}  // namespace kernmesh::adm
