// SPDX-License-Identifier: Apache-2.0
// Where policy commands take texts and networks from: files, standard input, the server.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "controller/base/result.h"
#include "controller/core/policy/compiled.h"
#include "controller/core/policy/document.h"
#include "controller/core/policy/inventory.h"
#include "mesh/v1/admin.pb.h"
#include "tools/meshadm/session.h"

namespace kernmesh::adm {

// A policy text and what findings call it.
struct PolicyText {
  std::string name;
  std::string text;
};

// The whole file; "-" is standard input. kNotFound, kSystem; kInvalid past kMaxPolicyBytes.
Result<PolicyText> read_policy(Session& session, const std::string& path);
// The policy in force at the server, or that revision.
Result<PolicyText> fetch_policy(Session& session, std::uint32_t revision);

// The network of a JSON file (docs/policy.md, "Offline"), or the server's when `path` is empty.
Result<policy::Inventory> read_network(Session& session, const std::string& path);
Result<policy::Inventory> inventory_from(const mesh::v1::Inventory& message);

// A policy that is to be compared or asked, its own tests left aside: they judge the network, and a
// policy in force stays in force when the network changes.
struct ReadPolicy {
  std::shared_ptr<const policy::Document> document;
  std::shared_ptr<const policy::CompiledPolicy> compiled;
};
// kInvalid with the first error and its place.
Result<ReadPolicy> compile_policy(const PolicyText& source);

}  // namespace kernmesh::adm
