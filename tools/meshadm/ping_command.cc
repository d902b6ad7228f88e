// SPDX-License-Identifier: Apache-2.0
// ping: probes a peer until it answers on a direct path, count is reached, or Ctrl-C.
#include <charconv>
#include <cmath>
#include <memory>
#include <optional>

#include "tools/meshadm/command.h"
#include "tools/meshadm/interrupt.h"
#include "tools/meshadm/local_view.h"

namespace kernmesh::adm {
namespace {

struct PingOptions {
  std::string target;
  std::uint32_t count = 0;  // without -c: no limit
  double interval_s = 1.0;
  std::optional<bool> until_direct;
};

// 0 would go on for ever, which is what nobody who names a number wants; ping(8) refuses it too.
std::string check_probe_count(const std::string& text) {
  std::uint32_t count = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, count);
  if (problem == std::errc() && stop == end && count > 0) return {};
  return "\"" + text + "\" is not a number of probes: write 1 or more, or leave -c out";
}

Result<Outcome> run_ping(Session& session, const PingOptions& options) {
  mesh::v1::PingRequest request;
  request.set_target(options.target);
  request.set_count(options.count);
  request.set_interval_ms(static_cast<std::uint32_t>(std::lround(options.interval_s * 1000)));
  rpc::Cancellation cancellation;
  const Interrupt interrupt([&cancellation] { cancellation.cancel(); });
  MESH_TRY_ASSIGN(auto agent, session.agent());
  // Who says how many wants that many.
  const bool until_direct = options.until_direct.value_or(options.count == 0);
  PingCount count;
  bool found = false;  // answers that were under way when it was are of no interest
  const auto on_answer = [&](const mesh::v1::PingResponse& answer) {
    if (found) return;
    count.add(answer);
    session.renderer().show_next(ping_document(answer));
    found = until_direct && !answer.timed_out() &&
            answer.path_kind() == mesh::v1::PeerStatus::PATH_KIND_DIRECT;
    if (found) cancellation.cancel();
  };
  const auto status = agent.ping(request, on_answer, cancellation);
  if (!status && count.sent == 0) return status.error();
  session.renderer().show_next(ping_summary(options.target, count));
  if (!status) return status.error();
  return count.received > 0 ? Outcome::kDone : Outcome::kFailed;
}

}  // namespace

void add_ping_command(CLI::App& root, Invocation& invocation) {
  auto& command = add_command(root, {"ping", "Probe a peer and show the path that answers",
                                     "meshadm ping web-1\n"
                                     "meshadm ping web-1 --no-until-direct\n"
                                     "meshadm ping 100.64.0.2 -c 3\n"
                                     "meshadm ping web-1 -c 100 -i 0.1 --json"});
  auto options = std::make_shared<PingOptions>();
  command.add_option("peer", options->target, "Name or overlay address of the peer")
      ->required()
      ->type_name(kPeerType);
  command
      .add_option("-c,--count", options->count,
                  "How many probes, at least 1; without it until a direct path answers, or Ctrl-C")
      ->type_name("N")
      ->check(check_probe_count);
  command.add_option("-i,--interval", options->interval_s, "Seconds between probes (1)")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.01, 3600.0));
  command.add_flag_callback(
      "--until-direct", [options] { options->until_direct = true; },
      "End with the first answer on a direct path (so without -c)");
  command.add_flag_callback(
      "--no-until-direct", [options] { options->until_direct = false; },
      "Go on when the path is direct (so with -c)");
  command.callback([&invocation, options] {
    invocation.action = [options](Session& session) { return run_ping(session, *options); };
  });
}

}  // namespace kernmesh::adm
