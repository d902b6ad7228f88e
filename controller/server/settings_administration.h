// SPDX-License-Identifier: Apache-2.0
// Settings of the whole network (L3, thread-safe). Every change is audited.
#pragma once

#include "controller/rpc/admin_handlers.h"
#include "controller/server/directory.h"
#include "controller/server/wall_clock.h"

namespace kernmesh::server {

class SettingsAdministration : public rpc::SettingsHandler {
 public:
  // Both outlive it.
  SettingsAdministration(const Directory& directory, store::Store& store, WallClock clock)
      : directory_(directory), store_(store), clock_(std::move(clock)) {}

  Result<mesh::v1::Settings> get_settings(const rpc::Caller&,
                                          const mesh::v1::GetSettingsRequest&) override;
  Result<mesh::v1::Settings> set_settings(const rpc::Caller&,
                                          const mesh::v1::SetSettingsRequest&) override;

 private:
  const Directory& directory_;
  store::Store& store_;
  WallClock clock_;
};

}  // namespace kernmesh::server
