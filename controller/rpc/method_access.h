// SPDX-License-Identifier: Apache-2.0
// Who may call what (L2, pure): the one table of every method of every service. What it does not
// name nobody may call. docs/api.md shows it; a test compares the two, and the server with both.
#pragma once

#include <span>
#include <string_view>

#include "controller/base/result.h"
#include "controller/core/topology/role.h"

namespace kernmesh::rpc {

// Whose token a method wants.
enum class CallerKind { kNobody, kAnyone, kNode, kRelay, kPerson };
enum class Effect { kReads, kChanges };
// What a token's scope must cover.
enum class Area { kNetwork, kKeys, kPolicy };

struct MethodAccess {
  std::string_view path;  // "/mesh.v1.Admin/CreateUser"
  CallerKind caller = CallerKind::kNobody;
  // The rest is for persons alone.
  topology::Role least = topology::Role::kOwner;
  Effect effect = Effect::kChanges;
  Area area = Area::kNetwork;
};

std::span<const MethodAccess> every_method();
// kNobody's when the table has no such method.
const MethodAccess& access_of(std::string_view path);

// kPermissionDenied, with what it takes, unless this much is enough for the method.
Status check_person(const MethodAccess& method, topology::Role role, topology::Scope scope);

}  // namespace kernmesh::rpc
