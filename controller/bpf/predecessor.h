// SPDX-License-Identifier: Apache-2.0
// Programs that an earlier agent of the same instance left on interfaces (L2), found without pins:
// by their names and by the owner that their `config` map names. Interfaces are those of the
// calling thread's network namespace.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/ids.h"
#include "controller/bpf/object.h"

namespace kernmesh::bpf {

// What every version of `config` and `acl_config` starts with (bpf/abi/underlay.h, acl_state.h).
struct Ownership {
  std::uint64_t owner = 0;
  std::uint32_t abi = 0;
};

// How `config` names an instance; never 0.
std::uint64_t owner_of(const std::string& instance);

bool is_underlay_name(const std::string& program);

// nullopt: it has no settings of ours, or nobody has opened them yet.
std::optional<Ownership> ownership(const ProgramInfo& program);

struct Predecessor {
  std::uint32_t program_id = 0;
  std::uint32_t abi = 0;  // the layout's version of its maps
};
// The owner's programs of the underlay on any interface.
std::vector<Predecessor> find_underlay_predecessors(std::uint64_t owner);
// Programs of access control on the interface. One whose settings nobody has written yet counts as
// this version's.
std::vector<Predecessor> find_acl_predecessors(std::uint64_t owner, IfIndex mesh);

}  // namespace kernmesh::bpf
