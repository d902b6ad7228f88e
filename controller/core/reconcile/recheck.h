// SPDX-License-Identifier: Apache-2.0
// How often the kernel's WireGuard peers are compared with what the agent wrote (L1, pure). The
// driver announces no changes and cannot tell one peer alone, so whoever wants to see what
// somebody changed by hand has to read them all.
#pragma once

#include "controller/base/clock.h"

namespace kernmesh::reconcile {

// The pause after a comparison that took `took` of CPU time: 10 s while it is cheap, and never more
// than a two-thousandth of a CPU is spent on it (10,000 peers: 0.25 s, every 500 s).
Duration pause_after_recheck(Duration took);

}  // namespace kernmesh::reconcile
