// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/settled_hooks.h"

#include <algorithm>

namespace kernmesh::bpf {

bool SettledHooks::is_settled(IfIndex interface, Hook hook) const {
  const auto known = entries_.find({interface, hook});
  if (known == entries_.end()) return false;
  const auto now = list_hook(interface, hook);
  return now && now->entries == known->second;
}

void SettledHooks::settle(IfIndex interface, Hook hook, const OwnProgram& program) {
  entries_.erase({interface, hook});
  auto now = list_hook(interface, hook);
  if (!now) return;
  const bool is_there =
      std::any_of(now->entries.begin(), now->entries.end(),
                  [&](const HookEntry& entry) { return entry.program_id == program.info.id; });
  if (is_there) entries_.emplace(std::pair(interface, hook), std::move(now->entries));
}

}  // namespace kernmesh::bpf
