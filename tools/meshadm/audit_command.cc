// SPDX-License-Identifier: Apache-2.0
// audit: who did what, from where; --follow goes on until Ctrl-C.
#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "tools/meshadm/audit_view.h"
#include "tools/meshadm/command.h"
#include "tools/meshadm/interrupt.h"
#include "tools/meshadm/quantity.h"

namespace kernmesh::adm {
namespace {

constexpr std::size_t kShownPast = 100;
constexpr std::size_t kFollowedPast = 10;

struct AuditOptions {
  std::string since;
  std::string actor;
  std::string action;
  std::optional<std::uint32_t> last;
  bool follow = false;
};

// The newest that are asked for, oldest first: all since then, else so many.
Result<std::vector<mesh::v1::AuditEvent>> read_log(rpc::AdminClient& server,
                                                   const mesh::v1::AuditFilter& filter,
                                                   std::size_t most) {
  mesh::v1::ListAuditEventsRequest request;
  *request.mutable_filter() = filter;
  std::vector<mesh::v1::AuditEvent> events;
  while (events.size() < most) {
    request.set_page_size(static_cast<std::uint32_t>(std::min<std::size_t>(most, 1000)));
    MESH_TRY_ASSIGN(const auto page, server.list_audit_events(request));
    events.insert(events.end(), page.events().begin(), page.events().end());
    if (page.next_page_token().empty()) break;
    request.set_page_token(page.next_page_token());
  }
  if (events.size() > most) events.resize(most);
  std::reverse(events.begin(), events.end());
  return events;
}

Status follow(Session& session, rpc::AdminClient& server, mesh::v1::AuditFilter filter,
              std::size_t most, rpc::Cancellation& cancellation) {
  // The newest event of all, whatever the filter: what comes after it is not in what was shown.
  mesh::v1::ListAuditEventsRequest newest;
  newest.set_page_size(1);
  MESH_TRY_ASSIGN(const auto page, server.list_audit_events(newest));
  mesh::v1::WatchEventsRequest request;
  request.set_after_id(page.events_size() == 0 ? 0 : page.events(0).id());
  MESH_TRY_ASSIGN(const auto past, read_log(server, filter, most));
  for (const auto& event : past) {
    if (event.id() <= request.after_id()) session.renderer().show_next(audit_line(event));
  }
  filter.clear_since();
  *request.mutable_filter() = filter;
  const auto on_event = [&](const mesh::v1::AuditEvent& event) {
    session.renderer().show_next(audit_line(event));
    session.surroundings().out.flush();
  };
  return server.watch_events(request, on_event, cancellation);
}

Result<Outcome> run_audit(Session& session, const AuditOptions& options) {
  mesh::v1::AuditFilter filter;
  filter.set_actor(options.actor);
  filter.set_action(options.action);
  std::size_t most = options.last.value_or(options.follow ? kFollowedPast : kShownPast);
  if (!options.since.empty()) {
    MESH_TRY_ASSIGN(const auto span, parse_span(options.since));
    filter.set_since((session.now() - span).time_since_epoch().count());
    most = static_cast<std::size_t>(-1);
  }
  rpc::Cancellation cancellation;
  std::unique_ptr<Interrupt> interrupt;
  if (options.follow) {
    interrupt = std::make_unique<Interrupt>([&cancellation] { cancellation.cancel(); });
  }
  MESH_TRY_ASSIGN(auto server, session.server());
  if (options.follow) {
    MESH_TRY(follow(session, server, filter, most, cancellation));
    return Outcome::kDone;
  }
  MESH_TRY_ASSIGN(const auto events, read_log(server, filter, most));
  session.renderer().show(audit_document(events));
  return Outcome::kDone;
}

}  // namespace

void add_audit_command(CLI::App& root, Invocation& invocation) {
  auto& command = add_command(root, {"audit", "Show who did what to the network, and from where",
                                     "meshadm audit\n"
                                     "meshadm audit --since 7d --action key\n"
                                     "meshadm audit --actor \"user ada\"\n"
                                     "meshadm audit --follow --json | jq .action"});
  auto options = std::make_shared<AuditOptions>();
  auto* since =
      command.add_option("--since", options->since, "All of so long back: 90s, 30m, 24h, 7d")
          ->type_name("SPAN")
          ->check(check_span);
  command
      .add_option("--actor", options->actor,
                  "Only of this one; \"user ada\" is also \"user ada, token 3\"")
      ->type_name("ACTOR");
  command
      .add_option("--action", options->action,
                  "Only this (key.create), or all of a kind (key): docs/api.md lists them")
      ->type_name("ACTION");
  command
      .add_option_function<std::uint32_t>(
          "-n,--last", [options](const std::uint32_t& count) { options->last = count; },
          "The last so many (100; with --follow 10)")
      ->type_name("N")
      ->check(check_number)
      ->excludes(since);
  command.add_flag("-f,--follow", options->follow,
                   "Show these and go on with new ones until Ctrl-C");
  command.callback([&invocation, options] {
    invocation.action = [options](Session& session) { return run_audit(session, *options); };
  });
}

}  // namespace kernmesh::adm
