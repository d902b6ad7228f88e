// SPDX-License-Identifier: Apache-2.0
// tcx, the kernel's list of programs on an interface since 6.6 (L2). libbpf 1.1 knows only the
// link-based form, whose attachment ends with its last holder; BPF_PROG_ATTACH stays until it is
// detached or the interface goes.
#pragma once

#include <cstdint>
#include <vector>

#include "controller/base/ids.h"
#include "controller/base/result.h"
#include "controller/bpf/attachment.h"

namespace kernmesh::bpf::tcx {

// Program ids in running order. kUnsupported: this kernel has no tcx.
Result<std::vector<std::uint32_t>> query(IfIndex interface, Hook hook);
Status attach_first(IfIndex interface, Hook hook, int program_fd);
Status replace(IfIndex interface, Hook hook, int program_fd, int old_program_fd);
Status detach(IfIndex interface, Hook hook, int program_fd);

}  // namespace kernmesh::bpf::tcx
