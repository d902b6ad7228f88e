// SPDX-License-Identifier: Apache-2.0
// Hooks that were found or made right (L2), so that looking again costs one system call as long as
// nothing has changed. The kernel gives no program id twice. Not thread-safe.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "controller/bpf/attachment.h"

namespace kernmesh::bpf {

class SettledHooks {
 public:
  // Whether the same hangs there as after settle(). No when the kernel does not say.
  bool is_settled(IfIndex interface, Hook hook) const;
  // Remembers what hangs there now, if the program is part of it.
  void settle(IfIndex interface, Hook hook, const OwnProgram& program);

 private:
  std::map<std::pair<IfIndex, Hook>, std::vector<HookEntry>> entries_;
};

}  // namespace kernmesh::bpf
