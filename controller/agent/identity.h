// SPDX-License-Identifier: Apache-2.0
// The node's keys on disk (L3): machine key, node key, disco key, one file each in the state
// directory.
#pragma once

#include <string>

#include "controller/base/key.h"
#include "controller/core/netmap/validate.h"

namespace kernmesh::agent {

struct Identity {
  Ed25519SecretKey machine;
  X25519SecretKey node;
  X25519SecretKey disco;
};

// What no peer may have.
netmap::OwnKeys own_keys(const Identity& identity);

// Reads the keys; makes and stores those that do not exist yet. kCorrupt when a file is there and
// is not a key: it is left as it is, because a new machine key would be a new node.
Result<Identity> load_or_create_identity(const std::string& state_dir);

// Another node key, not stored yet; and one stored in place of the one before.
X25519SecretKey make_node_key();
Status store_node_key(const std::string& state_dir, const X25519SecretKey& key);

// For `logout`: the machine joins as a new node afterwards.
Status forget_identity(const std::string& state_dir);

}  // namespace kernmesh::agent
