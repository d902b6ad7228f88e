// SPDX-License-Identifier: Apache-2.0
// cls_bpf, the older way (L2): direct-action filters of the clsact qdisc, for kernels before 6.6.
// They live until they are deleted or the interface goes.
#pragma once

#include <cstdint>
#include <vector>

#include "controller/base/ids.h"
#include "controller/base/result.h"
#include "controller/bpf/attachment.h"

namespace kernmesh::bpf::cls_bpf {

constexpr std::uint32_t kPriority = 1;          // the earliest there is
constexpr std::uint32_t kFirstHandle = 0x4b4d;  // "KM"; counted up when taken

// Filters in running order; empty without a clsact qdisc.
Result<std::vector<HookEntry>> query(IfIndex interface, Hook hook);
// Adds the filter, or swaps the program of the one that has this handle. Makes the qdisc if needed.
Status set(IfIndex interface, Hook hook, int program_fd, std::uint32_t handle);
// Deletes the filter, and the qdisc when nothing is left in it on either side.
Status erase(IfIndex interface, Hook hook, const HookEntry& filter);

}  // namespace kernmesh::bpf::cls_bpf
