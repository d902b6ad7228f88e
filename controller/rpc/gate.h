// SPDX-License-Identifier: Apache-2.0
// Who may call what (L2). Every method of every service names its role and passes through one
// function, so that a method without a check cannot be written by forgetting it.
#pragma once

#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/key.h"
#include "controller/base/result.h"
#include "controller/core/relay/home.h"

namespace kernmesh::rpc {

enum class Role { kAnyone, kNode, kRelay, kAdministrator };

// Who was let in. `node` is set for Role::kNode only, `relay` for Role::kRelay, the rest for both.
struct Caller {
  Role role = Role::kAnyone;
  NodeId node;
  relay::RelayId relay;
  MachinePublicKey machine_key;
  WallTime token_expires_at{};
};

// Implemented by the server; called from gRPC's threads.
class Gate {
 public:
  virtual ~Gate() = default;
  // `bearer` is the token of the authorization header, empty when there was none. Errors go to the
  // caller as they are and hold no secret.
  virtual Result<Caller> admit(Role required, std::string_view bearer) = 0;
};

}  // namespace kernmesh::rpc
