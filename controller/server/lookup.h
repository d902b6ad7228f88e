// SPDX-License-Identifier: Apache-2.0
// What a caller names, found in a view as far as he may see it (L3, pure).
#pragma once

#include <string>

#include "controller/rpc/gate.h"
#include "controller/server/directory.h"

namespace kernmesh::server {

// kNotFound in words that repeat the name.
Error not_found(const std::string& what, const std::string& name);

// Whether he sees what belongs to this user: auditors everything, members what is their own.
bool may_see(const rpc::Caller& caller, UserId owner);

// By name, by id in decimal, or by overlay address. A name of digits only wins over an id. A node
// that he may not see is not found.
Result<store::NodeRecord> find_node(const View& view, const rpc::Caller& caller,
                                    const std::string& text);

// Another user whom a policy names by something that it would name `wanted` by too, and who would
// have his rights; null when there is none.
const topology::User* find_namesake(const View& view, const topology::User& wanted);

// The user of that account at an identity provider; null when it is nobody's.
const store::UserRecord* find_user_of(const View& view, const std::string& issuer,
                                      const std::string& subject);

// kInvalid for a malformed tag and for one without an owner in the policy in force.
Status check_tag(const View& view, const std::string& tag);

}  // namespace kernmesh::server
