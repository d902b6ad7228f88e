// SPDX-License-Identifier: Apache-2.0
// A user as the server remembers him (L2, a plain value; record.h has the rest).
#pragma once

#include <string>

#include "controller/base/ids.h"
#include "controller/core/topology/node.h"

namespace kernmesh::store {

struct UserRecord {
  topology::User user;
  // Which account of an identity provider is his: a user is this pair, whatever his name and
  // address. Both empty: none, an administrator made him.
  std::string issuer{};
  std::string subject{};
  Revision written{};
  bool operator==(const UserRecord&) const = default;
};

}  // namespace kernmesh::store
