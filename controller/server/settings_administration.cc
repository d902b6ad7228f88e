// SPDX-License-Identifier: Apache-2.0
#include "controller/server/settings_administration.h"

#include "controller/server/audit.h"

namespace kernmesh::server {

namespace v1 = mesh::v1;

Result<v1::Settings> SettingsAdministration::get_settings(const rpc::Caller&,
                                                          const v1::GetSettingsRequest&) {
  return directory_.read([](const View& view) -> Result<v1::Settings> {
    v1::Settings settings;
    settings.set_device_approval(view.meta.device_approval);
    return settings;
  });
}

Result<v1::Settings> SettingsAdministration::set_settings(const rpc::Caller& caller,
                                                          const v1::SetSettingsRequest& request) {
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    store::Commit commit;
    const bool wanted =
        request.has_device_approval() ? request.device_approval() : view.meta.device_approval;
    if (wanted == view.meta.device_approval) return commit;
    auto meta = view.meta;
    meta.device_approval = wanted;
    commit.audit = {event_by(
        caller, clock_(),
        {"settings.change", "the network", wanted ? "device approval on" : "device approval off"})};
    commit.puts.emplace_back(std::move(meta));
    return commit;
  }));
  return get_settings(caller, {});
}

}  // namespace kernmesh::server
