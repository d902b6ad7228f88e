// SPDX-License-Identifier: Apache-2.0
// What `up` is asked for, checked (L3, blocking): which server, vouched for by what, joined how.
#pragma once

#include <string>

#include "controller/agent/saved_state.h"
#include "mesh/v1/local.pb.h"

namespace kernmesh::agent {

// Whether the server is to see a proof of who the machine belongs to: a join key, or somebody who
// has signed in. Without one a node that was up before comes back with what it has.
enum class Proof { kNone, kNew };

struct Join {
  Settings settings;
  std::string join_key;
  Proof proof = Proof::kNone;
};

// `settings` are those in force. Fetches the server's authority unless it is known, and checks it
// by the join key, by the fingerprint, or by the system's roots; never trusts what is merely there.
Result<Join> prepare_join(const mesh::v1::UpRequest& request, Settings settings);

}  // namespace kernmesh::agent
