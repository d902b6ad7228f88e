// SPDX-License-Identifier: Apache-2.0
// Programs that an earlier agent of the same instance left on interfaces (L2), found without pins:
// by their names and by the owner that their `config` map names. Interfaces are those of the
// calling thread's network namespace.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/bpf/object.h"

namespace kernmesh::bpf {

// What every version of `config` starts with (bpf/abi/underlay.h).
struct Ownership {
  std::uint64_t owner = 0;
  std::uint32_t abi = 0;
};

// How `config` names an instance; never 0.
std::uint64_t owner_of(const std::string& instance);

bool is_underlay_name(const std::string& program);

// nullopt: no `config` map of ours, or nobody has opened it yet.
std::optional<Ownership> ownership(const ProgramInfo& program);

// Ids of the owner's programs on any interface whose maps have this version's layout.
std::vector<std::uint32_t> find_predecessors(std::uint64_t owner);

}  // namespace kernmesh::bpf
