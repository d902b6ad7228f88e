// SPDX-License-Identifier: Apache-2.0
// How the network calls somebody who signs in (L1, pure). A policy gives rights by name and
// address, so neither may be what people choose themselves: a name that somebody has had before,
// or that an administrator has written down for somebody who is yet to come, would be theirs to
// take.
#pragma once

#include <string>

#include "controller/core/signin/claims.h"

namespace kernmesh::signin {

// The address that the provider has verified, if it has one that a user can be known by; else
// empty.
std::string known_address(const Identity& identity);

// That address; without one what he calls himself with eight hexadecimal digits of a hash of the
// account behind it, as "bob-bold-1f2e3d4c", which nobody can ask for.
std::string user_name(const Identity& identity);

// What he is called after another sign-in: a name that is an address follows the address, any other
// stays as it is.
std::string next_user_name(const std::string& name, const Identity& identity);

}  // namespace kernmesh::signin
