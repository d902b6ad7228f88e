// SPDX-License-Identifier: Apache-2.0
// relay list, show, drain, remove.
#include <memory>

#include "tools/meshadm/admin_view.h"
#include "tools/meshadm/command.h"
#include "tools/meshadm/relay_view.h"

namespace kernmesh::adm {
namespace {

struct RelayOptions {
  mesh::v1::DrainRelayRequest request;
  std::string relay;
  Consent consent = Consent::kAsk;
};
using RelayAction = Result<Outcome> (*)(Session&, RelayOptions&);

Result<Outcome> run_relay_list(Session& session) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto relays, server.list_relays());
  session.renderer().show(relays_document(relays, session.now()));
  return Outcome::kDone;
}

Result<Outcome> run_relay_show(Session& session, RelayOptions& options) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto relay, server.get_relay(options.relay));
  session.renderer().show(relay_document(relay, "", session.now()));
  return Outcome::kDone;
}

Result<Outcome> run_drain(Session& session, RelayOptions& options) {
  options.request.set_relay(options.relay);
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto relay, server.drain_relay(options.request));
  const std::string name = "Relay " + relay.place().name();
  session.renderer().show(relay_document(
      relay,
      options.request.undo()
          ? name + " lets nodes in again."
          : name +
                " lets nobody in any more, and nodes move to others; `meshadm relay drain --undo " +
                relay.place().name() + "` takes it back.",
      session.now()));
  return Outcome::kDone;
}

Result<Outcome> run_relay_remove(Session& session, RelayOptions& options) {
  MESH_TRY(session.confirm("Remove relay " + options.relay + "? It lets nobody in any more.",
                           options.consent));
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY(server.remove_relay(options.relay));
  session.renderer().show(removed_document("relay", options.relay));
  return Outcome::kDone;
}

// A verb about one relay, with RELAY as its first argument.
CLI::App& add_relay_verb(CLI::App& group, Invocation& invocation, const CommandWords& words,
                         const std::shared_ptr<RelayOptions>& options, RelayAction action) {
  auto& command = add_command(group, words);
  command.add_option("relay", options->relay, "Name or number of the relay")
      ->required()
      ->type_name(kRelayType);
  command.callback([&invocation, options, action] {
    invocation.action = [options, action](Session& session) { return action(session, *options); };
  });
  return command;
}

}  // namespace

void add_relay_commands(CLI::App& root, Invocation& invocation) {
  auto& group = add_group(root, {"relay", "List, drain and remove the network's relays",
                                 "meshadm key create --relay\n"
                                 "meshadm relay list"});
  const auto options = std::make_shared<RelayOptions>();
  add_command(group, {"list", "List the relays and how busy each is",
                      "meshadm relay list\n"
                      "meshadm relay list --json | jq -r '.relays[] | select(.online) | .name'"})
      .callback([&invocation] { invocation.action = run_relay_list; });
  add_relay_verb(group, invocation,
                 {"show", "Show all that is known of a relay", "meshadm relay show fra1"}, options,
                 run_relay_show);
  add_relay_verb(group, invocation,
                 {"drain", "Move all nodes away from a relay and let none in",
                  "meshadm relay drain fra1\n"
                  "meshadm relay drain --undo fra1"},
                 options, run_drain)
      .add_flag_callback(
          "--undo", [options] { options->request.set_undo(true); }, "Let nodes in again");
  auto& remove = add_relay_verb(
      group, invocation,
      {"remove", "Remove a relay from the network", "meshadm relay remove fra1 --yes"}, options,
      run_relay_remove);
  add_consent_flag(remove, options->consent);
}

}  // namespace kernmesh::adm
