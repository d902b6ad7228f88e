// SPDX-License-Identifier: Apache-2.0
// settings show, set.
#include <memory>

#include "tools/meshadm/command.h"

namespace kernmesh::adm {
namespace {

Document settings_document(const mesh::v1::Settings& settings) {
  Document document;
  document.json = {{"settings", {{"device_approval", settings.device_approval()}}}};
  document.line(settings.device_approval()
                    ? "device approval  on: who joins has no peers until `meshadm node approve`"
                    : "device approval  off: who joins is in");
  return document;
}

Result<Outcome> run_settings_show(Session& session) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto settings, server.get_settings());
  session.renderer().show(settings_document(settings));
  return Outcome::kDone;
}

Result<Outcome> run_settings_set(Session& session, const mesh::v1::SetSettingsRequest& request) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto settings, server.set_settings(request));
  session.renderer().show(settings_document(settings));
  return Outcome::kDone;
}

}  // namespace

void add_settings_commands(CLI::App& root, Invocation& invocation) {
  auto& group = add_group(root, {"settings", "Show and change what holds for the whole network",
                                 "meshadm settings show\n"
                                 "meshadm settings set --device-approval on"});
  add_command(group, {"show", "Show the network's settings", "meshadm settings show"})
      .callback([&invocation] { invocation.action = run_settings_show; });
  auto& set = add_command(
      group, {"set", "Change the network's settings", "meshadm settings set --device-approval on"});
  auto request = std::make_shared<mesh::v1::SetSettingsRequest>();
  set.add_option_function<std::string>(
         "--device-approval",
         [request](const std::string& text) { request->set_device_approval(text == "on"); },
         "on: nodes that join await an administrator's approval, unless their join key is "
         "pre-approved")
      ->type_name("on|off")
      ->check(CLI::IsMember({"on", "off"}))
      ->required();
  set.callback([&invocation, request] {
    invocation.action = [request](Session& session) { return run_settings_set(session, *request); };
  });
}

}  // namespace kernmesh::adm
