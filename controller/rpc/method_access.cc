// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/method_access.h"

#include <algorithm>
#include <array>
#include <string>

namespace kernmesh::rpc {
namespace {

using enum CallerKind;
using enum Effect;
using topology::Role;
using topology::Scope;

constexpr std::array kMethods{
    MethodAccess{"/mesh.v1.Coordination/Challenge", kAnyone},
    MethodAccess{"/mesh.v1.Coordination/Register", kAnyone},
    MethodAccess{"/mesh.v1.Coordination/Report", kNode},
    MethodAccess{"/mesh.v1.Coordination/Leave", kNode},
    MethodAccess{"/mesh.v1.Coordination/Watch", kNode},
    MethodAccess{"/mesh.v1.RelayCoordination/Challenge", kAnyone},
    MethodAccess{"/mesh.v1.RelayCoordination/Register", kAnyone},
    MethodAccess{"/mesh.v1.RelayCoordination/Report", kRelay},
    MethodAccess{"/mesh.v1.SignIn/StartSignIn", kAnyone},
    MethodAccess{"/mesh.v1.SignIn/AwaitSignIn", kAnyone},
    // A member sees of these what is his own.
    MethodAccess{"/mesh.v1.Admin/ListUsers", kPerson, Role::kMember, kReads},
    MethodAccess{"/mesh.v1.Admin/ListNodes", kPerson, Role::kMember, kReads},
    MethodAccess{"/mesh.v1.Admin/GetNode", kPerson, Role::kMember, kReads},
    MethodAccess{"/mesh.v1.Admin/CreateToken", kPerson, Role::kMember, kChanges},
    MethodAccess{"/mesh.v1.Admin/ListTokens", kPerson, Role::kMember, kReads},
    MethodAccess{"/mesh.v1.Admin/RevokeToken", kPerson, Role::kMember, kChanges},
    MethodAccess{"/mesh.v1.Admin/GetCaller", kPerson, Role::kMember, kReads},
    MethodAccess{"/mesh.v1.Admin/ListJoinKeys", kPerson, Role::kAuditor, kReads, Area::kKeys},
    MethodAccess{"/mesh.v1.Admin/GetPolicy", kPerson, Role::kAuditor, kReads, Area::kPolicy},
    MethodAccess{"/mesh.v1.Admin/CheckPolicy", kPerson, Role::kAuditor, kReads, Area::kPolicy},
    MethodAccess{"/mesh.v1.Admin/ListPolicies", kPerson, Role::kAuditor, kReads, Area::kPolicy},
    MethodAccess{"/mesh.v1.Admin/GetRollout", kPerson, Role::kAuditor, kReads, Area::kPolicy},
    MethodAccess{"/mesh.v1.Admin/GetInventory", kPerson, Role::kAuditor, kReads, Area::kPolicy},
    MethodAccess{"/mesh.v1.Admin/ListRelays", kPerson, Role::kAuditor, kReads},
    MethodAccess{"/mesh.v1.Admin/GetRelay", kPerson, Role::kAuditor, kReads},
    MethodAccess{"/mesh.v1.Admin/ListAuditEvents", kPerson, Role::kAuditor, kReads},
    MethodAccess{"/mesh.v1.Admin/WatchEvents", kPerson, Role::kAuditor, kReads},
    MethodAccess{"/mesh.v1.Admin/GetSettings", kPerson, Role::kAuditor, kReads},
    MethodAccess{"/mesh.v1.Admin/GetLock", kPerson, Role::kAuditor, kReads},
    MethodAccess{"/mesh.v1.Admin/RenameNode", kPerson, Role::kNetworkAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/ExpireNode", kPerson, Role::kNetworkAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/RemoveNode", kPerson, Role::kNetworkAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/TagNode", kPerson, Role::kNetworkAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/ApproveNode", kPerson, Role::kNetworkAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/RenewNode", kPerson, Role::kNetworkAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/SetNodeExpiry", kPerson, Role::kNetworkAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/RotateNodeKey", kPerson, Role::kNetworkAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/SetPolicy", kPerson, Role::kNetworkAdmin, kChanges, Area::kPolicy},
    MethodAccess{"/mesh.v1.Admin/DrainRelay", kPerson, Role::kNetworkAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/RemoveRelay", kPerson, Role::kNetworkAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/CreateUser", kPerson, Role::kAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/DeleteUser", kPerson, Role::kAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/SetUserRoles", kPerson, Role::kAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/SetSettings", kPerson, Role::kAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/LinkUser", kPerson, Role::kAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/CreateJoinKey", kPerson, Role::kAdmin, kChanges, Area::kKeys},
    MethodAccess{"/mesh.v1.Admin/RevokeJoinKey", kPerson, Role::kAdmin, kChanges, Area::kKeys},
    MethodAccess{"/mesh.v1.Admin/SubmitLockStatement", kPerson, Role::kAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/SubmitEndorsements", kPerson, Role::kAdmin, kChanges},
    MethodAccess{"/mesh.v1.Admin/WithdrawLockProposal", kPerson, Role::kAdmin, kChanges},
    // gRPC's own.
    MethodAccess{"/grpc.health.v1.Health/Check", kAnyone},
    MethodAccess{"/grpc.health.v1.Health/Watch", kAnyone},
    MethodAccess{"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", kPerson,
                 Role::kMember, kReads},
};
constexpr MethodAccess kUnknown{};

bool covers(Scope scope, const MethodAccess& method) {
  switch (scope) {
    case Scope::kAll:
      return true;
    case Scope::kRead:
      return method.effect == kReads;
    case Scope::kKeys:
      return method.area == Area::kKeys;
    case Scope::kPolicy:
      return method.area == Area::kPolicy;
  }
  return false;
}

std::string name_of(const MethodAccess& method) {
  return std::string(method.path.substr(method.path.rfind('/') + 1));
}

}  // namespace

std::span<const MethodAccess> every_method() { return kMethods; }

const MethodAccess& access_of(std::string_view path) {
  const auto* found = std::find_if(kMethods.begin(), kMethods.end(),
                                   [&](const auto& method) { return method.path == path; });
  return found == kMethods.end() ? kUnknown : *found;
}

Status check_person(const MethodAccess& method, Role role, Scope scope) {
  if (method.caller != kPerson) {
    return Error(ErrorCode::kPermissionDenied, "this is not for people to call");
  }
  if (role < method.least) {
    return Error(ErrorCode::kPermissionDenied,
                 name_of(method) + " takes the role " + std::string(to_string(method.least)) +
                     ", and this token has " + std::string(to_string(role)));
  }
  // Who the caller is, every token may ask.
  if (!covers(scope, method) && !method.path.ends_with("/GetCaller")) {
    return Error(ErrorCode::kPermissionDenied, "a token with the scope " +
                                                   std::string(to_string(scope)) +
                                                   " does not cover " + name_of(method));
  }
  return {};
}

}  // namespace kernmesh::rpc
