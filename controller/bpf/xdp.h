// SPDX-License-Identifier: Apache-2.0
// XDP programs on interfaces (L2): attached without a link, so that they outlive this process.
// Interface indices mean the calling thread's network namespace.
#pragma once

#include <optional>

#include "controller/bpf/attachment.h"

namespace kernmesh::bpf {

enum class XdpMode { kNative, kGeneric };

struct XdpState {
  XdpMode mode = XdpMode::kNative;
  ProgramInfo program;
};
// Nothing when there is none.
Result<std::optional<XdpState>> query_xdp(IfIndex interface);

// Replaces an older program of ours, in one step when the mode stays. kConflict: another's program
// is there. kInvalid for lo, where generic XDP copies whole GSO packets. kUnsupported: the driver
// cannot. Needs CAP_NET_ADMIN.
Status attach_xdp(IfIndex interface, XdpMode mode, const OwnProgram& program);
// Success when nothing of ours is there.
Status detach_xdp(IfIndex interface, const OwnProgram& program);

}  // namespace kernmesh::bpf
