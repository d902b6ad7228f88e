// SPDX-License-Identifier: Apache-2.0
// What a run of meshadm takes from outside itself, so that a test can give it something else.
#pragma once

#include <functional>
#include <istream>
#include <optional>
#include <ostream>
#include <string>

#include "controller/base/clock.h"

namespace kernmesh::adm {

struct Surroundings {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool in_is_tty = false;
  bool out_is_tty = false;
  bool err_is_tty = false;
  // A variable of the environment; nullopt when unset or empty.
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::function<WallTime()> now;
  std::string system_config = "/etc/kernmesh/meshadm.json";
  // What mesh-server writes on its first start in its default state directory; root's last resort.
  std::string server_token = "/var/lib/kernmesh-server/admin.token";
};

}  // namespace kernmesh::adm
