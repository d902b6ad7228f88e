// SPDX-License-Identifier: Apache-2.0
// Who calls (L2). Every method of every service passes through one function that asks the gate by
// the method's entry in method_access.h, so that a method without a check cannot be written by
// forgetting it: what the table does not name is refused.
#pragma once

#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/key.h"
#include "controller/base/result.h"
#include "controller/core/relay/home.h"
#include "controller/rpc/method_access.h"

namespace kernmesh::rpc {

// A person, or a program that acts for one.
// By what a person was known. Nothing is taken for the administrator token that was not one.
enum class Proof { kNone, kAdministratorToken, kApiToken };

struct Principal {
  std::string name;  // for the audit log: "administrator token", "user ada, token 3"
  UserId user;       // 0: the administrator token, which is nobody's
  TokenId token;     // 0: not by an API token
  topology::Role role = topology::Role::kMember;  // the least of what user and token have
  topology::Scope scope = topology::Scope::kAll;
  WallTime expires_at{};  // epoch 0: never
  Proof proof = Proof::kNone;
};

// Who was let in. `node` is set for CallerKind::kNode only, `relay` for kRelay, machine key and
// expiry for both, `person` for kPerson.
struct Caller {
  CallerKind kind = CallerKind::kAnyone;
  NodeId node;
  relay::RelayId relay;
  MachinePublicKey machine_key;
  WallTime token_expires_at{};
  Principal person;
  std::string from;  // address and port of the other end, "198.51.100.7:41000"
};

struct Credentials {
  std::string bearer;  // the token of the authorization header, empty when there was none
  std::string from;    // as Caller's
};

// Implemented by the server; called from gRPC's threads.
class Gate {
 public:
  virtual ~Gate() = default;
  // Errors go to the caller as they are and hold no secret.
  virtual Result<Caller> admit(const MethodAccess& method, const Credentials& credentials) = 0;
  // kUnauthenticated unless the token is anybody's, whatever he may.
  virtual Status know(std::string_view bearer) = 0;
  // A caller who was let in was refused for what he asked.
  virtual void refused(const Caller& caller, const MethodAccess& method, const Error& error) = 0;
};

}  // namespace kernmesh::rpc
